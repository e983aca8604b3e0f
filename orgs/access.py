"""The one access decision: may this principal do that to this thing, and why.

Standing roles, custom roles, temporary grants, a credential's scopes, project
visibility and restrictions of the organization meet here and nowhere else.
Tests: tests/orgs/test_access.py, docs/permissions.md (generated).
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from django.db.models import Exists, OuterRef

from kernel.clock import now
from kernel.errors import Denied, Missing
from kernel.principal import Principal, PrincipalKind
from orgs.models import (
    Grant,
    Membership,
    Organization,
    PlatformPermission,
    Project,
    ProjectCollaborator,
    Restriction,
    Role,
    ServiceAccount,
    Team,
    TeamMembership,
)
from orgs.permissions import (
    DESCRIPTIONS,
    ORGANIZATION_ROLES,
    TEAM_ROLES,
    Permission,
    covers,
)

Resource = Organization | Team | Project | ServiceAccount

_IN_DELETION = frozenset({Permission.ORGANIZATION_READ, Permission.ORGANIZATION_DELETE})
_WHILE_SUSPENDED = frozenset(
    {Permission.ORGANIZATION_READ, Permission.BILLING_READ, Permission.BILLING_MANAGE}
)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, with the reason in words and what it rests on (`via`).

    `is_stranger` marks a principal to whom the organization must look absent.
    """

    allowed: bool
    permission: str
    reason: str
    via: str = ""
    is_stranger: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """A principal's place in one organization, read once.

    `wide` is what its organization role and organization-wide grants hold; `teams`
    maps a team to (role label, permissions) where a check asked for it.
    """

    organization: Organization
    member: Membership | None = None
    account: ServiceAccount | None = None
    role_label: str = ""
    wide: frozenset[str] = frozenset()
    granted_teams: dict[uuid.UUID, frozenset[str]] = field(default_factory=dict)
    restrictions: tuple[Restriction, ...] = ()
    asks_platform: bool = False

    @property
    def is_inside(self) -> bool:
        """Whether the principal belongs to the organization at all."""
        return self.member is not None or self.account is not None


def may(principal: Principal, permission: str, resource: Resource) -> Decision:
    """Decide; two to four queries, nothing written, no error raised."""
    organization = _organization_of(resource)
    if principal.is_system:
        return Decision(True, permission, "Steward acts by itself.", via="system")
    standing = standing_of(principal, organization, asks_platform=_is_of_platform(permission))
    outside = None if standing.is_inside else _for_everybody(principal, permission, resource)
    if not standing.is_inside and (outside is None or not outside.allowed):
        return outside or Decision(
            False, permission, "You are not in this organization.", is_stranger=True
        )
    refused = _refused_beforehand(principal, permission, standing)
    if refused:
        return refused
    return outside or _by_roles(permission, resource, standing)


def require(principal: Principal, permission: str, resource: Resource) -> Decision:
    """Return the decision if it allows; raise `Missing` for strangers, else `Denied`."""
    decision = may(principal, permission, resource)
    if decision.is_stranger:
        raise Missing
    if not decision.allowed:
        raise Denied(permission=str(permission), reason=decision.reason)
    return decision


def require_all(
    principal: Principal, permissions: Iterable[str], resource: Organization | Team
) -> None:
    """Raise `Denied` unless the principal holds every one of the permissions.

    This is how nobody gives away more than they have.
    """
    if principal.is_system:
        return
    require(principal, Permission.ORGANIZATION_READ, _organization_of(resource))
    lacking = sorted(set(permissions) - held_on(principal, resource))
    if lacking:
        raise Denied(
            "You cannot give more than you have yourself: you lack " + ", ".join(lacking) + ".",
            permission=lacking[0],
        )


def held_on(principal: Principal, resource: Organization | Team) -> frozenset[str]:
    """Return every permission that the principal has on an organization or team."""
    organization = _organization_of(resource)
    standing = standing_of(principal, organization, asks_platform=True)
    held = standing.wide
    if isinstance(resource, Team):
        _, by_team = _team_role(resource.pk, standing)
        held = held | by_team | standing.granted_teams.get(resource.pk, frozenset())
    return frozenset(
        permission
        for permission in held
        if _refused_beforehand(principal, permission, standing) is None
    )


