"""The rows and the model as two sets of facts, to be compared after every step.

One statement reads everything: a fact is a word and up to eight texts.
"""

import datetime as dt
from typing import Any

from django.db import connection

from tests.properties.model import World
from tests.properties.things import Machine, Member, User

Fact = tuple[str, ...]
_WIDTH = 8

# Ids are told from texts: the databases write them in two ways.
_TABLES: tuple[tuple[str, str, str, str], ...] = (
    ("user", "orgs_user", "#id username email", ""),
    (
        "org",
        "orgs_organization",
        "#id slug name member_count owner_count team_count ?deletion_requested_at",
        "",
    ),
    (
        "member",
        "orgs_membership",
        "#id #organization_id #user_id role #custom_role_id seat status",
        "",
    ),
    ("pool", "orgs_seatpool", "#organization_id seat limit used", ""),
    ("team", "orgs_team", "#id #organization_id name member_count", ""),
    ("place", "orgs_teammembership", "#team_id #membership_id role #custom_role_id", ""),
    ("role", "orgs_role", "#id #organization_id name scope", ""),
    (
        "machine",
        "orgs_serviceaccount",
        "#id #organization_id #team_id name role #custom_role_id ?disabled_at",
        "",
    ),
    ("project", "orgs_project", "#id #team_id name visibility", ""),
    (
        "named",
        "orgs_projectcollaborator",
        "#project_id #membership_id #service_account_id role",
        "",
    ),
    (
        "grant",
        "orgs_grant",
        "#id #membership_id #service_account_id #team_id role",
        "ended_at IS NULL AND until > %s",
    ),
    ("invitation", "orgs_invitation", "#id email role #custom_role_id seat", "{open}"),
    ("accepted", "orgs_invitation", "#id email", "accepted_at IS NOT NULL"),
    ("revoked", "orgs_invitation", "#id email", "revoked_at IS NOT NULL"),
    ("offer", "orgs_invitationteam", "#invitation_id #team_id role", ""),
    ("request", "orgs_accessrequest", "#id #membership_id state", ""),
    ("restriction", "orgs_restriction", "#organization_id kind subject", ""),
    (
        "key",
        "identity_apikey",
        "#id #organization_id #user_id #service_account_id",
        "revoked_at IS NULL AND COALESCE(expires_at, %s) >= %s AND COALESCE(ends_at, %s) >= %s",
    ),
    ("name", "orgs_entity", "name_key #user_id #team_id ?alias_until", "{standing}"),
    ("choice", "orgs_featurechoice", "flag_id #organization_id #team_id #user_id +is_on", ""),
    ("session", "usersessions_usersession", "#user_id session_key", ""),
)
_OPEN = "accepted_at IS NULL AND revoked_at IS NULL"
_STANDING = "(alias_until IS NULL OR alias_until > %s)"


def _column(name: str) -> str:
    kind, plain = name[0], f'"{name.lstrip("#?+")}"'
    if kind == "?":
        return f"CASE WHEN {plain} IS NULL THEN '' ELSE 'yes' END"
    if kind == "+":
        return f"CASE WHEN {plain} THEN 'yes' ELSE '' END"
    text = f"COALESCE(CAST({plain} AS text), '')"
    return f"REPLACE({text}, '-', '')" if kind == "#" else text


def _statement() -> str:
    parts = []
    for word, table, columns, where in _TABLES:
        cells = [_column(name) for name in columns.split()]
        cells += ["''"] * (_WIDTH - len(cells))
        rows = where.replace("{open}", _OPEN).replace("{standing}", _STANDING)
        tail = f" WHERE {rows}" if rows else ""
        parts.append(f"SELECT '{word}', {', '.join(cells)} FROM {table}{tail}")
    return " UNION ALL ".join(parts)


_SQL = _statement()


def in_the_rows(now: dt.datetime) -> set[Fact]:
    """Return the facts that the database holds."""
    moment = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        cursor.execute(_SQL, [moment] * _SQL.count("%s"))
        return {tuple(row) for row in cursor.fetchall()}


def in_the_model(world: World, now: dt.datetime) -> set[Fact]:  # noqa: C901 - one table after the other
    """Return the facts as the model has them."""
    facts: set[Fact] = set()

    def add(word: str, *cells: Any) -> None:
        texts = [_text(cell) for cell in cells]
        facts.add((word, *texts, *[""] * (_WIDTH - len(texts))))

    for user in world.users:
        add("user", user, user.username, user.email)
        for session in user.sessions:
            add("session", user, session)
        for flag, is_on in user.features.items():
            add("choice", flag, None, None, user, "yes" if is_on else "")
    for key in world.keys:
        if key.is_live(now):
            is_user = isinstance(key.owner, User)
            add("key", key, key.org, key.owner if is_user else None, None if is_user else key.owner)
    for name, (holder, until) in world.names.items():
        if until is None or until > now:
            is_user = isinstance(holder, User)
            add("name", name, holder if is_user else None, None if is_user else holder,
                "yes" if until else "")  # fmt: skip
    for org in world.orgs:
        add(
            "org", org, org.slug, org.name, len(org.active()), len(org.owners()),
            len(org.teams), "yes" if org.purge_at else "",
        )  # fmt: skip
        for seat, limit in org.limits.items():
            add("pool", org, seat, limit, org.used(seat))
        for kind, subject in org.restrictions:
            add("restriction", org, kind, subject)
        for flag, is_on in org.features.items():
            add("choice", flag, org, None, None, "yes" if is_on else "")
        for member in org.members.values():
            add("member", member, org, member.user, member.role, member.custom, member.seat,
                member.status)  # fmt: skip
        for role in org.roles:
            add("role", role, org, role.name, role.scope)
        for team in org.teams:
            add("team", team, org, team.name, len(team.places))
            for member, (role, custom) in team.places.items():
                add("place", team, member, role, custom)
            for flag, is_on in team.features.items():
                add("choice", flag, None, team, None, "yes" if is_on else "")
        for machine in org.machines:
            add("machine", machine, org, machine.team, machine.name, machine.role,
                machine.custom, "yes" if machine.is_disabled else "")  # fmt: skip
        for project in org.projects:
            add("project", project, project.team, project.name, project.visibility)
            for holder, role in project.named.items():
                add("named", project, *_holder(holder), role)
        for grant in org.grants:
            if not grant.has_ended and grant.until > now:
                add("grant", grant, *_holder(grant.holder), grant.team, grant.role)
        for invitation in org.invitations:
            if invitation.state == "open":
                add("invitation", invitation, invitation.email, invitation.role,
                    invitation.custom, invitation.seat)  # fmt: skip
            else:
                add(invitation.state, invitation, invitation.email)
            for team, role in invitation.teams.items():
                add("offer", invitation, team, role)
        for request in org.requests:
            add("request", request, request.member, request.state)
    return facts


def _holder(holder: Member | Machine) -> tuple[Any, Any]:
    return (holder, None) if isinstance(holder, Member) else (None, holder)


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    row = getattr(cell, "row", None)
    return row.pk.hex if row is not None else str(cell)
