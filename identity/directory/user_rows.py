"""Users as the database gives them: a page in two statements, whatever its size.

One reads the rows with everything that hangs on each, the other the groups that they name.
Both are written here, once: Django would build them anew for every request, which takes
longer than the database needs to answer. Ids, times and documents come as the text that
goes out.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection

from identity.directory.lists import Found
from identity.directory.sql import among, hexadecimal, joined_lines, key, moment_text
from identity.models import SCIMUser
from orgs.models import Organization

TEAM = 32
"""How long the team's id is at the beginning of a line of `UserRow.places`."""


class UserRow(NamedTuple):
    """What an answer tells of one User. `places` has a line for each team: its id and a role.

    Ids are hexadecimal, times are texts of RFC 3339, `document` is a JSON object.
    """

    hex: str
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
        return f"{SCIMUser.wire_prefix}_{self.hex}"

    @property
    def pk(self) -> uuid.UUID:
        """Return the key of the row."""
        return uuid.UUID(self.hex)


@dataclass(frozen=True, slots=True)
class UserPage:
    """Users, and in which Groups they are; `groups` is None where that is not shown.

    It maps a team to the id and the name of its Group, and to its own name.
    """

    rows: Sequence[UserRow]
    groups: Mapping[str, tuple[str, str, str]] | None


def read(organization: Organization, found: Found, *, with_places: bool = True) -> UserPage:
    """Read a page that `lists.users` found."""
    if found.stretch is None:
        ids = list(found.rows().values_list("pk", flat=True))
        return read_these(organization, ids, with_places=with_places)
    after, count = found.stretch
    # The pair keeps to the index of the organization's list, whatever the planner thinks of
    # its share of the table; the number stands in the text, for which one plan is good then.
    where = "u.organization_id = %s"
    values: list[Any] = [key(organization.pk)]
    if after is not None:
        where += " AND (u.organization_id, u.id) > (%s, %s)"
        values += [key(organization.pk), key(after)]
    end = f"{where} ORDER BY u.organization_id, u.id LIMIT {count:d}"
    return _page(organization, end, values, with_places=with_places)


def read_these(
    organization: Organization, ids: Sequence[uuid.UUID], *, with_places: bool = True
) -> UserPage:
    """Read Users by their keys, in that order; those that there are not are left out."""
    if not ids:
        return UserPage([], {} if with_places else None)
    text, value = among("u.id", ids)
    page = _page(
        organization,
        f"u.organization_id = %s AND {text}",
        [key(organization.pk), value],
        with_places=with_places,
    )
    by_id = {row.hex: row for row in page.rows}
    rows = [by_id[one.hex] for one in ids if one.hex in by_id]
    return UserPage(rows, page.groups)


def _page(
    organization: Organization, end: str, values: Sequence[Any], *, with_places: bool
) -> UserPage:
    with connection.cursor() as cursor:
        cursor.execute(_select(with_places=with_places) + end, values)
        rows = [UserRow._make(row) for row in cursor.fetchall()]
    if not with_places:
        return UserPage(rows, None)
    teams = {line[:TEAM] for row in rows if row.places for line in row.places.split("\n")}
    return UserPage(rows, _groups(organization, teams) if teams else {})


def _groups(organization: Organization, teams: Iterable[str]) -> dict[str, tuple[str, str, str]]:
    """Map teams to the id and name of their Group, and their own name."""
    text, value = among("g.team_id", [uuid.UUID(team) for team in teams])
    statement = (
        f"SELECT {hexadecimal('g.team_id')}, {hexadecimal('g.id')}, g.display_name, t.name "  # noqa: S608 - our names # nosec B608
        "FROM identity_scimgroup g JOIN orgs_team t ON t.id = g.team_id "
        f"WHERE g.organization_id = %s AND {text}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [key(organization.pk), value])
        return {team: (group, shown, name) for team, group, shown, name in cursor.fetchall()}


def _select(*, with_places: bool) -> str:
    """Return the statement of a page up to its condition."""
    team = hexadecimal("p.team_id")
    held = joined_lines(
        f"{team} || COALESCE(pr.name, p.role)",
        "orgs_teammembership p LEFT JOIN orgs_role pr ON pr.id = p.custom_role_id "
        "WHERE p.membership_id = u.membership_id",
        "p.id",
    )
    promised = joined_lines(
        f"{team} || p.role",
        "orgs_invitationteam p WHERE p.invitation_id = u.invitation_id",
        "p.id",
    )
    places = f", CASE WHEN u.membership_id IS NOT NULL THEN {held} ELSE {promised} END"
    return (
        f"SELECT {hexadecimal('u.id')}, u.membership_id IS NOT NULL, u.user_name, u.external_id, "  # noqa: S608 - our names # nosec B608
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
