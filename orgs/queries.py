"""Reads that several callers share, each of one organization and bounded by the caller's page.

Which rows a principal may see is `orgs.access`'s question; these functions answer
what is there. Lists are querysets for `kernel.pagination.paginate`: the primary key is
the order of creation. Tests: tests/orgs/test_queries.py.
"""

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Count,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce

from kernel.clock import now
from kernel.events.models import Event
from orgs.models import (
    Entitlement,
    Entity,
    FeatureChoice,
    FeatureFlag,
    Grant,
    Invitation,
    Membership,
    Organization,
    Role,
    SeatPool,
    ServiceAccount,
    Team,
    TeamMembership,
    User,
)
from orgs.models.membership import MembershipQuerySet
from orgs.models.team import TeamMembershipQuerySet
from orgs.permissions import ORGANIZATION_ROLES, TEAM_ROLES

IDLE_AFTER = dt.timedelta(days=30)
"""After how long without a sign of life a seat counts as reclaimable."""

_AT_MOST_KEEPERS = 50
"""How many admins of an organization, and of a team, one mail goes to."""

_WIRE_ID = re.compile(r"[a-z]+_([0-9a-f]{32})")


# --- people ---------------------------------------------------------------------------------


def members_of(
    organization: Organization,
    *,
    status: str = "",
    role: str = "",
    custom_role: Role | None = None,
    seat: str = "",
    team: Team | None = None,
    text: str = "",
) -> MembershipQuerySet:
    """Return members with their person and role; without a status, all but the removed.

    `text` is looked for in username, display name and address. `role` is a built-in
    role that is held as it is; a custom role is asked for as such.
    """
    members = Membership.objects.of(organization).with_user()
    members = members.filter(status=status) if status else members.present()
    if custom_role is not None:
        members = members.filter(custom_role=custom_role)
    elif role:
        members = members.filter(role=role, custom_role__isnull=True)
    if seat:
        members = members.filter(seat=seat)
    if team is not None:
        members = members.filter(team_memberships__team=team)
    return members.filter(_of_person("user__", text)) if _plain(text) else members


def team_members_of(team: Team, *, role: str = "", text: str = "") -> TeamMembershipQuerySet:
    """Return who is in a team, deactivated members included, with person and roles."""
    places = (
        TeamMembership.objects.of(team.organization_id)
        .in_team(team)
        .select_related("membership__user", "membership__custom_role", "custom_role")
    )
    if role:
        places = places.filter(role=role, custom_role__isnull=True)
    return places.filter(_of_person("membership__user__", text)) if _plain(text) else places


def keepers_of(
    organization: Organization, permission: str, *, team: Team | None = None
) -> list[str]:
    """Return the addresses of those whose built-in role holds a permission, to write to.

    Admins of the team count where one is given; at most 100, each once.
    """
    roles = [role for role, held in ORGANIZATION_ROLES.items() if permission in held]
    keepers = Membership.objects.of(organization).active()
    found = set(
        keepers.filter(role__in=roles, custom_role=None).values_list("user__email", flat=True)[
            :_AT_MOST_KEEPERS
        ]
    )
    if team is not None:
        team_roles = [role for role, held in TEAM_ROLES.items() if permission in held]
        places = TeamMembership.objects.of(organization).in_team(team)
        found |= set(
            places.filter(
                role__in=team_roles, custom_role=None, membership__status=Membership.Status.ACTIVE
            ).values_list("membership__user__email", flat=True)[:_AT_MOST_KEEPERS]
        )
    return sorted(found - {""})


# --- seats ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SeatSummary:
    """One kind of seat: `limit` None means unlimited.

    `promised` are seats that live invitations will take, `reclaimable` those held by
    members without a sign of life for `IDLE_AFTER`.
    """

    seat: str
    limit: int | None
    used: int
    promised: int
    reclaimable: int

    @property
    def free(self) -> int | None:
        """Return how many can be taken now; None means any number."""
        return None if self.limit is None else max(self.limit - self.used, 0)

    @property
    def overage(self) -> int:
        """Return how many are in use beyond the limit."""
        return 0 if self.limit is None else max(self.used - self.limit, 0)


