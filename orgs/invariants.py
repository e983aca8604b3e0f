"""What must always be true of people and seats; read by `manage.py check_invariants`.

Each rule is told by the rows that break it. Those on counters compare what is kept with
what is there, those on people say that nothing outlives the right to it.
"""

import datetime as dt
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    IntegerField,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Lower, Replace

from kernel.rule import Rule
from orgs.models import (
    AccessRequest,
    Entity,
    Grant,
    Invitation,
    Membership,
    Organization,
    Project,
    ProjectCollaborator,
    Role,
    SeatPool,
    SeatType,
    ServiceAccount,
    Team,
    TeamMembership,
    User,
)

Rows = QuerySet[Any, Any]
Moment = dt.datetime

_ACTIVE, _REMOVED = Membership.Status.ACTIVE, Membership.Status.REMOVED


def _count(rows: "QuerySet[Any, Any]", by: str) -> Coalesce:
    """Return the number of correlated rows as an expression."""
    counted = rows.order_by().values(by).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


# --- seats and counters ---------------------------------------------------------------------


def _wrong_seats(_moment: Moment) -> Rows:
    holders = Membership.objects.system_all().active().filter(
        organization_id=OuterRef("organization_id"), seat=OuterRef("seat")
    )
    pools = SeatPool.objects.system_all().annotate(held=_count(holders, "seat"))
    return pools.exclude(used=F("held"))


def _oversold(_moment: Moment) -> Rows:
    return SeatPool.objects.system_all().filter(used__gt=F("ceiling"))


def _wrong_ceilings(_moment: Moment) -> Rows:
    """A ceiling is the limit, or above it by what a downgrade left over."""
    unlimited = Q(limit__isnull=True, ceiling__isnull=True)
    limited = Q(limit__isnull=False, ceiling__isnull=False, ceiling__gte=F("limit"))
    return SeatPool.objects.system_all().exclude(unlimited | limited)


def _seats_without_pool(_moment: Moment) -> Rows:
    pool = SeatPool.objects.system_all().filter(
        organization_id=OuterRef("organization_id"), seat=OuterRef("seat")
    )
    seated = Membership.objects.system_all().active().exclude(seat=SeatType.NONE)
    return seated.filter(~Exists(pool))


def _of_organization(rows: Any) -> Any:
    return rows.filter(organization_id=OuterRef("pk"))


def _wrong_member_counts(_moment: Moment) -> Rows:
    members = _of_organization(Membership.objects.system_all().active())
    counted = Organization.objects.annotate(there=_count(members, "organization_id"))
    return counted.exclude(member_count=F("there"))


def _wrong_owner_counts(_moment: Moment) -> Rows:
    owners = _of_organization(Membership.objects.system_all().active().filter(role="owner"))
    counted = Organization.objects.annotate(there=_count(owners, "organization_id"))
    return counted.exclude(owner_count=F("there"), there__gt=0)


def _wrong_team_counts(_moment: Moment) -> Rows:
    teams = _of_organization(Team.objects.system_all())
    counted = Organization.objects.annotate(there=_count(teams, "organization_id"))
    return counted.exclude(team_count=F("there"))


def _wrong_team_member_counts(_moment: Moment) -> Rows:
    places = TeamMembership.objects.system_all().filter(team_id=OuterRef("pk"))
    counted = Team.objects.system_all().annotate(there=_count(places, "team_id"))
    return counted.exclude(member_count=F("there"))


# --- nothing outlives a membership ----------------------------------------------------------


def _places_of_removed(_moment: Moment) -> Rows:
    return TeamMembership.objects.system_all().filter(membership__status=_REMOVED)


def _named_after_removal(_moment: Moment) -> Rows:
    return ProjectCollaborator.objects.system_all().filter(membership__status=_REMOVED)


def _grants_of_inactive(moment: Moment) -> Rows:
    live = Grant.objects.system_all().live(moment).filter(membership__isnull=False)
    return live.exclude(membership__status=_ACTIVE)


