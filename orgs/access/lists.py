"""Decide about many rows: which organizations, teams, projects … a principal may see.

Each function returns a queryset fit for `kernel.pagination.paginate`, at a constant
number of queries, and agrees with `may` on every row (tests/orgs/access/test_lists.py).
"""

import uuid
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Q, QuerySet

from kernel.database.scope import across, within
from kernel.errors import Missing
from kernel.ids import decode
from kernel.principal import Principal
from orgs.access.standing import Standing, refusal_beforehand, standing_of
from orgs.models import (
    AccessRequest,
    Grant,
    Invitation,
    Organization,
    Project,
    ServiceAccount,
    Team,
)
from orgs.models.grant import GrantQuerySet
from orgs.models.invitation import InvitationQuerySet
from orgs.models.team import TeamQuerySet
from orgs.permissions import Permission

Rows = TypeVar("Rows", QuerySet[ServiceAccount], GrantQuerySet, QuerySet[AccessRequest])


def enter(principal: Principal, reference: str) -> Standing:
    """Return the principal's standing in the organization of a slug or `org_…` id.

    Raises `Missing` for strangers and for what does not exist: the two never differ, in
    what is read either.
    """
    prefix = f"{Organization.wire_prefix}_"
    if reference.startswith(prefix):
        rows = Organization.objects.filter(pk=decode(Organization.wire_prefix, reference))
    else:
        rows = Organization.objects.filter(slug=reference.lower().replace("\x00", ""))
    with across("which organization a slug or an id names"):
        organization = rows.first()
    if organization is None:
        organization = Organization()  # nobody is in it
    with within(organization):
        standing = standing_of(principal, organization)
    if not standing.is_inside:
        raise Missing
    return standing


def teams_for(principal: Principal, organization: Organization) -> TeamQuerySet:
    """Return the teams that the principal may see; hidden ones only from inside."""
    reach = _reach(principal, organization, Permission.TEAM_READ)
    teams = Team.objects.of(organization)
    if reach.is_refused:
        return teams.none()
    wide = reach.standing.wide
    if reach.everywhere and Permission.TEAM_MEMBER_MANAGE in wide:
        return teams
    mine = Q(pk__in=reach.teams)
    if reach.everywhere and not organization.enforces_hidden_teams:
        return teams.filter(mine | Q(is_hidden=False))
    return teams.filter(mine)


def team_for(principal: Principal, organization: Organization, reference: str) -> Team:
    """Return a visible team by its `team_…` id or name, or raise `Missing`."""
    teams = teams_for(principal, organization).select_related("organization")
    if reference.startswith(f"{Team.wire_prefix}_"):
        found = teams.filter(pk=decode(Team.wire_prefix, reference)).first()
    else:
        found = teams.named(reference.replace("\x00", "")).first()
    if found is None:
        raise Missing
    return found


def projects_for(principal: Principal, organization: Organization) -> QuerySet[Project]:
    """Return the projects that the principal may look into or manage.

    Restricted ones show to the people named on them, and to those who may manage them
    (who see that they exist, not what is inside).
    """
    reach = _reach(principal, organization, Permission.PROJECT_READ)
    projects = Project.objects.of(organization).select_related("team")
    if reach.is_refused:
        return projects.none()
    kinds = Project.Visibility
    named = Q(pk__in=[])
    if reach.standing.member is not None:
        named = Q(collaborators__membership=reach.standing.member)
    elif reach.standing.account is not None:
        named = Q(collaborators__service_account=reach.standing.account)
    named_on = Project.objects.of(organization).filter(named, visibility=kinds.RESTRICTED)
    seen = Q(visibility__in=[kinds.OPEN, kinds.PUBLIC]) | Q(pk__in=named_on.values("pk"))
    manages = _reach_of(principal, reach.standing, Permission.PROJECT_UPDATE, reach.roles)
    for reached, visibilities in (
        (reach, [kinds.TEAM]),
        (manages, [kinds.RESTRICTED]),
    ):
        scope = Q(visibility__in=visibilities)
        seen |= scope if reached.everywhere else scope & Q(team_id__in=reached.teams)
    return projects.filter(seen)


