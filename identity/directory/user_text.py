"""A User as JSON text (RFC 7643 §4.1): what has columns, the document as it lies, what is derived.

Two marks stand in each text for what many Users have in common, or what their own rows do
not say: how an answer begins, and the standing, with the Groups and teams and the address
below which the client asks. They are spelled out when the User is shown.
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
"""Stands before and behind what a mark is called; no JSON text holds it."""

FORM = f"{MARK}2:"
"""Begins each text: in which form it is written. Another form takes another number, so that
texts that an earlier release kept are written anew."""

_USER_NAME = '"userName":'
_VERSION, _END = '"version":"W/\\"', '\\""}}'
_DECODER = JSONDecoder()
_EXTENDED = "e"
_HEADS = frozenset(f"{FORM}{more}".removeprefix(MARK) for more in ("", _EXTENDED))
_PARTS = 4
"""Each text adds so many to an array: two marks, and what follows on each."""
_PREFIX = f"{SCIMUser.wire_prefix}_"
_ID_LENGTH = len(uuid.UUID(int=0).hex)
_STATES = {
    "a": ("true", "active"),
    "d": ("false", "deactivated"),
    "w": ("true", "awaiting confirmation"),
    "x": ("false", "awaiting confirmation"),
}
_REMEMBERED = 2_000
"""So many marks' meanings one `Spelling` keeps at most."""


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
        self._groups, self._base, self._leaves_out = groups, quoted(base)[1:-1], leaves_out

    def __missing__(self, mark: str) -> str:
        """Spell a mark out."""
        spelled = _head(mark) if mark in _HEADS else self._standing(mark)
        if len(self) >= _REMEMBERED:
            self.clear()
        self[mark] = spelled
        return spelled

    def _standing(self, mark: str) -> str:
        first, *places = mark.split("\n")
        state, seat, role = first.split(" ", 2)
        active, status = _STATES[state]
        groups, roles = [], []
        for place in places:
            team, team_role = place.split(" ", 1)
            if self._leaves_out and team not in self._groups:
                continue
            group_id, shown, name = self._groups[team]
            groups.append(
                f'{{"value":"{group_id}","$ref":"{self._base}/Groups/{group_id}",'
                f'"display":{quoted(shown)},"type":"direct"}}'
            )
            roles.append(f'{{"teamName":{quoted(name)},"roleName":{team_role}}}')
        team_roles = f',"teamRoles":[{",".join(roles)}]' if roles else ""
        return (
            f',"active":{active},"groups":[{",".join(groups)}],"{STEWARD_URN}":'
            f'{{"organizationRole":{role},"seat":"{seat}","status":"{status}"{team_roles}}},'
            f'"meta":{{"resourceType":"User","location":"{self._base}/Users/{_PREFIX}'
        )


def _head(mark: str) -> str:
    extension = f',"{ENTERPRISE_URN}"' if mark.endswith(_EXTENDED) else ""
    return f'{{"schemas":["{USER_URN}","{STEWARD_URN}"{extension}],"id":"{_PREFIX}'


def teams_of(marks: Iterable[str]) -> set[str]:
    """Return the ids of the teams about which marks ask."""
    return {place.split(" ", 1)[0] for mark in marks for place in mark.split("\n")[1:]}


def written(row: UserRow) -> str:
    """Return a User as a JSON object with marks."""
    inside = row.document[1:-1]
    # As a key: inside of a text the quotes would be escaped.
    head = _EXTENDED if f'"{ENTERPRISE_URN}":{{' in inside else ""
    external = f'"externalId":{quoted(row.external_id)},' if row.external_id else ""
    bare_id = wire_id(row.id).removeprefix(_PREFIX)
    return (
        f'{FORM}{head}{MARK}{bare_id}",{external}{_USER_NAME}{quoted(row.user_name)}'
        f'{"," if inside else ""}{inside}{MARK}{_standing_of(row)}{MARK}{bare_id}",'
        f'"created":"{rfc3339(row.created)}","lastModified":"{rfc3339(row.modified)}",'
        f"{_VERSION}{row.version}{_END}"
    )


def _standing_of(row: UserRow) -> str:
    """Return what is to be spelled out: a line of the User's own, and one for each team."""
    state = ("a" if row.is_active else "d") if row.is_member else ("w" if row.is_active else "x")
    lines = [f"{state} {row.seat} {quoted(row.role)}"]
    for place in sorted(row.places.split("\n")) if row.places else ():
        team, role = place.split(" ", 1)
        lines.append(f"{team} {quoted(role)}")
    return "\n".join(lines)


def parts_of(texts: Iterable[str]) -> list[str]:
    """Return an array of texts, or of some joined by commas, in parts: each second is a mark."""
    return f"[{','.join(texts)}]".split(MARK)


def are_written(parts: Sequence[str], number: int) -> bool:
    """Whether an array in parts has so many texts, all in the form of now."""
    return len(parts) == _PARTS * number + 1 and _HEADS.issuperset(parts[1::_PARTS])


def ids_in(parts: Sequence[str]) -> list[uuid.UUID]:
    """Return the keys of the Users of an array in parts."""
    return [uuid.UUID(part[:_ID_LENGTH]) for part in parts[2::_PARTS]]


def texts_in(parts: Sequence[str]) -> list[str]:
    """Return the texts of an array in parts."""
    begins = range(1, len(parts), _PARTS)
    return [f"{MARK}{MARK.join(parts[at : at + _PARTS])}"[:-1] for at in begins]


def last_id(parts: Sequence[str]) -> uuid.UUID:
    """Return the key of the last User of an array in parts."""
    return ids_in(parts[-_PARTS - 1 :])[0]


def version(text: str) -> int:
    """Return the version that a text tells."""
    return int(text[text.rindex(_VERSION) + len(_VERSION) : -len(_END)])


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
