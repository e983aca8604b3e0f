"""Users as the database gives them, with what hangs on each: in statements written here once.

Django would build them anew for every request, which takes longer than the database needs to
answer. Ids, times and documents come as the text that goes out.
"""

import uuid
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from django.db import connection

from identity.directory.lists import Found, Stretch
from identity.directory.sql import among, id_text, joined_lines, joined_texts, key, moment_text
from identity.models import Directory, SCIMUser

_FIRST, _LAST = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)
"""Before, and behind, the keys of all rows."""


def wire_id(row_id: str) -> str:
    """Return the id as clients see it."""
    return f"{SCIMUser.wire_prefix}_{row_id.replace('-', '')}"


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
    places: str | None
    turn: int


class WrittenUser(NamedTuple):
    """A User as its text (`user_text`), empty where it was not written since the last change.

    `turn` counts those changes.
    """

    id: str
    turn: int
    text: str
    last_active: str | None = None

    @property
    def wire_id(self) -> str:
        """Return the id as clients see it."""
        return wire_id(self.id)

    @property
    def pk(self) -> uuid.UUID:
        """Return the key of the row."""
        return uuid.UUID(self.id)


def page(directory: Directory, found: Found, *, with_activity: bool) -> list[WrittenUser]:
    """Read the texts of a page that `lists.users` found."""
    if found.stretch is None:
        ids = list(found.rows().values_list("pk", flat=True))
        return texts(directory, ids, with_activity=with_activity)
    return _texts(*_within(directory, found.stretch), with_activity=with_activity)


def joined(directory: Directory, stretch: Stretch) -> tuple[int, str]:
    """Read a part of the list: how many Users, and their texts with commas between them.

    One large row costs both sides less than a hundred small ones.
    """
    end, values = _within(directory, stretch)
    part = f"SELECT w.text FROM identity_scimtext w WHERE {end}"  # noqa: S608 - our names # nosec B608
    with connection.cursor() as cursor:
        cursor.execute(joined_texts("part.text", f"({part}) part"), values)
        number, text = cursor.fetchone()
    return number, text or ""


def _within(directory: Directory, stretch: Stretch) -> tuple[str, list[Any]]:
    """Return the end of a statement about a part of the list, and its values."""
    after, count = stretch
    # From row to row instead of by an equation, so that the database has one index in this
    # order, the one of the organization's list: else it may walk along the whole table's keys.
    # Of two such bounds it expects many rows, and so does not sort them either. Values in
    # subselects are none that a plan could be made for anew each time.
    where = (
        "(w.organization_id, w.user_id) > ((SELECT %s), (SELECT %s)) "
        "AND (w.organization_id, w.user_id) <= ((SELECT %s), (SELECT %s))"
    )
    organization, begin, end = map(key, (directory.pk, after or _FIRST, _LAST))
    values = [organization, begin, organization, end]
    # In the text, so that one plan is good for every page.
    return f"{where} ORDER BY w.organization_id, w.user_id LIMIT {count:d}", values


def texts(
    directory: Directory, ids: Sequence[uuid.UUID], *, with_activity: bool
) -> list[WrittenUser]:
    """Read the texts of Users by their keys, in that order; those there are not are left out."""
    if not ids:
        return []
    text, value = among("w.user_id", map(str, ids))
    where = f"w.organization_id = %s AND {text}"
    rows = _texts(where, [key(directory.pk), value], with_activity=with_activity)
    by_id = {row.pk: row for row in rows}
    return [by_id[one] for one in ids if one in by_id]


def whole(directory: Directory, ids: Collection[uuid.UUID]) -> list[UserRow]:
    """Read everything about Users by their keys, in no order."""
    text, value = among("u.id", map(str, ids))
    with connection.cursor() as cursor:
        # ast-grep-ignore: no-formatted-sql - pieces of this module; all values are in marks
        cursor.execute(
            f"{_whole()}WHERE u.organization_id = %s AND {text}", [key(directory.pk), value]
        )
        return [UserRow._make(row) for row in cursor.fetchall()]


def _texts(end: str, values: Sequence[Any], *, with_activity: bool) -> list[WrittenUser]:
    active = member = ""
    if with_activity:
        active = f", {moment_text('m.last_active_at')}"
        member = (
            "JOIN identity_scimuser u ON u.id = w.user_id "
            "LEFT JOIN orgs_membership m ON m.id = u.membership_id "
        )
    statement = (
        f"SELECT {id_text('w.user_id')}, w.turn, w.text{active} "  # noqa: S608 - our names # nosec B608
        f"FROM identity_scimtext w {member}WHERE {end}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [WrittenUser(*row) for row in cursor.fetchall()]


def _whole() -> str:
    """Return the statement of everything about Users, up to its condition."""
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
    return (
        f"SELECT {id_text('u.id')}, u.membership_id IS NOT NULL, u.user_name, u.external_id, "  # noqa: S608 - our names # nosec B608
        f"u.is_active, u.version, u.resource, {moment_text('u.created_at')}, "
        f"{moment_text('u.modified_at')}, "
        "COALESCE(r.name, m.role, ir.name, i.role, 'member'), COALESCE(m.seat, i.seat, 'none'), "
        f"CASE WHEN u.membership_id IS NOT NULL THEN {held} ELSE {promised} END, w.turn "
        "FROM identity_scimuser u JOIN identity_scimtext w ON w.user_id = u.id "
        "LEFT JOIN orgs_membership m ON m.id = u.membership_id "
        "LEFT JOIN orgs_role r ON r.id = m.custom_role_id "
        "LEFT JOIN orgs_invitation i ON i.id = u.invitation_id "
        "LEFT JOIN orgs_role ir ON ir.id = i.custom_role_id "
    )
