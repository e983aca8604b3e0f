"""Rows as resources (RFC 7643 §4.1, §4.2): what `/Users` and `/Groups` answer.

A User comes as text that is made already (`written`). It is taken apart only where a client
leaves attributes out or asks in the other dialect.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from identity.directory.user_rows import WrittenUser
from identity.directory.written import Page, as_json
from identity.models import Directory, SCIMGroup, SCIMUser
from identity.resources.projection import Projection
from identity.resources.schema import GROUP_URN
from kernel.ids import encode
from orgs.models import InvitationTeam, Organization, TeamMembership

encode_json = msgspec.json.Encoder().encode
_read_json = msgspec.json.Decoder().decode


def users(directory: Directory, page: Page, base: str, projection: Projection) -> Any:
    """Return Users for an answer: a list, or with nothing left out as JSON that is made already."""
    if projection.is_whole:
        return msgspec.Raw(as_json(directory, page, base).encode())
    return [projection.of(one) for one in user_resources(directory, page, base)]


def user(directory: Directory, row: WrittenUser, base: str, projection: Projection) -> Any:
    """Return one User for an answer."""
    text = as_json(directory, Page.of([row]), base)[1:-1]
    return msgspec.Raw(text.encode()) if projection.is_whole else projection.of(_read_json(text))


def user_resources(directory: Directory, page: Page, base: str) -> list[dict[str, Any]]:
    """Return Users as resources, one for each on a page."""
    found: list[dict[str, Any]] = _read_json(as_json(directory, page, base))
    return found


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