def _requests_of_inactive(_moment: Moment) -> Rows:
    pending = AccessRequest.objects.system_all().filter(state=AccessRequest.State.PENDING)
    return pending.exclude(membership__status=_ACTIVE)


def _invitations_of_ended(_moment: Moment) -> Rows:
    """Ids stand in the row as text with dashes; the databases write their own in two ways."""
    inviter = Replace("invited_by_id", Value("-"), Value(""))

    def named(column: str) -> Replace:
        return Replace(Cast(column, CharField(max_length=36)), Value("-"), Value(""))

    same = {"organization_id": OuterRef("organization_id"), "text": OuterRef("inviter")}
    members = Membership.objects.system_all().active().annotate(text=named("user_id"))
    machines = ServiceAccount.objects.system_all().annotate(text=named("pk"))
    made = Invitation.objects.system_all().open().exclude(invited_by_id="")
    return made.annotate(inviter=inviter).filter(
        ~Exists(members.filter(**same)), ~Exists(machines.filter(**same))
    )


def _members_in_two_states(_moment: Moment) -> Rows:
    """An active membership has no end; a deactivated or removed one has."""
    active = Q(status=_ACTIVE, ended_at__isnull=True)
    ended = ~Q(status=_ACTIVE) & Q(ended_at__isnull=False)
    return Membership.objects.system_all().exclude(active | ended)


def _removed_with_rights(_moment: Moment) -> Rows:
    removed = Membership.objects.system_all().filter(status=_REMOVED)
    return removed.exclude(role="member", custom_role__isnull=True, seat=SeatType.NONE)


# --- names ----------------------------------------------------------------------------------


def _users_without_name(_moment: Moment) -> Rows:
    held = Entity.objects.filter(user_id=OuterRef("pk"), alias_until__isnull=True)
    return User.objects.filter(~Exists(held.filter(name=OuterRef("username"))))


def _teams_without_name(_moment: Moment) -> Rows:
    held = Entity.objects.filter(team_id=OuterRef("pk"), alias_until__isnull=True)
    return Team.objects.system_all().filter(~Exists(held.filter(name=OuterRef("name"))))


def _wrong_name_keys(_moment: Moment) -> Rows:
    return Entity.objects.annotate(folded=Lower("name")).exclude(name_key=F("folded"))


# --- roles, machines, projects --------------------------------------------------------------


def _misplaced_roles(model: type[Model], scope: Any) -> Any:
    """Return rows whose custom role is of another scope, or based on another role."""

    def rows(_moment: Moment) -> Rows:
        # ast-grep-ignore: no-way-around-the-tenant - asked for `system_all` in the next line
        manager: Any = model._default_manager
        found = manager.system_all().filter(custom_role__isnull=False).annotate(needs=scope)
        result: Rows = found.exclude(custom_role__scope=F("needs"), custom_role__inherits=F("role"))
        return result

    return rows


_WIDE, _NARROW = Value(Role.Scope.ORGANIZATION), Value(Role.Scope.TEAM)
_BY_TEAM = Case(When(team__isnull=True, then=_WIDE), default=_NARROW, output_field=CharField())
_CARRIERS: tuple[tuple[type[Model], Any], ...] = (
    (Membership, _WIDE),
    (Invitation, _WIDE),
    (TeamMembership, _NARROW),
    (Grant, _BY_TEAM),
    (ServiceAccount, _BY_TEAM),
)


def _machines_granted_elsewhere(moment: Moment) -> Rows:
    bound = Grant.objects.system_all().live(moment).filter(service_account__team__isnull=False)
    own = Q(team__isnull=False, team_id=F("service_account__team_id"))
    return bound.exclude(own)


def _machines_named_elsewhere(_moment: Moment) -> Rows:
    bound = ProjectCollaborator.objects.system_all().filter(service_account__team__isnull=False)
    return bound.exclude(service_account__team_id=F("project__team_id"))


