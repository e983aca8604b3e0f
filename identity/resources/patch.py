"""PATCH, as a function from resource to resource (RFC 7644 §3.5.2).

All operations or none: the resource given is left as it was. Identity providers write the
same change in many ways; those of Okta, Entra ID,
OneLogin, Google and W&B are understood:

- operations and names in any case, booleans as text;
- without a path: an object, also with keys that are paths themselves
  (`name.givenName`, `emails[type eq "work"].value`, `urn:…:User:department`);
- removing from a list with a value: those elements, never all;
- adding by a filter that finds nothing: the element that the filter describes (Entra ID).
"""

import copy
from collections.abc import Mapping
from typing import Any

from identity.resources import grammar, read
from identity.resources.attributes import Attribute
from identity.resources.bound import bind_element
from identity.resources.connectives import And
from identity.resources.evaluate import matches
from identity.resources.grammar import Path, parse_path
from identity.resources.refusals import (
    Immutable,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    NoTarget,
)
from identity.resources.schema import ResourceType, Target

MOST_OPERATIONS = 1_000
LONGEST_PATH = 1_000
_KINDS = ("add", "replace", "remove")


def operations_in(body: Any) -> list[tuple[str, str | None, Any]]:
    """Return the operations of a PATCH body: kind, path and value. Raises `InvalidSyntax`."""
    if not isinstance(body, Mapping):
        raise InvalidSyntax("The body has to be a JSON object.")
    found = _any_case(body).get("operations")
    if isinstance(found, Mapping):
        found = [found]
    if not isinstance(found, list) or not found:
        raise InvalidSyntax("“Operations” has to be a list with one operation at least.")
    if len(found) > MOST_OPERATIONS:
        raise InvalidSyntax(f"There are more than {MOST_OPERATIONS:,} operations.")
    return [_operation(one) for one in found]


def _operation(given: Any) -> tuple[str, str | None, Any]:
    if not isinstance(given, Mapping):
        raise InvalidSyntax("Each operation has to be an object.")
    parts = _any_case(given)
    kind, path = parts.get("op"), parts.get("path")
    if not isinstance(kind, str) or kind.lower() not in _KINDS:
        raise InvalidSyntax("“op” has to be add, replace or remove.")
    if path is not None and not isinstance(path, str):
        raise InvalidPath("“path” has to be text.")
    if kind.lower() != "remove" and "value" not in parts:
        raise InvalidValue(f"An operation “{kind}” needs a “value”.")
    return kind.lower(), path or None, parts.get("value")


def _any_case(given: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in given.items()}


def apply(body: Any, resource: Mapping[str, Any], resource_type: ResourceType) -> dict[str, Any]:
    """Return the resource after the operations of a PATCH body.

    Names in `resource` are canonical; so are they in the answer. Raises what `refusals` has.
    """
    changed = copy.deepcopy(dict(resource))
    for kind, path, value in operations_in(body):
        if path is not None:
            if len(path) > LONGEST_PATH:
                raise InvalidPath(f"A path has at most {LONGEST_PATH:,} characters.")
            _one(kind, parse_path(path), value, changed, resource_type)
            continue
        if kind == "remove":
            raise NoTarget("An operation “remove” needs a “path”.")
        if not isinstance(value, Mapping):
            raise InvalidValue("Without a “path” the “value” has to be an object.")
        for key, inner in value.items():
            _by_key(kind, key, inner, changed, resource_type)
    return changed


def _by_key(
    kind: str, key: str, value: Any, resource: dict[str, Any], resource_type: ResourceType
) -> None:
    """Do what one key of a value without a path says.

    What cannot be set is passed over: clients send `id`, `schemas` and `meta` along.
    """
    path = parse_path(key)
    target = _target(path, resource_type)
    if target is not None and target.attribute and not read.is_settable(target.attribute):
        return
    _one(kind, path, value, resource, resource_type)


def _one(
    kind: str, path: Path, value: Any, resource: dict[str, Any], resource_type: ResourceType
) -> None:
    target = _target(path, resource_type)
    if target is None:
        return  # Entra ID sends attributes of its own; they are no errors.
    if target.attribute is None:
        _extension(kind, target, value, resource, resource_type)
        return
    attribute, sub = target.attribute, target.sub
    if path.sub is not None:
        sub = attribute.find(path.sub)
        if sub is None:
            raise InvalidPath(f"“{attribute.name}” has no sub-attribute “{path.sub}”.")
    held = _held(resource, target)
    _require_settable(attribute, sub, value, held)
    if not read.is_settable(attribute):
        return
    if attribute.multi_valued:
        found = _in_list((kind, path.node, value), attribute, sub, list(held or []))
    elif path.node is not None:
        raise InvalidPath(f"“{attribute.name}” is no list: it cannot be filtered.")
    else:
        found = _single(kind, attribute, sub, value, held)
    if isinstance(found, list):
        read.require_few(attribute, found)
    if attribute.required and not found:
        raise Immutable(f"“{attribute.name}” is required: it cannot be removed.")
    read.put(resource, target, found)


def _target(path: Path, resource_type: ResourceType) -> Target | None:
    """Return what a path names; None for attributes that there are not."""
    at = path.attribute
    target = resource_type.resolve(at.urn, at.name, at.sub)
    if target is None and at.sub is not None:
        whole = resource_type.resolve(at.urn, at.name)
        if whole is not None and whole.attribute is not None:
            raise InvalidPath(f"“{whole.attribute.name}” has no sub-attribute “{at.sub}”.")
    return target


