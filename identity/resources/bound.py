"""A filter that is tied to a resource type: what it names exists and can be compared so."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from identity.resources import grammar
from identity.resources.attributes import Attribute, truth
from identity.resources.connectives import And, Not, Or
from identity.resources.refusals import InvalidFilter
from identity.resources.schema import ResourceType, Target

_TEXTS = ("string", "reference", "binary")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of what a target names; the value is of the attribute's type.

    Text that is not told apart by case is compared casefolded, and so is the value.
    """

    target: Target
    operator: str
    value: Any

    @property
    def leaf(self) -> Attribute:
        """Return the attribute whose values are compared."""
        assert self.target.leaf is not None  # noqa: S101 - `bind` saw to it
        return self.target.leaf


@dataclass(frozen=True, slots=True)
class Present:
    """Whether what a target names has a value."""

    target: Target


@dataclass(frozen=True, slots=True)
class Element:
    """Whether one element of a list fulfils a filter about its sub-attributes."""

    target: Target
    node: "Node"


Node = Comparison | Present | Element | Not["Node"] | And["Node"] | Or["Node"]


def bind(node: grammar.Node, resource_type: ResourceType) -> Node:
    """Tie a filter to a resource type.

    Raises `InvalidFilter` for attributes that there are not, and for values and operators
    that do not fit them.
    """
    return _bind(node, lambda path: _of_resource(path, resource_type))


def bind_element(node: grammar.Node, attribute: Attribute) -> Node:
    """Tie the filter of a path (`emails[…]`) to the sub-attributes of a list."""
    return _bind(node, lambda path: _of_element(path, attribute))


def _bind(node: grammar.Node, resolve: Callable[[grammar.AttributePath], Target]) -> Node:
    match node:
        case And(nodes):
            return And(tuple(_bind(part, resolve) for part in nodes))
        case Or(nodes):
            return Or(tuple(_bind(part, resolve) for part in nodes))
        case Not(inner):
            return Not(_bind(inner, resolve))
        case grammar.Present(path):
            return Present(resolve(path))
        case grammar.Complex(path, inner):
            target = resolve(path)
            if target.attribute is None or target.attribute.type != "complex" or target.sub:
                raise InvalidFilter(f"“{path}” has no sub-attributes to filter by.")
            return Element(target, bind_element(inner, target.attribute))
        case grammar.Comparison(path, operator, value):
            return _comparison(resolve(path), path, operator, value)


def _of_resource(path: grammar.AttributePath, resource_type: ResourceType) -> Target:
    target = resource_type.resolve(path.urn, path.name, path.sub)
    if target is None:
        raise InvalidFilter(f"A {resource_type.name} has no attribute “{path}”.")
    if target.leaf is not None and target.leaf.returned == "never":
        raise InvalidFilter(f"“{path}” cannot be asked for.")
    return target


def _of_element(path: grammar.AttributePath, attribute: Attribute) -> Target:
    sub = None if path.urn or path.sub else attribute.find(path.name)
    if sub is None:
        raise InvalidFilter(f"“{attribute.name}” has no sub-attribute “{path}”.")
    return Target(None, sub)


def _comparison(
    target: Target, path: grammar.AttributePath, operator: str, value: Any
) -> Comparison:
    leaf = target.leaf
    if leaf is None or leaf.type == "complex":
        raise InvalidFilter(f"“{path}” has parts; compare one of them.")
    if value is None:
        if operator not in ("eq", "ne"):
            raise InvalidFilter(f"null can be compared by eq and ne, not by {operator}.")
        return Comparison(target, operator, None)
    if operator in ("co", "sw", "ew") and leaf.type not in _TEXTS:
        raise InvalidFilter(f"“{path}” is no text: it cannot be compared by {operator}.")
    if leaf.type in ("boolean", "binary") and operator in ("gt", "ge", "lt", "le"):
        raise InvalidFilter(f"“{path}” has no order: it cannot be compared by {operator}.")
    return Comparison(target, operator, _fitting(leaf, path, value))


def _fitting(leaf: Attribute, path: grammar.AttributePath, value: Any) -> Any:
    """Return the value in the attribute's type."""
    if leaf.type == "boolean":
        found = truth(value)
        if found is not None:
            return found
    elif leaf.type == "dateTime":
        moment = as_moment(value)
        if moment is not None:
            return moment
    elif isinstance(value, str):
        return value if leaf.case_exact else value.casefold()
    raise InvalidFilter(f"“{path}” is of the type {leaf.type}; {value!r} is not.")


def as_moment(value: Any) -> dt.datetime | None:
    """Return a time of RFC 3339, in UTC; None for anything else. Without a zone it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        return None
    try:
        return moment.replace(tzinfo=moment.tzinfo or dt.UTC).astimezone(dt.UTC)
    except OverflowError:
        return None
