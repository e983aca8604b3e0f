"""Roles, built in and custom, and the catalogue of permissions that they are made of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api.body import Body
from kernel.api.fields import Text
from orgs import access
from orgs.actions import roles
from orgs.doors.api import OrganizationView
from orgs.errors import NameTaken, RoleInUse
from orgs.models import PlatformPermission, Role
from orgs.permissions import (
    DESCRIPTIONS,
    ORGANIZATION_ROLES,
    RESERVED_TO_OWNERS,
    TEAM_LEVEL,
    TEAM_ROLES,
    Permission,
)


@dataclass(frozen=True, slots=True)
class ShownRole:
    """A role as it is shown, built in or custom."""

    id: str
    name: str
    description: str
    scope: str
    is_built_in: bool
    inherits: str | None
    added: list[str]
    removed: list[str]
    permissions: list[str]
    version: int | None


class RoleShape(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="`role_…`, or the name of a built-in role.")
    name = serializers.CharField()
    description = serializers.CharField()
    scope = serializers.ChoiceField(choices=Role.Scope.choices)
    is_built_in = serializers.BooleanField()
    inherits = serializers.CharField(allow_null=True)
    added = serializers.ListField(child=serializers.CharField())
    removed = serializers.ListField(child=serializers.CharField())
    permissions = serializers.ListField(
        child=serializers.CharField(), help_text="All that it holds, in alphabetical order."
    )
    version = serializers.IntegerField(allow_null=True)


class NewRoleBody(Body):
    name = Text(max_length=60)
    scope = serializers.ChoiceField(choices=Role.Scope.choices)
    inherits = Text(max_length=20)
    added = serializers.ListField(child=Text(max_length=64), max_length=200, default=list)
    removed = serializers.ListField(child=Text(max_length=64), max_length=200, default=list)
    description = Text(max_length=300, allow_blank=True, default="")


class RoleChangesBody(Body):
    name = Text(max_length=60)
    description = Text(max_length=300, allow_blank=True)
    added = serializers.ListField(child=Text(max_length=64), max_length=200)
    removed = serializers.ListField(child=Text(max_length=64), max_length=200)


class RoleFilters(serializers.Serializer[Any]):
    scope = serializers.ChoiceField(required=False, choices=Role.Scope.choices)


class PermissionShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    description = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Role.Scope.choices))
    is_reserved_to_owners = serializers.BooleanField()
    is_platform = serializers.BooleanField(
        help_text="Whether the platform behind Steward registered it, such as `run.write`."
    )


class RolesView(OrganizationView):
    """The roles that can be given in an organization."""

    noun = "roles"
    is_list, is_paged = True, False
    representation = RoleShape
    parameters = {"GET": RoleFilters}
    bodies = {"POST": NewRoleBody}
    refusals = {"POST": (NameTaken,)}
    permissions = {"GET": Permission.ROLE_READ, "POST": Permission.ROLE_MANAGE}

    def get(self, request: Request, **_url: str) -> Response:
        """List roles: the built-in ones, then the organization's own."""
        scope = self.query.get("scope", "")
        own = Role.objects.of(self.organization).order_by("pk")
        bases = _built_in()
        shown = [*bases.values(), *(_custom(role, bases) for role in own)]
        return self.whole(role for role in shown if scope in ("", role.scope))

    def post(self, request: Request, **_url: str) -> Response:
        """Create a role that inherits a built-in one."""
        made = roles.create(
            actor=self.principal, organization=self.organization, **self.body()
        )
        return self.one(_custom(made), location=self.url("role", role=made.wire_id))


class RoleView(OrganizationView):
    """One role of the organization's own."""

    noun = "roles"
    representation = RoleShape
    bodies = {"PATCH": RoleChangesBody}
    refusals = {"PATCH": (NameTaken,), "DELETE": (RoleInUse,)}
    permissions = {
        "GET": Permission.ROLE_READ,
        "PATCH": Permission.ROLE_MANAGE,
        "DELETE": Permission.ROLE_MANAGE,
    }

    @cached_property
    def custom_role(self) -> Role:
        """Return the role of the URL, or raise `Missing`."""
        return Role.objects.of(self.organization).pick(self.kwargs["role"])

    def get(self, request: Request, **_url: str) -> Response:
        """Show a custom role."""
        return self.one(_custom(self.custom_role))

    def patch(self, request: Request, **_url: str) -> Response:
        """Change a custom role; it holds for everybody who has it at once."""
        changed = roles.update(
            actor=self.principal,
            organization=self.organization,
            role=self.custom_role,
            changes=self.body(),
            expected_version=self.expected_version(),
        )
        return self.one(_custom(changed))

    def delete(self, request: Request, **_url: str) -> Response:
        """Delete a custom role that nobody has."""
        roles.delete(
            actor=self.principal, organization=self.organization, role=self.custom_role
        )
        return Response(status=204)


class PermissionsView(OrganizationView):
    """The permissions that roles and keys' scopes are made of."""

    noun = "permissions"
    is_list, is_paged = True, False
    representation = PermissionShape
    permissions = {"GET": Permission.ROLE_READ}

    def get(self, request: Request, **_url: str) -> Response:
        """List the catalogue of permissions."""
        return self.whole(_catalogue())


def _built_in() -> dict[tuple[str, str], ShownRole]:
    """Return the built-in roles by scope and name, with what the platform registered."""
    tables = {"organization": ORGANIZATION_ROLES, "team": TEAM_ROLES}
    return {
        (scope, name): ShownRole(
            id=name,
            name=name.replace("_", " ").capitalize(),
            description="",
            scope=scope,
            is_built_in=True,
            inherits=None,
            added=[],
            removed=[],
            permissions=sorted(access.role_permissions(name, None, scope)),
            version=None,
        )
        for scope, table in tables.items()
        for name in table
    }


def _custom(
    role: Role, bases: Mapping[tuple[str, str], ShownRole] | None = None
) -> ShownRole:
    """Return a custom role; `bases` spares a list from reading the platform's part again."""
    if bases is None:
        held = access.role_permissions(role.inherits, role, role.scope)
    else:
        inherited = frozenset(bases[role.scope, role.inherits].permissions)
        held = (inherited | frozenset(role.added)) - frozenset(role.removed)
    return ShownRole(
        id=role.wire_id,
        name=role.name,
        description=role.description,
        scope=role.scope,
        is_built_in=False,
        inherits=role.inherits,
        added=list(role.added),
        removed=list(role.removed),
        permissions=sorted(held),
        version=role.version,
    )


def _catalogue() -> Iterator[dict[str, Any]]:
    for name, description in sorted(DESCRIPTIONS.items()):
        yield {
            "name": str(name),
            "description": description,
            "scopes": ["organization", *(["team"] if name in TEAM_LEVEL else [])],
            "is_reserved_to_owners": name in RESERVED_TO_OWNERS,
            "is_platform": False,
        }
    for row in PlatformPermission.objects.order_by("name"):
        yield {
            "name": row.name,
            "description": row.description,
            "scopes": ["organization", "team"],
            "is_reserved_to_owners": False,
            "is_platform": True,
        }