def _require_settable(
    attribute: Attribute, sub: Attribute | None, value: Any, held: Any
) -> None:
    """Raise `Immutable` for what no client changes, unless it would stay as it is."""
    if attribute.is_read_only or (sub is not None and sub.is_read_only):
        if sub is None and value is not None and held == value:
            return
        name = f"{attribute.name}.{sub.name}" if sub else attribute.name
        raise Immutable(f"“{name}” is read-only.")


def _held(resource: Mapping[str, Any], target: Target) -> Any:
    assert target.attribute is not None  # noqa: S101 - extensions went another way
    holder = resource.get(target.urn, {}) if target.urn else resource
    return holder.get(target.attribute.name)


def _extension(
    kind: str, target: Target, value: Any, resource: dict[str, Any], resource_type: ResourceType
) -> None:
    assert target.urn is not None  # noqa: S101 - only extensions have no attribute
    if kind == "remove":
        resource.pop(target.urn, None)
        return
    if not isinstance(value, Mapping):
        raise InvalidValue(f"“{target.urn}” has to be an object.")
    for found, given in read.targets({target.urn: value}, resource_type):
        assert found.attribute is not None  # noqa: S101 - read.targets names attributes
        held = _held(resource, found)
        if found.attribute.multi_valued:
            new = _in_list((kind, None, given), found.attribute, None, list(held or []))
            read.require_few(found.attribute, new or [])
        else:
            new = _single(kind, found.attribute, None, given, held)
        read.put(resource, found, new)


def _single(kind: str, attribute: Attribute, sub: Attribute | None, value: Any, held: Any) -> Any:
    """Return what a single value becomes; None is unset."""
    if attribute.type != "complex":
        return None if kind == "remove" else read.coerced(attribute, value)
    parts = dict(held or {})
    if sub is not None:
        new = None if kind == "remove" else read.element(sub, value)
        parts.pop(sub.name, None)
        if new is not None:
            parts[sub.name] = new
        return parts or None
    if kind == "remove":
        return None
    # Sub-attributes that are not named stay as they are (RFC 7644 §3.5.2.3).
    given = read.coerced(attribute, value)
    return {**parts, **given} if given else None


def _in_list(
    operation: tuple[str, grammar.Node | None, Any],
    attribute: Attribute,
    sub: Attribute | None,
    held: list[Any],
) -> list[Any] | None:
    """Return what a list becomes."""
    kind, elements, value = operation
    if elements is None and sub is None:
        return _whole_list(kind, attribute, value, held)
    node = bind_element(elements, attribute) if elements is not None else None
    found = [
        number for number, one in enumerate(held)
        if node is None or (isinstance(one, Mapping) and matches(node, one))
    ]  # fmt: skip
    if sub is not None and sub.mutability == "immutable" and found:
        raise Immutable(f"“{attribute.name}.{sub.name}” stays as it was given.")
    if kind == "remove":
        return _without(held, found, sub) or None
    if not found:
        if kind == "replace" and node is not None:
            raise NoTarget(f"No element of “{attribute.name}” is what the path asks for.")
        held, found = [*held, _described(elements, attribute)], [len(held)]
    for number in found:
        given = value if sub is None else {sub.name: value}
        new = read.element(attribute, given)
        if new is None and sub is not None:
            held[number] = {k: v for k, v in held[number].items() if k != sub.name}
        elif new is not None:
            # Without a sub-attribute the element itself is replaced (RFC 7644 §3.5.2.3).
            is_whole = kind == "replace" and sub is None
            held[number] = new if is_whole else {**held[number], **new}
    held = read.with_one_primary(held, keep=found[-1])
    return [one for one in held if one] or None


def _whole_list(kind: str, attribute: Attribute, value: Any, held: list[Any]) -> list[Any] | None:
    if kind == "replace":
        return list(read.coerced(attribute, value) or []) or None
    if kind == "remove":
        if value is None:
            return None
        gone = read.coerced(attribute, value) or []
        return [one for one in held if not any(_is_same(one, other) for other in gone)] or None
    for one in read.coerced(attribute, value) or []:
        same = [number for number, there in enumerate(held) if _is_same(there, one)]
        if same:
            held[same[0]] = {**held[same[0]], **one}
        else:
            held.append(one)
        if one.get("primary") is True:
            held = read.with_one_primary(held, keep=same[0] if same else len(held) - 1)
    return held or None


def _is_same(one: Any, other: Any) -> bool:
    """Whether two elements are the same: by their value, and their type where both have one."""
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return bool(one == other)
    if "value" not in one or "value" not in other:
        return one == other
    if str(one["value"]).casefold() != str(other["value"]).casefold():
        return False
    kinds = {str(each["type"]).casefold() for each in (one, other) if each.get("type")}
    return len(kinds) < 2


def _without(held: list[Any], found: list[int], sub: Attribute | None) -> list[Any]:
    if sub is None:
        return [one for number, one in enumerate(held) if number not in set(found)]
    for number in found:
        held[number] = {key: value for key, value in held[number].items() if key != sub.name}
    return [one for one in held if one]


def _described(node: grammar.Node | None, attribute: Attribute) -> dict[str, Any]:
    """Return the element that a filter describes: what its comparisons by `eq` say."""
    match node:
        case And(nodes):
            parts: dict[str, Any] = {}
            for one in nodes:
                parts |= _described(one, attribute)
            return parts
        case grammar.Comparison(path, "eq", value) if (sub := attribute.find(path.name)):
            found = read.element(sub, value)
            return {} if found is None else {sub.name: found}
    return {}
