"""Users as the database gives them: a page in two statements, whatever its size.

One reads the rows with everything that hangs on each, the other the groups that they name.
Both are written here, once: Django would build them anew for every request, which takes
longer than the database needs to answer. Ids, times and documents come as the text that
goes out.
"""

import threading
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring as quoted
from typing import Any, NamedTuple

from django.db import connection

from identity.directory.lists import Found
from identity.directory.sql import among, id_text, joined_lines, key, moment_text
from identity.models import Directory, SCIMUser

Groups = Mapping[str, tuple[str, str, str]]
"""By the id of a team: its Group's id in hexadecimal, and both names, the Group's first.

The names are quoted as JSON has them: they are told more often than they change.
"""


class UserRow(NamedTuple):
    """What an answer tells of one User, as the database writes it.

    Times are in UTC, `document` is a JSON object, `places` has a line for each team: its id
    and, after a space, the role there.
    """

    id: str
    is_member: bool
    user_name: str
    external_id: str
    is_active: bool
    version: int
    document: str
    created: str
    modified: str
    role: str
    seat: str
    last_active: str | None
    places: str | None

    @property
    def wire_id(self) -> str:
        """Return the id as clients see it."""
        return f"{SCIMUser.wire_prefix}_{self.id.replace('-', '')}"

    @property
    def pk(self) -> uuid.UUID:
        """Return the key of the row."""
        return uuid.UUID(self.id)


@dataclass(frozen=True, slots=True)
class UserPage:
    """Users, and the Groups in which they are (and others); None where that is not shown."""

    rows: Sequence[UserRow]
    groups: Groups | None


_FEW = 2_000
_ORGANIZATIONS = 100
_lock = threading.Lock()
_remembered: dict[uuid.UUID, tuple[uuid.UUID, Groups]] = {}
"""Groups of so many organizations at most, and of each its directory's mark."""


def read(directory: Directory, found: Found, *, with_places: bool = True) -> UserPage:
    """Read a page that `lists.users` found."""
    if found.stretch is None:
        ids = list(found.rows().values_list("pk", flat=True))
        return read_these(directory, ids, with_places=with_places)
    after, count = found.stretch
    # A range instead of an equation leaves the database one index in this order: the one of
    # the organization's list. By an equation it may walk along the whole table's keys.
    # Values in subselects are none that a plan could be made for anew each time.
    where = "u.organization_id BETWEEN (SELECT %s) AND (SELECT %s)"
    values: list[Any] = [key(directory.pk)] * 2
    if after is not None:
        where += " AND (u.organization_id, u.id) > ((SELECT %s), (SELECT %s))"
        values += [key(directory.pk), key(after)]
    # In the text, so that one plan is good for every page.
    end = f"{where} ORDER BY u.organization_id, u.id LIMIT {count:d}"
    return _page(directory, end, values, with_places=with_places)


def read_these(
    directory: Directory, ids: Sequence[uuid.UUID], *, with_places: bool = True
) -> UserPage:
    """Read Users by their keys, in that order; those that there are not are left out."""
    if not ids:
        return UserPage([], {} if with_places else None)
    text, value = among("u.id", map(str, ids))
    page = _page(
        directory,
        f"u.organization_id = %s AND {text}",
        [key(directory.pk), value],
        with_places=with_places,
    )
    by_id = {row.pk: row for row in page.rows}
    rows = [by_id[one] for one in ids if one in by_id]
    return UserPage(rows, page.groups)


def _page(
    directory: Directory, end: str, values: Sequence[Any], *, with_places: bool
) -> UserPage:
    with connection.cursor() as cursor:
        # ast-grep-ignore: no-formatted-sql - pieces of this module; all values are in marks
        cursor.execute(_select(with_places=with_places) + end, values)
        rows = [UserRow._make(row) for row in cursor.fetchall()]
    if not with_places:
        return UserPage(rows, None)
    held = {line for row in rows if row.places for line in row.places.split("\n")}
    teams = {line.partition(" ")[0] for line in held}
    return UserPage(rows, _groups(directory, teams) if teams else {})


def _groups(directory: Directory, teams: Collection[str]) -> Groups:
    """Return what there is to tell of Groups: of all where they are few, or else of these.

    All of an organization are remembered by this process for as long as none of their names
    changes, which the directory says.
    """
    if directory.groups > _FEW:
        text, value = among("g.team_id", teams)
        return _read_groups(directory, f" AND {text}", [value])
    with _lock:
        mark, known = _remembered.get(directory.pk, (None, {}))
    if mark == directory.names_mark:
        return known
    found = _read_groups(directory, "", [])
    with _lock:
        if len(_remembered) >= _ORGANIZATIONS:
            _remembered.clear()
        _remembered[directory.pk] = directory.names_mark, found
    return found


def _read_groups(directory: Directory, condition: str, values: list[Any]) -> Groups:
    statement = (
        f"SELECT {id_text('g.team_id')}, {id_text('g.id')}, g.display_name, t.name "  # noqa: S608 - our names # nosec B608
        "FROM identity_scimgroup g JOIN orgs_team t ON t.id = g.team_id "
        f"WHERE g.organization_id = %s{condition}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [key(directory.pk), *values])
        return {
            team: (group.replace("-", ""), quoted(shown), quoted(name))
            for team, group, shown, name in cursor.fetchall()
        }


def _select(*, with_places: bool) -> str:
    """Return the statement of a page up to its condition."""
    team = id_text("p.team_id")
    held = joined_lines(
        f"{team} || ' ' || COALESCE(pr.name, p.role)",
        "orgs_teammembership p LEFT JOIN orgs_role pr ON pr.id = p.custom_role_id "
        "WHERE p.membership_id = u.membership_id",
    )
    promised = joined_lines(
        f"{team} || ' ' || p.role",
        "orgs_invitationteam p WHERE p.invitation_id = u.invitation_id",
    )
    places = f", CASE WHEN u.membership_id IS NOT NULL THEN {held} ELSE {promised} END"
    return (
        f"SELECT {id_text('u.id')}, u.membership_id IS NOT NULL, u.user_name, u.external_id, "  # noqa: S608 - our names # nosec B608
        f"u.is_active, u.version, u.resource, {moment_text('u.created_at')}, "
        f"{moment_text('u.modified_at')}, "
        "COALESCE(r.name, m.role, ir.name, i.role, 'member'), COALESCE(m.seat, i.seat, 'none'), "
        f"{moment_text('m.last_active_at')}"
        f"{places if with_places else ', NULL'} "
        "FROM identity_scimuser u "
        "LEFT JOIN orgs_membership m ON m.id = u.membership_id "
        "LEFT JOIN orgs_role r ON r.id = m.custom_role_id "
        "LEFT JOIN orgs_invitation i ON i.id = u.invitation_id "
        "LEFT JOIN orgs_role ir ON ir.id = i.custom_role_id "
        "WHERE "
    )
