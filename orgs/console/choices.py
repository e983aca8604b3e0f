"""Roles, seats and teams as a form offers them: only what the person may give.

A role's value is its built-in name (`admin`) or the wire id of a custom one (`role_…`).
"""

import re
from collections.abc import Iterable

from kernel.errors import Invalid
from orgs.access import role_permissions
from orgs.models import Organization, OrganizationRole, Role, SeatType, TeamRole
from orgs.permissions import ORGANIZATION_ROLES, TEAM_ROLES

Choices = list[tuple[str, str]]

SEATS: Choices = [(seat.value, str(seat.label)) for seat in SeatType]

_BUILT_IN: dict[str, Choices] = {
    "organization": [(role.value, str(role.label)) for role in OrganizationRole],
    "team": [(role.value, str(role.label)) for role in TeamRole],
}
_TABLES = {"organization": ORGANIZATION_ROLES, "team": TEAM_ROLES}


def custom_roles(organization: Organization, scope: str) -> list[Role]:
    """Return the organization's own roles of a scope, by name; one query."""
    return list(Role.objects.of(organization).filter(scope=scope).order_by("name_key"))


def roles_to_give(
    held: frozenset[str], scope: str, custom: Iterable[Role], *, with_owner: bool = True
) -> Choices:
    """Return the roles that hold nothing that the giver lacks: nobody gives more."""
    offered = [
        (role, label)
        for role, label in _BUILT_IN[scope]
        if _TABLES[scope][role] <= held and (with_owner or role != OrganizationRole.OWNER)
    ]
    offered.extend(
        (role.wire_id, role.name)
        for role in custom
        if role_permissions(role.inherits, role, scope, with_platform=False) <= held
    )
    return offered


def role_value(role: str, custom: Role | None) -> str:
    """Return a held role as a form's value."""
    return custom.wire_id if custom else role


def parse_role(organization: Organization, value: str, scope: str) -> tuple[str, Role | None]:
    """Return the built-in role and the custom one that a form's value means."""
    if not value.startswith(f"{Role.wire_prefix}_"):
        return value, None
    found = next(
        (role for role in custom_roles(organization, scope) if role.wire_id == value), None
    )
    if found is None:
        raise Invalid.field("role", "This role is gone. Choose another one.", code="choice")
    return found.inherits, found


def parse_version(value: str) -> int | None:
    """Return the version that a form brought along; None where it brought no number."""
    return int(value) if re.fullmatch(r"[0-9]{1,9}", value) else None


def parse_seat(value: str) -> str:
    """Return the seat type that a form's value means, or raise `Invalid`."""
    if value not in SeatType.values:
        raise Invalid.field("seat", "Choose full, viewer or no seat.", code="choice")
    return value