def _named_on_open_projects(_moment: Moment) -> Rows:
    rows = ProjectCollaborator.objects.system_all()
    return rows.exclude(project__visibility=Project.Visibility.RESTRICTED)


_POOL, _ORGANIZATION = "organization {organization_id}, {seat}", "organization {pk}"
_COUNTED = "counted, {there} there"

RULES: tuple[Rule, ...] = (
    Rule(
        "seats_used_equal_members_holding_one", _wrong_seats, _POOL, "{used} counted, {held} held"
    ),
    Rule("seats_used_within_the_limit", _oversold, _POOL, "{used} used of {ceiling}"),
    Rule(
        "seat_ceiling_is_the_limit_or_what_a_downgrade_left",
        _wrong_ceilings,
        _POOL,
        "limit {limit}, ceiling {ceiling}",
    ),
    Rule("every_seat_has_its_pool", _seats_without_pool, _POOL, "membership {pk} holds one"),
    Rule(
        "member_count_equals_active_members",
        _wrong_member_counts,
        _ORGANIZATION,
        "{member_count} " + _COUNTED,
    ),
    Rule(
        "organization_has_an_owner",
        _wrong_owner_counts,
        _ORGANIZATION,
        "{owner_count} " + _COUNTED,
    ),
    Rule(
        "team_count_equals_teams", _wrong_team_counts, _ORGANIZATION, "{team_count} " + _COUNTED
    ),
    Rule(
        "team_member_count_equals_members",
        _wrong_team_member_counts,
        "team {pk}",
        "{member_count} " + _COUNTED,
    ),
    Rule(
        "no_team_membership_without_organization_membership",
        _places_of_removed,
        "team {team_id}",
        "membership {membership_id} was removed",
    ),
    Rule(
        "nobody_removed_is_named_on_a_project",
        _named_after_removal,
        "project {project_id}",
        "membership {membership_id} was removed",
    ),
    Rule(
        "no_live_grant_of_an_inactive_member",
        _grants_of_inactive,
        "grant {pk}",
        "membership {membership_id} is not active",
    ),
    Rule(
        "no_pending_request_of_an_inactive_member",
        _requests_of_inactive,
        "access request {pk}",
        "membership {membership_id} is not active",
    ),
    Rule(
        "no_open_invitation_by_somebody_who_ended",
        _invitations_of_ended,
        "invitation {pk}",
        "{invited_by_id} is no active member or service account",
    ),
    Rule(
        "membership_has_an_end_unless_it_is_active",
        _members_in_two_states,
        "membership {pk}",
        "{status}, ended {ended_at}",
    ),
    Rule(
        "removed_member_has_no_role_and_no_seat",
        _removed_with_rights,
        "membership {pk}",
        "role {role}, seat {seat}",
    ),
    Rule("user_holds_the_username", _users_without_name, "user {pk}", "{username} is not theirs"),
    Rule("team_holds_its_name", _teams_without_name, "team {pk}", "{name} is not its"),
    Rule("name_is_looked_up_by_its_key", _wrong_name_keys, "name {name}", "key {name_key}"),
    *(
        Rule(
            f"custom_role_of_{model._meta.model_name}_fits_its_place",
            _misplaced_roles(model, scope),
            f"{model._meta.verbose_name} {{pk}}",
            "role {custom_role_id} with base {role}",
        )
        for model, scope in _CARRIERS
    ),
    Rule(
        "machine_of_a_team_is_granted_nothing_elsewhere",
        _machines_granted_elsewhere,
        "grant {pk}",
        "service account {service_account_id}",
    ),
    Rule(
        "machine_of_a_team_is_named_nowhere_else",
        _machines_named_elsewhere,
        "project {project_id}",
        "service account {service_account_id}",
    ),
    Rule(
        "people_are_named_on_restricted_projects_only",
        _named_on_open_projects,
        "project {project_id}",
        "a {role} is named",
    ),
)