def seat_summary(organization: Organization) -> list[SeatSummary]:
    """Return the kinds of seats with their figures, `full` first, in three queries."""
    live = Invitation.objects.of(organization).live(now())
    promised = {
        row["seat"]: row["n"] for row in live.values("seat").annotate(n=Count("pk")).order_by()
    }
    idle = {
        row["seat"]: row["n"]
        for row in idle_members_of(organization).values("seat").annotate(n=Count("pk")).order_by()
    }
    return [
        SeatSummary(
            seat=pool.seat,
            limit=pool.limit,
            used=pool.used,
            promised=promised.get(pool.seat, 0),
            reclaimable=idle.get(pool.seat, 0),
        )
        for pool in SeatPool.objects.of(organization).order_by("seat")
    ]


def idle_members_of(organization: Organization, *, seat: str = "") -> MembershipQuerySet:
    """Return active members that hold a seat and gave no sign of life for `IDLE_AFTER`."""
    seen = Coalesce("last_active_at", "joined_at")
    members = Membership.objects.of(organization).active().exclude(seat="none")
    members = members.alias(seen_at=seen).filter(seen_at__lt=now() - IDLE_AFTER)
    return members.filter(seat=seat) if seat else members


# --- roles ----------------------------------------------------------------------------------


def roles_with_holders(organization: Organization, *, scope: str = "") -> QuerySet[Role]:
    """Return custom roles annotated with `holders`: to how many each is given now."""
    own = Q(custom_role=OuterRef("pk"))
    counted = (
        Membership.objects.of(organization).filter(own),
        TeamMembership.objects.of(organization).filter(own),
        ServiceAccount.objects.of(organization).filter(own),
        Grant.objects.of(organization).live(now()).filter(own),
        Invitation.objects.of(organization).open().filter(own),
    )
    total = sum((_counted(rows) for rows in counted[1:]), start=_counted(counted[0]))
    roles = Role.objects.of(organization).annotate(holders=total)
    return roles.filter(scope=scope) if scope else roles


def built_in_role_holders(organization: Organization) -> dict[tuple[str, str], int]:
    """Map (scope, built-in role) to how many hold it as it is; two queries."""
    held = {}
    for scope, rows in (
        ("organization", Membership.objects.of(organization).active()),
        ("team", TeamMembership.objects.of(organization).all()),
    ):
        counts = rows.filter(custom_role__isnull=True).values("role").annotate(n=Count("pk"))
        for row in counts.order_by():
            held[scope, row["role"]] = row["n"]
    return held


# --- teams' settings and features -----------------------------------------------------------

ENFORCEMENTS: Mapping[str, tuple[str, bool]] = {
    "is_hidden": ("enforces_hidden_teams", True),
    "keeps_new_projects_private": ("enforces_private_projects", True),
    "lets_members_invite": ("enforces_invitation_control", False),
    "forbids_public_reports": ("enforces_no_public_reports", True),
    "allows_domain_join": ("enforces_no_self_join", False),
    "saves_code": ("enforces_code_saving_off", False),
}
"""Team setting → the organization's policy over it, and the value that it enforces."""


@dataclass(frozen=True, slots=True)
class TeamSettings:
    """What holds in a team; `enforced` names the settings that are not the team's to change."""

    is_hidden: bool
    keeps_new_projects_private: bool
    lets_members_invite: bool
    forbids_public_reports: bool
    allows_domain_join: bool
    saves_code: bool
    enforced: frozenset[str]


def effective_settings(team: Team, organization: Organization | None = None) -> TeamSettings:
    """Return a team's settings under its organization's policies; no query of its own.

    Give the organization where it is at hand; else the team's own is read.
    """
    organization = organization or team.organization
    enforced = {
        setting: value
        for setting, (policy, value) in ENFORCEMENTS.items()
        if getattr(organization, policy)
    }
    values = {setting: enforced.get(setting, getattr(team, setting)) for setting in ENFORCEMENTS}
    return TeamSettings(**values, enforced=frozenset(enforced))


