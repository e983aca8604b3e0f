"""Rows as resources (RFC 7643 §4.1, §4.2): what `/Users` and `/Groups` answer.

A page is made of tuples, not of model objects, and of the documents as the database holds
them: with nothing left out, a stored document is put into the answer without being read.
"""

import datetime as dt
import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db.models import F, QuerySet, TextField
from django.db.models.functions import Cast

from identity.models import SCIMGroup, SCIMUser
from identity.resources.projection import Projection
from identity.resources.schema import ENTERPRISE_URN, GROUP_URN, STEWARD_URN, USER_URN
from kernel.ids import encode
from orgs.models import InvitationTeam, Organization, Team, TeamMembership

encode_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class UserRow:
    """What an answer tells of one User, as one query reads it."""

    pk: uuid.UUID
    membership_id: uuid.UUID | None
    invitation_id: uuid.UUID | None
    user_name: str
    external_id: str
    is_active: bool
    document: str
    created_at: dt.datetime
    modified_at: dt.datetime
    version: int
    role: str
    seat: str
    is_owner: bool
    last_active_at: dt.datetime | None

    @property
    def wire_id(self) -> str:
        """Return the id as clients see it."""
        return encode(SCIMUser.wire_prefix, self.pk)

    @property
    def status(self) -> str:
        """Return how far the membership is."""
        if self.membership_id is None:
            return "awaiting confirmation"
        return "active" if self.is_active else "deactivated"


_USER_FIELDS = (
    "pk", "membership_id", "invitation_id", "user_name", "external_id", "is_active", "created_at",
    "modified_at", "version", "membership__role", "membership__custom_role__name",
    "membership__seat", "membership__last_active_at", "invitation__role",
    "invitation__custom_role__name", "invitation__seat",
)  # fmt: skip


def read_users(rows: "QuerySet[SCIMUser]") -> list[UserRow]:
    """Read a page of Users in one query."""
    found = rows.annotate(document=Cast("resource", TextField())).values_list(
        *_USER_FIELDS, "document"
    )
    return [_user_row(*values) for values in found]