def standing_of(
    principal: Principal, organization: Organization, *, asks_platform: bool = False
) -> Standing:
    """Read a principal's place in an organization: one query, a second if it has more.

    With `asks_platform` the platform's own permissions are read along.
    """
    if principal.organization_id not in (None, organization.pk):
        return Standing(organization, asks_platform=asks_platform)
    restricted = Exists(Restriction.objects.of(organization))
    live = Grant.objects.of(organization).live(now())
    if principal.kind is PrincipalKind.USER:
        member = (
            Membership.objects.of(organization)
            .active()
            .filter(user_id=principal.id, user__is_active=True)
            .select_related("custom_role")
            .annotate(
                is_restricted=restricted,
                has_grants=Exists(live.filter(membership_id=OuterRef("pk"))),
            )
            .first()
        )
        if member is None:
            return _outside(organization)
        wide = role_permissions(
            member.role, member.custom_role, "organization", with_platform=asks_platform
        )
        return _with_extras(
            Standing(
                organization,
                member=member,
                role_label=member.role_name.lower(),
                wide=wide,
                asks_platform=asks_platform,
            ),
            live.filter(membership=member) if member.has_grants else None,
            is_restricted=member.is_restricted,
        )
    if principal.kind is PrincipalKind.SERVICE_ACCOUNT:
        account = (
            ServiceAccount.objects.of(organization)
            .filter(pk=principal.id, disabled_at__isnull=True)
            .select_related("custom_role")
            .annotate(
                is_restricted=restricted,
                has_grants=Exists(live.filter(service_account_id=OuterRef("pk"))),
            )
            .first()
        )
        if account is None:
            return _outside(organization)
        if account.team_id is None:
            wide = role_permissions(
                account.role, account.custom_role, "organization", with_platform=asks_platform
            )
        else:
            wide = frozenset({Permission.ORGANIZATION_READ})
        return _with_extras(
            Standing(
                organization,
                account=account,
                role_label=account.custom_role.name if account.custom_role else account.role,
                wide=wide,
                asks_platform=asks_platform,
            ),
            live.filter(service_account=account) if account.has_grants else None,
            is_restricted=account.is_restricted,
        )
    return _outside(organization)


def _outside(organization: Organization) -> Standing:
    return Standing(
        organization, restrictions=tuple(Restriction.objects.of(organization))
    )


def role_permissions(
    role: str, custom: Role | None, scope: str, *, with_platform: bool = True
) -> frozenset[str]:
    """Return what a role holds, built in or custom; unknown names hold nothing.

    The platform's own permissions cost one more query; `with_platform` leaves them out.
    """
    table = ORGANIZATION_ROLES if scope == "organization" else TEAM_ROLES
    base = custom.inherits if custom else role
    held = table.get(base, frozenset())
    platform = _platform_permissions(base, scope) if with_platform else frozenset()
    if custom is None:
        return held | platform
    return (held | platform | frozenset(custom.added)) - frozenset(custom.removed)


def _platform_permissions(base: str, scope: str) -> frozenset[str]:
    rows = PlatformPermission.objects.all()
    if scope == "organization":
        if base not in ("owner", "admin"):
            return frozenset()
        return frozenset(row.name for row in rows)
    return frozenset(row.name for row in rows if base in row.team_roles)


def _with_extras(standing: Standing, grants: object, *, is_restricted: bool) -> Standing:
    wide, teams = set(standing.wide), dict(standing.granted_teams)
    if grants is not None:
        for grant in grants.select_related("custom_role"):  # type: ignore[attr-defined]
            scope = "team" if grant.team_id else "organization"
            held = role_permissions(
                grant.role, grant.custom_role, scope, with_platform=standing.asks_platform
            )
            if grant.team_id:
                teams[grant.team_id] = teams.get(grant.team_id, frozenset()) | held
            else:
                wide |= held
    restrictions = (
        tuple(Restriction.objects.of(standing.organization)) if is_restricted else ()
    )
    return replace(
        standing, wide=frozenset(wide), granted_teams=teams, restrictions=restrictions
    )


def _refused_beforehand(
    principal: Principal, permission: str, standing: Standing
) -> Decision | None:
    """Return a refusal that no role can outweigh: scope, deletion, restriction."""
    if principal.scopes is not None and not covers(principal.scopes, permission):
        return Decision(False, permission, f"This key's scopes do not include {permission}.")
    organization = standing.organization
    if organization.is_being_deleted and permission not in _IN_DELETION:
        return Decision(
            False, permission, f"{organization.name} is being deleted. An owner can restore it."
        )
    for restriction in standing.restrictions:
        if restriction.kind == Restriction.Kind.SUSPENDED and permission not in _WHILE_SUSPENDED:
            return Decision(
                False, permission, f"{organization.name} is suspended: {restriction.reason}"
            )
        if restriction.kind == Restriction.Kind.READ_ONLY and not permission.endswith(".read"):
            return Decision(
                False, permission, f"{organization.name} is read-only: {restriction.reason}"
            )
        if (
            restriction.kind == Restriction.Kind.OVER_QUOTA
            and restriction.subject == permission
        ):
            return Decision(False, permission, restriction.reason)
    return None


def _by_roles(permission: str, resource: Resource, standing: Standing) -> Decision:
    if isinstance(resource, Project):
        return _on_project(permission, resource, standing)
    team_id = resource.pk if isinstance(resource, Team) else None
    if isinstance(resource, ServiceAccount):
        team_id = resource.team_id
    if team_id is None:
        if permission in standing.wide:
            return Decision(
                True,
                permission,
                f"Role {standing.role_label} holds {permission}.",
                via=f"organization:{standing.role_label}",
            )
        return Decision(
            False,
            permission,
            f"Role {standing.role_label} of {standing.organization.name} lacks {permission}.",
        )
    team = resource if isinstance(resource, Team) else None
    return _on_team(permission, team_id, team, standing)