@dataclass(frozen=True, slots=True)
class FeatureValue:
    """Whether a feature is on, and which level decided: instance, organization, team or user."""

    flag: FeatureFlag
    is_on: bool
    level: str


def features_of(
    organization: Organization, *, team: Team | None = None, user: User | None = None
) -> list[FeatureValue]:
    """Return every feature's value for somebody, the nearest choice winning; two queries."""
    levels: dict[str, Organization | Team | User | None] = {
        "organization": organization,
        "team": team,
        "user": user,
    }
    wanted = Q()
    for level, holder in levels.items():
        if holder is not None:
            wanted |= Q(**{level: holder})
    made: dict[tuple[str, str], bool] = {}
    for choice in FeatureChoice.objects.filter(wanted):
        level = "user" if choice.user_id else "team" if choice.team_id else "organization"
        made[choice.flag_id, level] = choice.is_on
    values = []
    for flag in FeatureFlag.objects.order_by("name"):
        value = FeatureValue(flag, flag.is_on, "instance")
        for level in levels:
            if (flag.name, level) in made:
                value = FeatureValue(flag, made[flag.name, level], level)
        values.append(value)
    return values


def entitled_features(organization: Organization) -> frozenset[str]:
    """Return the features that any live entitlement of the organization grants."""
    live = Entitlement.objects.of(organization).live(now())
    granted = live.values_list("features", flat=True)
    return frozenset(feature for features in granted for feature in features)


# --- names and trail ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NamedEntity:
    """Who holds a name. `is_alias` says that `name` is the current one: redirect to it."""

    name: str
    user: User | None
    team: Team | None
    is_alias: bool


def entity_named(name: str) -> NamedEntity | None:
    """Return who holds a name of the one namespace, by current name or live alias."""
    held = Entity.objects.named(name).select_related("user", "team__organization").first()
    if held is None or held.has_lapsed:
        return None
    current = held.user.username if held.user else held.team.name if held.team else held.name
    return NamedEntity(
        name=current, user=held.user, team=held.team, is_alias=held.alias_until is not None
    )


def events_of(
    organization: Organization,
    *,
    type_prefix: str = "",
    actor: str = "",
    target: str = "",
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    text: str = "",
) -> QuerySet[Event]:
    """Return the audit trail, to be ordered by `-sequence`.

    `actor` and `target` are wire ids or names; `since` is included, `until` is not.
    `text` is looked for in the names of actor and target, and in the type.
    """
    events = Event.objects.of(organization)
    if type_prefix:
        events = events.filter(type__startswith=_plain(type_prefix))
    if actor:
        found = _WIRE_ID.fullmatch(actor)
        events = (
            events.filter(actor_id=str(uuid.UUID(found.group(1))))
            if found
            else events.filter(actor_label__iexact=_plain(actor))
        )
    if target:
        events = (
            events.filter(target_id=target)
            if _WIRE_ID.fullmatch(target)
            else events.filter(target_label__iexact=_plain(target))
        )
    if since is not None:
        events = events.filter(occurred_at__gte=since)
    if until is not None:
        events = events.filter(occurred_at__lt=until)
    if _plain(text):
        events = events.filter(_any_contains(("target_label", "actor_label", "type"), text))
    return events


def _of_person(path: str, text: str) -> Q:
    fields = ("username", "display_name", "email")
    return _any_contains([f"{path}{field}" for field in fields], text)


def _any_contains(fields: Iterable[str], text: str) -> Q:
    condition = Q()
    for field in fields:
        condition |= Q(**{f"{field}__icontains": _plain(text)})
    return condition


def _plain(text: str) -> str:
    """Return a searched text without what no row can hold and PostgreSQL refuses to compare."""
    return text.replace("\x00", "").strip()


def _counted(rows: "QuerySet[Any]") -> Coalesce:
    """Return the number of rows of a correlated queryset as an expression."""
    per_role = rows.order_by().values("custom_role").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(per_role, output_field=IntegerField()), 0)
