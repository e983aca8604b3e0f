"""Rows as resources (RFC 7643 §4.1, §4.2): what `/Users` and `/Groups` answer.

A User is written as JSON text, around the document as the database holds it. It is taken
apart only where a client leaves attributes out or asks in the other dialect.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring as _text
from typing import Any

import msgspec

from identity.directory.user_rows import UserPage, UserRow
from identity.models import SCIMGroup, SCIMUser
from identity.resources.projection import Projection
from identity.resources.schema import ENTERPRISE_URN, GROUP_URN, STEWARD_URN, USER_URN
from kernel.ids import encode
from orgs.models import InvitationTeam, Organization, TeamMembership

encode_json = msgspec.json.Encoder().encode
_read_json = msgspec.json.Decoder().decode


def users(page: UserPage, base: str, projection: Projection) -> list[Any]:
    """Return Users for a list; with nothing left out as JSON that is made already."""
    if projection.is_whole:
        written = _Writer(base, page.groups)
        return [msgspec.Raw(written.text(row).encode()) for row in page.rows]
    return [projection.of(one) for one in user_resources(page, base)]


def user_resources(page: UserPage, base: str) -> list[dict[str, Any]]:
    """Return the Users of a page as resources, one for each row."""
    written = _Writer(base, page.groups)
    return [_read_json(written.text(row)) for row in page.rows]


class _Writer:
    """Writes Users below one address; what several of them share is written once."""

    def __init__(self, base: str, groups: Mapping[str, tuple[str, str, str]] | None) -> None:
        self._base, self._groups = _text(base)[1:-1], groups
        self._places: dict[str, tuple[str, str]] = {}

    def text(self, row: UserRow) -> str:
        """Return a User as a JSON object: what has columns, the document, what is derived."""
        inside = row.document[1:-1]
        # As a key: inside of a text the quotes would be escaped.
        extension = f',"{ENTERPRISE_URN}"' if f'"{ENTERPRISE_URN}":{{' in inside else ""
        external = f'"externalId":{_text(row.external_id)},' if row.external_id else ""
        groups, roles = ("", "") if self._groups is None else self._held(row.places)
        if not row.is_member:
            status = "awaiting confirmation"
        else:
            status = "active" if row.is_active else "deactivated"
        wire_id = row.wire_id
        return (
            f'{{"schemas":["{USER_URN}","{STEWARD_URN}"{extension}],"id":"{wire_id}",{external}'
            f'"userName":{_text(row.user_name)},{inside}{"," if inside else ""}'
            f'"active":{"true" if row.is_active else "false"},{groups}"{STEWARD_URN}":'
            f'{{"organizationRole":{_text(row.role)},"seat":"{row.seat}","status":"{status}"'
            f'{roles}}},"meta":{{"resourceType":"User","created":"{rfc3339(row.created)}",'
            f'"lastModified":"{rfc3339(row.modified)}","location":"{self._base}/Users/{wire_id}",'
            f'"version":"W/\\"{row.version}\\""}}}}'
        )

    def _held(self, places: str | None) -> tuple[str, str]:
        """Return the members of the object that tell of groups, and of roles in teams."""
        groups, roles = [], []
        for line in sorted(places.split("\n")) if places else ():
            group, role = self._places.get(line) or self._place(line)
            if group:
                groups.append(group)
                roles.append(role)
        told = f',"teamRoles":[{",".join(roles)}]' if roles else ""
        return f'"groups":[{",".join(groups)}],', told

    def _place(self, line: str) -> tuple[str, str]:
        """Return a line of `UserRow.places` in both forms; a team without a Group has none."""
        team_id, _, role = line.partition(" ")
        made = ("", "")
        found = (self._groups or {}).get(team_id)
        if found is not None:
            group_id, shown, team = found
            wire_id = f"{SCIMGroup.wire_prefix}_{group_id}"
            made = (
                f'{{"value":"{wire_id}","$ref":"{self._base}/Groups/{wire_id}",'
                f'"display":{shown},"type":"direct"}}',
                f'{{"teamName":{team},"roleName":{_text(role)}}}',
            )
        self._places[line] = made
        return made


def rfc3339(written: str) -> str:
    """Return a time that the database wrote as answers show it: always to the microsecond."""
    text = written.replace(" ", "T")
    if len(text) < _MICROSECONDS:
        text = f"{text}." if "." not in text else text
        text = text.ljust(_MICROSECONDS, "0")
    return f"{text}Z"


_MICROSECONDS = len("2026-11-27T09:05:39.446800")


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
    text = value.astimezone(dt.UTC).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")


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