def _on_team(
    permission: str, team_id: uuid.UUID, team: Team | None, standing: Standing
) -> Decision:
    sees_all = Permission.TEAM_MEMBER_MANAGE in standing.wide
    if permission in standing.wide and (permission != Permission.TEAM_READ or sees_all):
        return Decision(
            True,
            permission,
            f"Role {standing.role_label} holds {permission} on every team.",
            via=f"organization:{standing.role_label}",
        )
    label, held = _team_role(team_id, standing)
    if permission in held:
        return Decision(
            True, permission, f"Role {label} of the team holds {permission}.", via=f"team:{label}"
        )
    if permission in standing.granted_teams.get(team_id, frozenset()):
        return Decision(
            True, permission, f"A grant on the team holds {permission}.", via="grant"
        )
    if permission == Permission.TEAM_READ and permission in standing.wide and team is not None:
        hidden = team.is_hidden or standing.organization.enforces_hidden_teams
        if not hidden:
            return Decision(True, permission, "The team is visible.", via="organization")
    name = f"team {team.name}" if team else "the team"
    if not label:
        return Decision(False, permission, f"You are not in {name}.")
    return Decision(False, permission, f"Role {label} of {name} lacks {permission}.")


def _team_role(team_id: uuid.UUID, standing: Standing) -> tuple[str, frozenset[str]]:
    account = standing.account
    if account is not None:
        if account.team_id != team_id:
            return "", frozenset()
        return standing.role_label, role_permissions(
            account.role, account.custom_role, "team", with_platform=standing.asks_platform
        )
    place = (
        TeamMembership.objects.of(standing.organization)
        .filter(team_id=team_id, membership=standing.member)
        .select_related("custom_role")
        .first()
    )
    if place is None:
        return "", frozenset()
    label = place.custom_role.name if place.custom_role else place.role
    return label, role_permissions(
        place.role, place.custom_role, "team", with_platform=standing.asks_platform
    )


def _on_project(permission: str, project: Project, standing: Standing) -> Decision:
    team = project.team
    if project.visibility == Project.Visibility.RESTRICTED:
        return _on_restricted(permission, project, standing)
    decision = _on_team(permission, project.team_id, team, standing)
    if decision.allowed:
        return decision
    return _by_visibility(permission, project) or decision


def _on_restricted(permission: str, project: Project, standing: Standing) -> Decision:
    """Only people named on the project see into it; team admins may manage it.

    A team admin who wants to look inside has to be named as well, which shows.
    """
    rows = ProjectCollaborator.objects.of(standing.organization).filter(project=project)
    mine = (
        rows.filter(membership=standing.member)
        if standing.member
        else rows.filter(service_account=standing.account)
    ).first()
    if mine and permission in role_permissions(
        mine.role, None, "team", with_platform=standing.asks_platform
    ):
        return Decision(
            True, permission, f"Named on the project as {mine.role}.", via="project"
        )
    if permission in (Permission.PROJECT_UPDATE, Permission.PROJECT_DELETE):
        return _on_team(permission, project.team_id, project.team, standing)
    return Decision(
        False,
        permission,
        f"Project {project.name} is restricted to the people named on it.",
    )


def _by_visibility(permission: str, project: Project) -> Decision | None:
    reads = permission == Permission.PROJECT_READ or _is_platform_read(permission)
    if project.visibility == Project.Visibility.PUBLIC and reads:
        return Decision(True, permission, "The project is public.", via="visibility:public")
    if project.visibility == Project.Visibility.OPEN:
        contributes = permission == Permission.PROJECT_CONTRIBUTE or _is_platform(permission)
        if reads or contributes:
            return Decision(True, permission, "The project is open.", via="visibility:open")
    return None


def _for_everybody(
    principal: Principal, permission: str, resource: Resource
) -> Decision | None:
    """Decide for somebody outside of the organization: open and public projects only."""
    if not isinstance(resource, Project):
        return None
    anonymous = principal.kind is PrincipalKind.ANONYMOUS
    if anonymous and resource.visibility != Project.Visibility.PUBLIC:
        return None
    return _by_visibility(permission, resource)


def _is_of_platform(permission: str) -> bool:
    return permission not in DESCRIPTIONS


def _is_platform(permission: str) -> bool:
    return (
        _is_of_platform(permission)
        and PlatformPermission.objects.filter(name=permission).exists()
    )


def _is_platform_read(permission: str) -> bool:
    return (
        _is_of_platform(permission)
        and PlatformPermission.objects.filter(name=permission, is_read=True).exists()
    )


def _organization_of(resource: Resource) -> Organization:
    return resource if isinstance(resource, Organization) else resource.organization
