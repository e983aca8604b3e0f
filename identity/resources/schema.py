"""What resources look like: attributes, schemas and resource types (RFC 7643 §2, §4, §7).

The same description answers `/Schemas`, decides how input is read, what a filter may ask,
what PATCH may change and what an answer shows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from identity.resources.attributes import (
    COMMON,
    ENTERPRISE_ATTRIBUTES,
    GROUP_ATTRIBUTES,
    ROLE_ATTRIBUTES,
    STEWARD_ATTRIBUTES,
    USER_ATTRIBUTES,
    Attribute,
)

USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_URN = "urn:ietf:params:scim:schemas:core:2.0:Group"
ROLE_URN = "urn:ietf:params:scim:schemas:core:2.0:Role"
ENTERPRISE_URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
STEWARD_URN = "urn:ietf:params:scim:schemas:extension:steward:2.0:User"
SCHEMA_URN = "urn:ietf:params:scim:schemas:core:2.0:Schema"
RESOURCE_TYPE_URN = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"


@dataclass(frozen=True, slots=True)
class Schema:
    """A set of attributes under one URN."""

    urn: str
    name: str
    description: str
    attributes: tuple[Attribute, ...]

    def find(self, name: str) -> Attribute | None:
        """Return the attribute of a name, in any case."""
        return _named(self.attributes, name)

    def document(self) -> dict[str, Any]:
        """Return the schema as `/Schemas` answers it (RFC 7643 §7)."""
        return {
            "schemas": [SCHEMA_URN],
            "id": self.urn,
            "name": self.name,
            "description": self.description,
            "attributes": [attribute.document() for attribute in self.attributes],
        }


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names: an attribute, one of its sub-attributes, or a whole extension.

    `urn` is the extension that holds it, None for the core. Without an attribute it is the
    extension itself.
    """

    urn: str | None
    attribute: Attribute | None
    sub: Attribute | None = None

    @property
    def leaf(self) -> Attribute | None:
        """Return the attribute whose values are compared: `value` of complex lists."""
        found = self.sub or self.attribute
        if found is not None and found.type == "complex" and self.sub is None:
            return found.find("value") or found
        return found


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A kind of resources: its endpoint, its schema and its extensions (RFC 7643 §6)."""

    name: str
    endpoint: str
    description: str
    schema: Schema
    extensions: tuple[Schema, ...] = ()

    def schemas(self) -> Iterator[Schema]:
        """Yield the schema and the extensions."""
        yield self.schema
        yield from self.extensions

    def extension(self, urn: str) -> Schema | None:
        """Return the extension of a URN, in any case."""
        return next((e for e in self.extensions if e.urn.lower() == urn.lower()), None)

    def resolve(self, urn: str | None, name: str, sub: str | None = None) -> Target | None:
        """Return what a path names, or None if nothing here has that name.

        `urn:…:2.0` with `User` is a whole extension: a URN's last part reads like a name.
        """
        if urn is None:
            attribute, holder = self._core(name), None
            if attribute is None and (alias := ALIASES.get(name.lower())):
                return self._in_extension(alias[0], alias[1], sub)
        elif whole := self.extension(f"{urn}:{name}"):
            return Target(whole.urn, None)
        elif urn.lower() == self.schema.urn.lower():
            attribute, holder = self._core(name), None
        else:
            return self._in_extension(urn, name, sub)
        return _with_sub(holder, attribute, sub)

    def _core(self, name: str) -> Attribute | None:
        return self.schema.find(name) or _named(COMMON, name)

    def _in_extension(self, urn: str, name: str, sub: str | None) -> Target | None:
        holder = self.extension(urn)
        return _with_sub(holder.urn, holder.find(name), sub) if holder else None

    def document(self, location: str) -> dict[str, Any]:
        """Return the type as `/ResourceTypes` answers it (RFC 7643 §6)."""
        return {
            "schemas": [RESOURCE_TYPE_URN],
            "id": self.name,
            "name": self.name,
            "endpoint": self.endpoint,
            "description": self.description,
            "schema": self.schema.urn,
            "schemaExtensions": [
                {"schema": extension.urn, "required": False} for extension in self.extensions
            ],
            "meta": {"resourceType": "ResourceType", "location": location},
        }


def _named(attributes: tuple[Attribute, ...], name: str) -> Attribute | None:
    return next((a for a in attributes if a.name.lower() == name.lower()), None)


def _with_sub(urn: str | None, attribute: Attribute | None, sub: str | None) -> Target | None:
    if attribute is None:
        return None
    if sub is None:
        return Target(urn, attribute)
    found = attribute.find(sub)
    return Target(urn, attribute, found) if found else None


ALIASES = {
    "organizationrole": (STEWARD_URN, "organizationRole"),
    "modelsseat": (STEWARD_URN, "seat"),
    "teamroles": (STEWARD_URN, "teamRoles"),
}
"""Names at the top level that scripts written for W&B use (its SCIM documentation)."""

USER = ResourceType(
    "User",
    "/Users",
    "A member of the organization",
    Schema(USER_URN, "User", "A member of the organization", USER_ATTRIBUTES),
    (
        Schema(ENTERPRISE_URN, "EnterpriseUser", "Where a member works", ENTERPRISE_ATTRIBUTES),
        Schema(STEWARD_URN, "StewardUser", "What a member may do here", STEWARD_ATTRIBUTES),
    ),
)
GROUP = ResourceType(
    "Group", "/Groups", "A team", Schema(GROUP_URN, "Group", "A team", GROUP_ATTRIBUTES)
)
ROLE = ResourceType(
    "Role", "/Roles", "A custom role", Schema(ROLE_URN, "Role", "A custom role", ROLE_ATTRIBUTES)
)
RESOURCE_TYPES = (USER, GROUP, ROLE)
