"""Which attributes an answer shows (RFC 7644 §3.9)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from identity.resources.attributes import Attribute
from identity.resources.grammar import attribute_path
from identity.resources.refusals import InvalidValue
from identity.resources.schema import ResourceType, Target

_ALWAYS = ("schemas", "id")


@dataclass(frozen=True, slots=True)
class Projection:
    """What to show: `only` these, or all but `without` these; one of the two is empty."""

    only: tuple[Target, ...] | None = None
    without: tuple[Target, ...] = ()

    @classmethod
    def asked(
        cls, attributes: Iterable[str], excluded: Iterable[str], resource_type: ResourceType
    ) -> "Projection":
        """Read the two parameters; names that there are not are passed over.

        Raises `InvalidValue` if both are given.
        """
        only, without = list(attributes), list(excluded)
        if only and without:
            raise InvalidValue("Give either “attributes” or “excludedAttributes”, not both.")
        return cls(
            tuple(_targets(only, resource_type)) if only else None,
            tuple(_targets(without, resource_type)),
        )

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.only is None and not self.without

    def shows(self, name: str) -> bool:
        """Whether an attribute of the core is shown at all: what is not need not be read."""
        if self.only is not None:
            return any(_names(target, name) for target in self.only)
        return not any(_names(target, name) and target.sub is None for target in self.without)

    def of(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Return the resource as it is shown."""
        if self.only is not None:
            shown: dict[str, Any] = {
                name: resource[name] for name in _ALWAYS if name in resource
            }
            for target in self.only:
                _add(shown, resource, target)
            return shown
        if not self.without:
            return dict(resource)
        left = dict(resource)
        for target in self.without:
            _leave_out(left, target)
        return left


def _names(target: Target, name: str) -> bool:
    return target.urn is None and target.attribute is not None and target.attribute.name == name


def _targets(names: Iterable[str], resource_type: ResourceType) -> Iterable[Target]:
    for name in names:
        path = attribute_path(name.strip())
        found = resource_type.resolve(path.urn, path.name, path.sub) if path else None
        if found is not None:
            yield found


def _add(shown: dict[str, Any], resource: Mapping[str, Any], target: Target) -> None:
    if target.attribute is None:
        urn = str(target.urn)
        if urn in resource:
            shown[urn] = resource[urn]
        return
    holder = resource.get(target.urn, {}) if target.urn else resource
    name = target.attribute.name
    if name not in holder:
        return
    place = shown.setdefault(target.urn, {}) if target.urn else shown
    if target.sub is None:
        place[name] = holder[name]
        return
    before, key = place.get(name), target.sub.name
    if isinstance(holder[name], list):
        parts = [{key: one[key]} if key in one else {} for one in holder[name]]
        if isinstance(before, list):
            parts = [{**old, **new} for old, new in zip(before, parts, strict=True)]
        place[name] = parts
    elif key in holder[name]:
        place[name] = {**(before or {}), key: holder[name][key]}


def _leave_out(left: dict[str, Any], target: Target) -> None:
    attribute: Attribute | None = target.attribute
    if attribute is None:
        left.pop(str(target.urn), None)
        return
    if attribute.returned == "always" or (target.urn is None and attribute.name in _ALWAYS):
        return
    holder = dict(left.get(target.urn, {})) if target.urn else left
    held = holder.get(attribute.name)
    if held is None:
        return
    if target.sub is None:
        del holder[attribute.name]
    elif isinstance(held, list):
        holder[attribute.name] = [_without(one, target.sub.name) for one in held]
    else:
        holder[attribute.name] = _without(held, target.sub.name)
    if target.urn:
        left[target.urn] = holder
        if not holder:
            del left[target.urn]


def _without(one: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key != name}
