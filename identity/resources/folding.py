"""The form of a resource in which it is looked for: casefolded where case does not count."""

from collections.abc import Mapping
from typing import Any

from identity.resources.attributes import Attribute
from identity.resources.schema import ResourceType


def folded(resource: Mapping[str, Any], resource_type: ResourceType) -> dict[str, Any]:
    """Return a canonical resource with every text as a filter compares it.

    Names stay as they are; what the type does not know is left out.
    """
    found: dict[str, Any] = {}
    for name, value in resource.items():
        extension = resource_type.extension(name)
        if extension is not None:
            found[name] = {
                inner: _folded(attribute, part)
                for inner, part in value.items()
                if (attribute := extension.find(inner)) is not None
            }
            continue
        target = resource_type.resolve(None, name)
        if target is not None and target.attribute is not None and target.urn is None:
            found[name] = _folded(target.attribute, value)
    return found


def _folded(attribute: Attribute, value: Any) -> Any:
    if isinstance(value, list):
        return [_folded(attribute, one) for one in value]
    if isinstance(value, Mapping):
        return {
            name: _folded(sub, part)
            for name, part in value.items()
            if (sub := attribute.find(name)) is not None
        }
    if isinstance(value, str) and not attribute.case_exact:
        return value.casefold()
    return value
