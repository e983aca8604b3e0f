"""A User as JSON text (RFC 7643 §4.1): what has columns, the document as it lies, what is derived.

Marks stand for what a User's own rows do not say: the address below which the client asks,
and the ids and names of the Groups and teams it is in. They are looked up when it is shown.
"""

from collections.abc import Callable, Iterable, Mapping
from json import JSONDecoder
from json.encoder import encode_basestring as quoted
from typing import NamedTuple

from identity.directory.user_rows import UserRow, wire_id
from identity.resources.schema import ENTERPRISE_URN, STEWARD_URN, USER_URN

MARK = "\x01"
"""Stands before and behind what a mark is called; no JSON text holds it."""

FORM = f"{MARK}f1{MARK}"
"""Begins each text: in which form it is written. Another form takes another number, so that
texts that an earlier release kept are written anew."""

_USER_NAME = '"userName":'
_DECODER = JSONDecoder()
_BASE, _GROUP, _TEAM = "b", "g", "t"


class Named(NamedTuple):
    """What a Group is called: its id as clients see it, and both names, the Group's first."""

    wire_id: str
    display_name: str
    team_name: str


def lookup(groups: Mapping[str, Named], base: str) -> dict[str, str]:
    """Return what marks stand for, Groups being given by the ids of their teams."""
    found = {FORM.strip(MARK): "", _BASE: quoted(base)[1:-1]}
    for team_id, (group_id, shown, team) in groups.items():
        found[_GROUP + team_id] = (
            f'"value":"{group_id}","$ref":"{found[_BASE]}/Groups/{group_id}",'
            f'"display":{quoted(shown)}'
        )
        found[_TEAM + team_id] = f'"teamName":{quoted(team)}'
    return found


def teams_of(marks: Iterable[str]) -> set[str]:
    """Return the ids of the teams about which marks ask."""
    return {mark[1:] for mark in marks if mark[0] in (_GROUP, _TEAM)}


def written(row: UserRow, is_shown: Callable[[str], bool] = lambda _team_id: True) -> str:
    """Return a User as a JSON object; `is_shown` says of a team by its id if it has a Group."""
    inside = row.document[1:-1]
    # As a key: inside of a text the quotes would be escaped.
    extension = f',"{ENTERPRISE_URN}"' if f'"{ENTERPRISE_URN}":{{' in inside else ""
    external = f'"externalId":{quoted(row.external_id)},' if row.external_id else ""
    groups, roles = _held(row.places, is_shown)
    if not row.is_member:
        status = "awaiting confirmation"
    else:
        status = "active" if row.is_active else "deactivated"
    shown_id = wire_id(row.id)
    return (
        f'{FORM}{{"schemas":["{USER_URN}","{STEWARD_URN}"{extension}],"id":"{shown_id}",{external}'
        f'{_USER_NAME}{quoted(row.user_name)},{inside}{"," if inside else ""}'
        f'"active":{"true" if row.is_active else "false"},"groups":[{groups}],"{STEWARD_URN}":'
        f'{{"organizationRole":{quoted(row.role)},"seat":"{row.seat}","status":"{status}"'
        f'{roles}}},"meta":{{"resourceType":"User","created":"{rfc3339(row.created)}",'
        f'"lastModified":"{rfc3339(row.modified)}","location":"{_mark(_BASE)}/Users/{shown_id}",'
        f'"version":"W/\\"{row.version}\\""}}}}'
    )


def user_name(text: str) -> str:
    """Return the userName that a text tells."""
    # Only ids and texts in quotes stand before it.
    found: str = _DECODER.raw_decode(text, text.index(_USER_NAME) + len(_USER_NAME))[0]
    return found


def _held(places: str | None, is_shown: Callable[[str], bool]) -> tuple[str, str]:
    """Return what tells of groups, and of roles in teams."""
    groups, roles = [], []
    for line in sorted(places.split("\n")) if places else ():
        team_id, _, role = line.partition(" ")
        if is_shown(team_id):
            groups.append(f'{{{_mark(_GROUP, team_id)},"type":"direct"}}')
            roles.append(f'{{{_mark(_TEAM, team_id)},"roleName":{quoted(role)}}}')
    return ",".join(groups), f',"teamRoles":[{",".join(roles)}]' if roles else ""


def _mark(kind: str, name: str = "") -> str:
    return f"{MARK}{kind}{name}{MARK}"


def rfc3339(moment: str) -> str:
    """Return a time that the database wrote as answers show it: always to the microsecond."""
    text = moment.replace(" ", "T")
    if len(text) < _MICROSECONDS:
        text = f"{text}." if "." not in text else text
        text = text.ljust(_MICROSECONDS, "0")
    return f"{text}Z"


_MICROSECONDS = len("2026-11-27T09:05:39.446800")
