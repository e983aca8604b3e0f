"""A User as JSON text (RFC 7643 §4.1): what has columns, the document as it lies, what is derived.

One mark stands in each text for what many Users have in common and their own rows do not
say: the standing, with the Groups and teams, and the address below which the client asks.
It is spelled out when the User is shown.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from json import JSONDecoder
from json.encoder import encode_basestring as quoted
from typing import NamedTuple

from identity.directory.user_rows import UserRow, wire_id
from identity.models import SCIMUser
from identity.resources.schema import ENTERPRISE_URN, STEWARD_URN, USER_URN

MARK = "\x01"
"""Stands before and behind what is to be spelled out; no JSON text holds it."""

FORM = "2:"
"""Begins each mark: in which form the text is written. Another form takes another number, so
that texts that an earlier release kept are written anew."""

_PREFIX = f"{SCIMUser.wire_prefix}_"
_BEGIN, _END_OF_ID = f'{{"id":"{_PREFIX}', '",'
_ID_LENGTH = len(uuid.UUID(int=0).hex)
_BEGIN_LENGTH = len(_BEGIN) + _ID_LENGTH + len(_END_OF_ID)
_VERSION, _END_OF_META = '"version":"W/\\"', '\\""}'
_USER_NAME = '"userName":'
_DECODER = JSONDecoder()
_STATES = {
    "a": ("true", "active"),
    "d": ("false", "deactivated"),
    "w": ("true", "awaiting confirmation"),
    "x": ("false", "awaiting confirmation"),
}
_PLAIN, _EXTENDED = "-", "e"
_REMEMBERED = 2_000_000
"""So many characters one `Spelling` keeps at most, beside the names that it was given."""


class Named(NamedTuple):
    """What a Group is called: its id as clients see it, and both names, the Group's first."""

    wire_id: str
    display_name: str
    team_name: str


class Spelling(dict[str, str]):
    """What marks stand for below one address, each spelled out when it is first looked up.

    Groups are given by the ids of their teams. A team that is not among them is a `KeyError`,
    or left out where that is asked for.
    """

    def __init__(
        self, groups: Mapping[str, Named], base: str, *, leaves_out: bool = False
    ) -> None:
        super().__init__()
        self._base, self._leaves_out = quoted(base)[1:-1], leaves_out
        self._kept = 0
        self._places = {team: self._place(named) for team, named in groups.items()}

    def __missing__(self, mark: str) -> str:
        """Spell a mark out."""
        spelled = self._spelled(mark)
        size = len(mark) + len(spelled)
        if self._kept + size > _REMEMBERED:
            self.clear()
            self._kept = 0
        self._kept += size
        self[mark] = spelled
        return spelled

    def _place(self, named: Named) -> tuple[str, str]:
        """Return a Group as a User shows it, and how its team's role begins."""
        group_id, shown, name = named
        return (
            f'{{"value":"{group_id}","$ref":"{self._base}/Groups/{group_id}",'
            f'"display":{quoted(shown)},"type":"direct"}}',
            f'{{"teamName":{quoted(name)},"roleName":',
        )

    def _spelled(self, mark: str) -> str:
        first, *places = mark.removeprefix(FORM).split("\n")
        extension, state, seat, role = first.split(" ", 3)
        active, status = _STATES[state]
        more = f',"{ENTERPRISE_URN}"' if extension == _EXTENDED else ""
        groups, roles = [], []
        for place in places:
            team, team_role = place.split(" ", 1)
            if self._leaves_out and team not in self._places:
                continue
            group, begin_of_role = self._places[team]
            groups.append(group)
            roles.append(f"{begin_of_role}{team_role}}}")
        team_roles = f',"teamRoles":[{",".join(roles)}]' if roles else ""
        return (
            f'"schemas":["{USER_URN}","{STEWARD_URN}"{more}],"active":{active},'
            f'"groups":[{",".join(groups)}],"{STEWARD_URN}":{{"organizationRole":{role},'
            f'"seat":"{seat}","status":"{status}"{team_roles}}},'
            f'"meta":{{"resourceType":"User","location":"{self._base}/Users/{_PREFIX}'
        )


