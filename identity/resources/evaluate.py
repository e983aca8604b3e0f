"""Whether a resource fulfils a filter, decided in memory (RFC 7644 §3.4.2.2).

For the elements that a path finds, and as the definition that SQL is tested against. A list
fulfils a comparison if one of its elements does. What is absent equals null alone: it is
unequal to every value, and neither above nor below any.
"""

import operator as signs
from collections.abc import Callable, Mapping
from typing import Any

from identity.resources.bound import Comparison, Element, Node, Present, as_moment
from identity.resources.connectives import And, Not, Or
from identity.resources.schema import Target

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": signs.eq,
    "co": lambda held, wanted: wanted in held,
    "sw": lambda held, wanted: held.startswith(wanted),
    "ew": lambda held, wanted: held.endswith(wanted),
    "gt": signs.gt,
    "ge": signs.ge,
    "lt": signs.lt,
    "le": signs.le,
}


def matches(node: Node, resource: Mapping[str, Any]) -> bool:
    """Return whether a resource (or one element of a list) fulfils a bound filter.

    Names in the resource are canonical, as `read.normalise` makes them.
    """
    match node:
        case And(nodes):
            return all(matches(part, resource) for part in nodes)
        case Or(nodes):
            return any(matches(part, resource) for part in nodes)
        case Not(inner):
            return not matches(inner, resource)
        case Present(target):
            return any(_is_something(value) for value in _values(target, resource))
        case Element(target, inner):
            held = _held(target, resource)
            elements = held if isinstance(held, list) else [held]
            return any(matches(inner, e) for e in elements if isinstance(e, Mapping))
        case Comparison():
            return _compares(node, resource)


def _compares(node: Comparison, resource: Mapping[str, Any]) -> bool:
    held = [
        found
        for value in _values(node.target, resource, leaf=True)
        if (found := _comparable(node, value)) is not None
    ]
    if node.value is None:
        return (not held) if node.operator == "eq" else bool(held)
    if node.operator == "ne":
        return not held or any(found != node.value for found in held)
    compare = _COMPARE[node.operator]
    return any(compare(found, node.value) for found in held)


def _comparable(node: Comparison, value: Any) -> Any:
    """Return a held value in the form in which it is compared; None if there is none."""
    leaf = node.leaf
    if leaf.type == "dateTime":
        return as_moment(value)
    if isinstance(value, str) and not leaf.case_exact:
        return value.casefold()
    return value


def _held(target: Target, resource: Mapping[str, Any]) -> Any:
    holder: Any = resource.get(target.urn, {}) if target.urn else resource
    if target.attribute is None:
        return holder
    return holder.get(target.attribute.name) if isinstance(holder, Mapping) else None


def _values(target: Target, resource: Mapping[str, Any], *, leaf: bool = False) -> list[Any]:
    """Return every value that a target names; with `leaf` those of a list's `value`."""
    held = _held(target, resource)
    values = held if isinstance(held, list) else [held]
    attribute = target.attribute
    sub = target.sub
    if leaf and sub is None and attribute is not None and attribute.type == "complex":
        sub = attribute.find("value")
    if sub is None:
        return values
    return [value.get(sub.name) for value in values if isinstance(value, Mapping)]


def _is_something(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_is_something(part) for part in value.values())
    if isinstance(value, list):
        return any(_is_something(part) for part in value)
    return value is not None and value != ""