def project_for(principal: Principal, organization: Organization, wire_id: str) -> Project:
    """Return a visible project by its id, or raise `Missing`."""
    rows = projects_for(principal, organization).select_related("team", "organization")
    found = rows.filter(pk=decode(Project.wire_prefix, wire_id)).first()
    if found is None:
        raise Missing
    return found


def service_accounts_for(
    principal: Principal, organization: Organization
) -> QuerySet[ServiceAccount]:
    """Return the service accounts that the principal may see; an account sees itself."""
    reach = _reach(principal, organization, Permission.SERVICE_ACCOUNT_READ)
    accounts = ServiceAccount.objects.of(organization).select_related("team", "custom_role")
    own = Q(pk=reach.standing.account.pk) if reach.standing.account else Q(pk__in=[])
    return _within(accounts, reach, own)


def grants_for(principal: Principal, organization: Organization) -> GrantQuerySet:
    """Return the grants, live and ended, that the principal may see: its own always."""
    reach = _reach(principal, organization, Permission.GRANT_READ)
    grants = Grant.objects.of(organization).select_related(
        "membership__user", "service_account", "team", "custom_role"
    )
    own = Q(pk__in=[])
    if reach.standing.member is not None:
        own = Q(membership=reach.standing.member)
    elif reach.standing.account is not None:
        own = Q(service_account=reach.standing.account)
    return _within(grants, reach, own)


def access_requests_for(
    principal: Principal, organization: Organization
) -> QuerySet[AccessRequest]:
    """Return the requests that the principal may decide, and its own."""
    reach = _reach(principal, organization, Permission.REQUEST_DECIDE)
    requests = AccessRequest.objects.of(organization).select_related("membership__user", "team")
    member = reach.standing.member
    return _within(requests, reach, Q(membership=member) if member else Q(pk__in=[]))


def invitations_for(principal: Principal, organization: Organization) -> InvitationQuerySet:
    """Return the invitations that the principal may see: all, or those it made."""
    reach = _reach(principal, organization, Permission.INVITATION_READ)
    invitations = Invitation.objects.of(organization).select_related("organization", "custom_role")
    if reach.everywhere:
        return invitations
    if reach.is_refused or principal.scopes is not None:
        return invitations.none()
    return invitations.filter(invited_by_id=str(principal.id))


@dataclass(frozen=True, slots=True)
class _Reach:
    """Where a principal holds a permission: everywhere, or on some teams."""

    standing: Standing
    everywhere: bool
    teams: frozenset[uuid.UUID]
    roles: dict[uuid.UUID, frozenset[str]]
    is_refused: bool = False


def _reach(principal: Principal, organization: Organization, permission: str) -> _Reach:
    standing = standing_of(principal, organization)
    if principal.is_system:
        everything = Standing(organization, wide=frozenset(Permission))
        return _reach_of(principal, everything, permission, {})
    if not standing.is_inside:
        return _Reach(standing, everywhere=False, teams=frozenset(), roles={}, is_refused=True)
    roles = {team: held for team, (_, held) in standing.team_roles().items()}
    for team, held in standing.granted_teams.items():
        roles[team] = roles.get(team, frozenset()) | held
    return _reach_of(principal, standing, permission, roles)


def _reach_of(
    principal: Principal,
    standing: Standing,
    permission: str,
    roles: dict[uuid.UUID, frozenset[str]],
) -> _Reach:
    refused = bool(refusal_beforehand(principal, permission, standing))
    holding = frozenset(team for team, held in roles.items() if permission in held)
    return _Reach(
        standing,
        everywhere=not refused and permission in standing.wide,
        teams=frozenset() if refused else holding,
        roles=roles,
        is_refused=refused,
    )


def _within(rows: Rows, reach: _Reach, own: Q) -> Rows:
    """Narrow rows that belong to a team, or to the whole organization, to what is reached.

    A refusal (scope, deletion, restriction) leaves nothing, not even one's own.
    """
    if reach.is_refused:
        return rows.none()
    return rows if reach.everywhere else rows.filter(own | Q(team_id__in=reach.teams))