def teams_of(marks: Iterable[str]) -> set[str]:
    """Return the ids of the teams about which marks ask."""
    return {place.split(" ", 1)[0] for mark in marks for place in mark.split("\n")[1:]}


def written(row: UserRow) -> str:
    """Return a User as a JSON object with a mark."""
    inside = row.document[1:-1]
    external = f'"externalId":{quoted(row.external_id)},' if row.external_id else ""
    bare_id = wire_id(row.id).removeprefix(_PREFIX)
    return (
        f"{_BEGIN}{bare_id}{_END_OF_ID}{MARK}{_mark(row)}{MARK}{bare_id}{_END_OF_ID}"
        f'"created":"{rfc3339(row.created)}","lastModified":"{rfc3339(row.modified)}",'
        f"{_VERSION}{row.version}{_END_OF_META},{external}{_USER_NAME}{quoted(row.user_name)}"
        f'{"," if inside else ""}{inside}}}'
    )


def _mark(row: UserRow) -> str:
    """Return what is to be spelled out: a line of the User's own, and one for each team."""
    # As a key: inside of a text the quotes would be escaped.
    extension = _EXTENDED if f'"{ENTERPRISE_URN}":{{' in row.document else _PLAIN
    state = ("a" if row.is_active else "d") if row.is_member else ("w" if row.is_active else "x")
    lines = [f"{FORM}{extension} {state} {row.seat} {quoted(row.role)}"]
    for place in sorted(row.places.split("\n")) if row.places else ():
        team, role = place.split(" ", 1)
        lines.append(f"{team} {quoted(role)}")
    return "\n".join(lines)


def parts_of(texts: Iterable[str]) -> list[str]:
    """Return an array of texts, or of some joined by commas, in parts: each second is a mark."""
    return f"[{','.join(texts)}]".split(MARK)


def are_written(parts: Sequence[str], number: int) -> bool:
    """Whether an array in parts has so many texts, all in the form of now."""
    forms = {mark[: len(FORM)] for mark in parts[1::2]}
    return len(parts) == 2 * number + 1 and forms <= {FORM}


def is_written(text: str) -> bool:
    """Whether one text is there, in the form of now."""
    return bool(text) and are_written(parts_of([text]), 1)


def ids_in(parts: Sequence[str]) -> list[uuid.UUID]:
    """Return the keys of the Users of an array in parts."""
    end = -len(_END_OF_ID)
    return [uuid.UUID(part[end - _ID_LENGTH : end]) for part in parts[:-1:2]]


def texts_in(parts: Sequence[str]) -> list[str]:
    """Return the texts of an array in parts."""
    found = []
    for at in range(1, len(parts), 2):
        before, mark, behind = parts[at - 1 : at + 2]
        ends = 1 if at + 2 == len(parts) else 1 + _BEGIN_LENGTH
        found.append(f"{before[-_BEGIN_LENGTH:]}{MARK}{mark}{MARK}{behind[:-ends]}")
    return found


def last_id(parts: Sequence[str]) -> uuid.UUID:
    """Return the key of the last User of an array in parts."""
    return ids_in(parts[-3:])[0]


def version(text: str) -> int:
    """Return the version that a text tells."""
    begin = text.index(_VERSION) + len(_VERSION)
    return int(text[begin : text.index(_END_OF_META, begin)])


def user_name(text: str) -> str:
    """Return the userName that a text tells."""
    # Only ids and texts in quotes stand before it.
    found: str = _DECODER.raw_decode(text, text.index(_USER_NAME) + len(_USER_NAME))[0]
    return found


def rfc3339(moment: str) -> str:
    """Return a time that the database wrote as answers show it: always to the microsecond."""
    text = moment.replace(" ", "T")
    if len(text) < _MICROSECONDS:
        text = f"{text}." if "." not in text else text
        text = text.ljust(_MICROSECONDS, "0")
    return f"{text}Z"


_MICROSECONDS = len("2026-11-27T09:05:39.446800")
