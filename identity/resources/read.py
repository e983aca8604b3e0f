"""Reading what clients send into canonical resources (RFC 7643 §2, RFC 7644 §3.3, §3.5.1).

Names in any case become the schema's; W&B's spellings (`emails` as one object with `Value`,
`Ref` for `$ref`) and Entra ID's (booleans as text, one object for a list) are understood.
What a client may not set, and attributes that there are not, are left out silently:
identity providers send their own `id`, `groups` and `meta` along.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from identity.resources.attributes import Attribute, truth
from identity.resources.grammar import attribute_path
from identity.resources.refusals import InvalidSyntax, InvalidValue
from identity.resources.schema import ResourceType, Target

LONGEST_TEXT = 4_000
MOST_ELEMENTS = 200
"""How many elements a list has at most, but for the members of a group."""
MOST_MEMBERS = 50_000
"""How many members one request names at most."""


def normalise(body: Any, resource_type: ResourceType) -> dict[str, Any]:
    """Return a body as a canonical resource: only what was given and may be set.

    Extensions lie under their URN. None and empty lists are left out, as they mean "unset"
    (RFC 7643 §2.5). Raises `InvalidSyntax` and `InvalidValue`.
    """
    if not isinstance(body, Mapping):
        raise InvalidSyntax("The body has to be a JSON object.")
    resource: dict[str, Any] = {}
    for target, given in targets(body, resource_type):
        value = coerced(target.attribute, given) if target.attribute else None
        if value is not None:
            put(resource, target, value)
    return resource


def targets(body: Mapping[str, Any], resource_type: ResourceType) -> Iterator[tuple[Target, Any]]:
    """Yield what a body names of a resource, with the value; extensions attribute by attribute."""
    for key, given in body.items():
        extension = resource_type.extension(key)
        if extension is not None:
            if given is None:
                continue
            if not isinstance(given, Mapping):
                raise InvalidValue(f"“{extension.urn}” has to be an object.")
            for name, inner in given.items():
                found = extension.find(name)
                if found is not None and not found.is_read_only:
                    yield Target(extension.urn, found), inner
            continue
        path = attribute_path(key)
        target = resource_type.resolve(path.urn, path.name) if path and not path.sub else None
        if target is not None and target.attribute is not None and is_settable(target.attribute):
            yield target, given


def is_settable(attribute: Attribute) -> bool:
    """Whether a client's value of this attribute is kept."""
    return not attribute.is_read_only and attribute.returned not in ("never", "always")


def put(resource: dict[str, Any], target: Target, value: Any) -> None:
    """Set an attribute of a resource, or unset it (None)."""
    assert target.attribute is not None  # noqa: S101 - extensions are put part by part
    holder = resource.setdefault(target.urn, {}) if target.urn else resource
    if value is None:
        holder.pop(target.attribute.name, None)
    else:
        holder[target.attribute.name] = value
    if target.urn and not holder:
        del resource[target.urn]


def coerced(attribute: Attribute, value: Any) -> Any:
    """Return a value as the attribute has it, None if it is unset. Raises `InvalidValue`."""
    if not attribute.multi_valued:
        if isinstance(value, list) and attribute.type == "complex":
            # Entra ID sends `[{"value": …}]` for a manager.
            value = value[0] if len(value) == 1 else value or None
        return element(attribute, value)
    given = value if isinstance(value, list) else [] if value is None else [value]
    require_few(attribute, given)
    elements = [found for one in given if (found := element(attribute, one)) is not None]
    return with_one_primary(elements) or None


def require_few(attribute: Attribute, elements: list[Any]) -> None:
    """Raise `InvalidValue` for more elements than a list has at most."""
    most = MOST_MEMBERS if attribute.name == "members" else MOST_ELEMENTS
    if len(elements) > most:
        raise InvalidValue(f"“{attribute.name}” has more than {most:,} elements.")


def with_one_primary(elements: list[Any], keep: int | None = None) -> list[Any]:
    """Leave at most one element primary: the first, or the one at the index `keep`."""
    primary = [
        number for number, one in enumerate(elements)
        if isinstance(one, dict) and one.get("primary") is True
    ]  # fmt: skip
    if len(primary) < 2:
        return elements
    stays = keep if keep in primary else primary[0]
    return [
        {**one, "primary": number == stays} if number in primary else one
        for number, one in enumerate(elements)
    ]


def element(attribute: Attribute, value: Any) -> Any:
    """Return one value of an attribute. Raises `InvalidValue`."""
    if value is None:
        return None
    if attribute.type == "complex":
        return _complex(attribute, value)
    if attribute.type == "boolean":
        return _boolean(attribute, value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise InvalidValue(f"“{attribute.name}” has to be text.")
    if len(value) > LONGEST_TEXT:
        raise InvalidValue(f"“{attribute.name}” has more than {LONGEST_TEXT:,} characters.")
    if "\x00" in value:
        raise InvalidValue(f"“{attribute.name}” holds a character that cannot be kept.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidValue(f"“{attribute.name}” holds half a character.") from None
    return value


def _boolean(attribute: Attribute, value: Any) -> bool:
    found = truth(value)
    if found is None:
        raise InvalidValue(f"“{attribute.name}” has to be true or false.")
    return found


def _complex(attribute: Attribute, value: Any) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        if attribute.find("value") is None:
            raise InvalidValue(f"“{attribute.name}” has to be an object.")
        value = {"value": value}
    found = {}
    for key, given in value.items():
        sub = attribute.find("$ref" if key.lower() == "ref" else key)
        if sub is None or sub.is_read_only:
            continue
        inner = element(sub, given)
        if inner is not None:
            found[sub.name] = inner
    return found or None
