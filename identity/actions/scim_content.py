"""What a User says, taken apart: what has rules of its own, and the document that is kept."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from identity.models.scim import LONGEST_NAME
from identity.resources.schema import STEWARD_URN
from kernel.errors import Invalid
from orgs.models import Organization, Role, SeatType, Team
from orgs.permissions import ORGANIZATION_ROLES, TEAM_ROLES

LARGEST_DOCUMENT = 64_000
"""Bytes of JSON: what is kept of one person, and answered a thousand times in a list."""

_APART = frozenset(
    {"id", "schemas", "meta", "groups", "userName", "externalId", "active", "password", STEWARD_URN}
)


@dataclass(frozen=True, slots=True)
class Content:
    """A User as it shall be. None means that nothing is said about it."""

    user_name: str
    external_id: str
    active: bool | None
    role: str | None
    seat: str | None
    team_roles: tuple[tuple[str, str], ...]
    document: dict[str, Any]

    @classmethod
    def of(cls, resource: Mapping[str, Any]) -> "Content":
        """Take a canonical resource apart. Raises `Invalid`."""
        user_name = str(resource.get("userName") or "").strip()
        if not user_name:
            raise Invalid.field("userName", "“userName” is required.", code="required")
        external_id = str(resource.get("externalId") or "")
        for name, value in (("userName", user_name.casefold()), ("externalId", external_id)):
            if len(value) > LONGEST_NAME or len(user_name) > LONGEST_NAME:
                raise Invalid.field(
                    name, f"“{name}” has more than {LONGEST_NAME} characters.", code="length"
                )
        document = {name: value for name, value in resource.items() if name not in _APART}
        if len(json.dumps(document, ensure_ascii=False).encode()) > LARGEST_DOCUMENT:
            raise Invalid.field(
                "User", f"A User has at most {LARGEST_DOCUMENT:,} bytes.", code="length"
            )
        steward = resource.get(STEWARD_URN, {})
        seat = steward.get("seat")
        if seat is not None and seat.lower() not in SeatType.values:
            known = ", ".join(SeatType.values)
            raise Invalid.field("seat", f"“{seat}” is no seat: choose one of {known}.")
        return cls(
            user_name=user_name,
            external_id=external_id,
            active=resource.get("active"),
            role=steward.get("organizationRole"),
            seat=seat.lower() if seat else None,
            team_roles=tuple(
                (str(one.get("teamName", "")), str(one.get("roleName", "member")))
                for one in steward.get("teamRoles", ())
            ),
            document=document,
        )

    @property
    def user_name_key(self) -> str:
        """Return the userName as it is compared."""
        return self.user_name.casefold()

    @property
    def address(self) -> str:
        """Return the person's address: the primary one, the first, or a userName that is one."""
        listed = [one for one in self.document.get("emails", ()) if one.get("value")]
        primary = [one["value"] for one in listed if one.get("primary") is True]
        for candidate in (*primary, *(one["value"] for one in listed), self.user_name):
            address = str(candidate).strip().lower()
            if _is_address(address):
                return address
        return ""

    @property
    def display_name(self) -> str:
        """Return what to call the person, as far as it is said."""
        name = self.document.get("name", {})
        parts = " ".join(filter(None, (name.get("givenName"), name.get("familyName"))))
        found = self.document.get("displayName") or name.get("formatted") or parts
        return str(found or "")[:120]


def organization_role(organization: Organization, text: str) -> tuple[str, Role | None]:
    """Return the role that a text names: a built-in one, or an own role's name."""
    name = text.strip().casefold().replace(" ", "_")
    if name in ORGANIZATION_ROLES:
        return name, None
    return _own_role(organization, text, Role.Scope.ORGANIZATION, "organizationRole")


def team_role(organization: Organization, text: str) -> tuple[str, Role | None]:
    """Return the team role that a text names."""
    name = text.strip().casefold()
    if name in TEAM_ROLES:
        return name, None
    return _own_role(organization, text, Role.Scope.TEAM, "teamRoles")


def team_named(organization: Organization, name: str) -> Team:
    """Return the team of a name, or of a group's name. Raises `Invalid`."""
    teams = Team.objects.of(organization).select_related("organization")
    found = (
        teams.named(name).first()
        or teams.filter(scim_group__display_name_key=name.casefold()).first()
    )
    if found is None:
        raise Invalid.field("teamRoles", f"There is no team “{name}”.", code="unknown")
    return found


def _own_role(
    organization: Organization, text: str, scope: str, attribute: str
) -> tuple[str, Role | None]:
    rows = Role.objects.of(organization).filter(scope=scope)
    role = rows.filter(name_key=text.strip().casefold()).first()
    if role is None:
        raise Invalid.field(attribute, f"There is no role “{text}”.", code="unknown")
    return role.inherits, role


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= LONGEST_NAME