def _user_row(  # noqa: PLR0917 - one per column
    pk: Any, membership_id: Any, invitation_id: Any, user_name: str, external_id: str,
    is_active: bool, created_at: Any, modified_at: Any, version: int, role: str | None,  # noqa: FBT001
    custom_role: str | None, seat: str | None, last_active_at: Any, offered_role: str | None,
    offered_custom_role: str | None, offered_seat: str | None, document: str,
) -> UserRow:  # fmt: skip
    shown_role = custom_role or role or offered_custom_role or offered_role or "member"
    return UserRow(
        pk, membership_id, invitation_id, user_name, external_id, is_active, document, created_at,
        modified_at, version, shown_role,
        seat or offered_seat or "none", role == "owner", last_active_at,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Places:
    """In which teams the Users of a page are: by membership or invitation, as one row each."""

    of: Mapping[uuid.UUID, Sequence[tuple[uuid.UUID, str, str, str]]] = field(default_factory=dict)

    def held_by(self, row: UserRow) -> Sequence[tuple[uuid.UUID, str, str, str]]:
        """Return group id, group name, team name and role of each team."""
        return self.of.get(row.membership_id or row.invitation_id or row.pk, ())


def read_places(organization: Organization, rows: Iterable[UserRow]) -> Places:
    """Read in which teams Users are: one query, and one more if somebody has yet to accept."""
    rows = list(rows)
    members = [row.membership_id for row in rows if row.membership_id]
    invited = [row.invitation_id for row in rows if row.invitation_id and not row.membership_id]
    found: dict[uuid.UUID, list[tuple[uuid.UUID, str, str, str]]] = defaultdict(list)
    group = ("team__scim_group__id", "team__scim_group__display_name", "team__name", "role")
    if members:
        places = TeamMembership.objects.of(organization).filter(
            membership_id__in=members, team__scim_group__isnull=False
        )
        for holder, group_id, name, team, role, custom in places.order_by("id").values_list(
            "membership_id", *group, "custom_role__name"
        ):
            found[holder].append((group_id, name, team, custom or role))
    if invited:
        promised = InvitationTeam.objects.of(organization).filter(
            invitation_id__in=invited, team__scim_group__isnull=False
        )
        for holder, *place in promised.order_by("id").values_list("invitation_id", *group):
            found[holder].append(tuple(place))
    return Places(found)


def user_head(row: UserRow) -> dict[str, Any]:
    """Return the beginning of a User: what has columns."""
    schemas = [USER_URN, STEWARD_URN]
    # As a key: inside of a text the quotes would be escaped.
    if f'"{ENTERPRISE_URN}": {{' in row.document:
        schemas.append(ENTERPRISE_URN)
    head: dict[str, Any] = {"schemas": schemas, "id": row.wire_id}
    if row.external_id:
        head["externalId"] = row.external_id
    head["userName"] = row.user_name
    return head


def user_tail(row: UserRow, places: Places | None, base: str) -> dict[str, Any]:
    """Return the end of a User: what is derived."""
    tail: dict[str, Any] = {"active": row.is_active}
    steward: dict[str, Any] = {
        "organizationRole": row.role,
        "seat": row.seat,
        "status": row.status,
    }
    if places is not None:
        held = places.held_by(row)
        prefix = SCIMGroup.wire_prefix
        tail["groups"] = [
            {
                "value": encode(prefix, group_id),
                "$ref": f"{base}/Groups/{encode(prefix, group_id)}",
                "display": name,
                "type": "direct",
            }
            for group_id, name, _team, _role in held
        ]
        if held:
            steward["teamRoles"] = [
                {"teamName": team, "roleName": role} for _id, _name, team, role in held
            ]
    tail[STEWARD_URN] = steward
    tail["meta"] = meta("User", f"{base}/Users/{row.wire_id}", row)
    return tail


def user(row: UserRow, places: Places | None, base: str) -> dict[str, Any]:
    """Return a User as a resource."""
    document: dict[str, Any] = json.loads(row.document)
    return user_head(row) | document | user_tail(row, places, base)


def users(
    rows: Sequence[UserRow], places: Places | None, base: str, projection: Projection
) -> list[Any]:
    """Return Users for a list; with nothing left out as JSON that is made already."""
    if projection.is_whole:
        return [_joined_user(row, places, base) for row in rows]
    return [projection.of(user(row, places, base)) for row in rows]


def _joined_user(row: UserRow, places: Places | None, base: str) -> msgspec.Raw:
    head = encode_json(user_head(row))[:-1]
    tail = encode_json(user_tail(row, places, base))[1:]
    inside = row.document.strip()[1:-1].strip()
    middle = b"," + inside.encode() + b"," if inside else b","
    return msgspec.Raw(head + middle + tail)


def meta(kind: str, location: str, row: Any) -> dict[str, Any]:
    """Return when and where a resource is (RFC 7643 §3.1)."""
    return {
        "resourceType": kind,
        "created": moment(row.created_at),
        "lastModified": moment(row.modified_at),
        "location": location,
        "version": f'W/"{row.version}"',
    }


def moment(value: dt.datetime) -> str:
    """Return a time as RFC 3339 in UTC, to the microsecond, which is what is kept."""
    return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def group(
    row: SCIMGroup, members: Iterable[tuple[uuid.UUID, str]] | None, base: str
) -> dict[str, Any]:
    """Return a Group as a resource; without members where they are not asked for."""
    resource: dict[str, Any] = {"schemas": [GROUP_URN], "id": row.wire_id}
    if row.external_id:
        resource["externalId"] = row.external_id
    resource["displayName"] = row.display_name
    if members is not None:
        prefix = SCIMUser.wire_prefix
        resource["members"] = [
            {
                "value": encode(prefix, user_id),
                "$ref": f"{base}/Users/{encode(prefix, user_id)}",
                "display": name,
                "type": "User",
            }
            for user_id, name in members
        ]
    resource["meta"] = meta("Group", f"{base}/Groups/{row.wire_id}", row)
    return resource


def members_of(
    organization: Organization, groups: Iterable[SCIMGroup]
) -> Mapping[uuid.UUID, list[tuple[uuid.UUID, str]]]:
    """Map each team of some groups to its Users: two queries, however many groups."""
    teams = [row.team_id for row in groups]
    found: dict[uuid.UUID, list[tuple[uuid.UUID, str]]] = defaultdict(list)
    places = TeamMembership.objects.of(organization).filter(
        team_id__in=teams, membership__scim_user__isnull=False
    )
    fields = ("membership__scim_user__id", "membership__scim_user__user_name")
    for team_id, user_id, name in places.order_by("id").values_list("team_id", *fields):
        found[team_id].append((user_id, name))
    promised = InvitationTeam.objects.of(organization).filter(
        team_id__in=teams,
        invitation__scim_user__isnull=False,
        invitation__scim_user__membership=None,
    )
    fields = ("invitation__scim_user__id", "invitation__scim_user__user_name")
    for team_id, user_id, name in promised.order_by("id").values_list("team_id", *fields):
        found[team_id].append((user_id, name))
    return found


def placed_of(organization: Organization, team: Team) -> "QuerySet[SCIMUser]":
    """Return the Users that are in a team now, without those who have yet to accept."""
    return SCIMUser.objects.of(organization).filter(
        membership__team_memberships__team=team
    ).annotate(placed_at=F("membership__team_memberships__id"))
