"""Decide about one thing: `may`, and the checks that raise."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from kernel.clock import now
from kernel.errors import Denied, Missing
from kernel.principal import Principal, PrincipalKind
from orgs.access.standing import Standing, refusal_beforehand, role_permissions, standing_of
from orgs.models import (
    Grant,
    Organization,
    OrganizationRole,
    PlatformPermission,
    Project,
    ProjectCollaborator,
    ServiceAccount,
    Team,
    TeamRole,
)
from orgs.permissions import DESCRIPTIONS, Permission
from orgs.queries import effective_settings

Resource = Organization | Team | Project | ServiceAccount


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


def may(
    principal: Principal, permission: str, resource: Resource, *, standing: Standing | None = None
) -> Decision:
    """Decide; two to four queries, nothing written, no error raised.

    Whoever has read the principal's standing gives it along (read without the platform's
    permissions, it decides about Steward's own).
    """
    organization = _organization_of(resource)
    if principal.is_system:
        return _yes(permission, "Steward acts by itself.", via="system")
    if standing is None:
        asks_platform = _is_of_platform(permission)
        standing = standing_of(principal, organization, asks_platform=asks_platform)
    outside = None if standing.is_inside else _for_everybody(principal, permission, resource)
    if not standing.is_inside and (outside is None or not outside.allowed):
        return Decision(
            allowed=False,
            permission=permission,
            reason="You are not in this organization.",
            is_stranger=True,
        )
    refusal = refusal_beforehand(principal, permission, standing)
    if refusal:
        return _no(permission, refusal)
    return outside or _by_roles(permission, resource, standing)


def require(
    principal: Principal, permission: str, resource: Resource, *, standing: Standing | None = None
) -> Decision:
    """Return the decision if it allows; raise `Missing` for strangers, else `Denied`."""
    decision = may(principal, permission, resource, standing=standing)
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


def require_as_much_as(principal: Principal, account: ServiceAccount) -> None:
    """Raise `Denied` unless the principal may all that a service account may.

    Whoever is handed a key of the account acts as it. The scopes of the principal's own
    key do not count: the new key never has more of them.
    """
    whole = principal.unscoped()
    place = account.team or account.organization
    scope = "team" if account.team else "organization"
    require_all(whole, role_permissions(account.role, account.custom_role, scope), place)
    given = Grant.objects.of(account.organization_id).filter(service_account=account)
    for grant in given.live(now()).select_related("custom_role", "team__organization"):
        scope = "team" if grant.team else "organization"
        held = role_permissions(grant.role, grant.custom_role, scope)
        require_all(whole, held, grant.team or account.organization)
    _require_named_like(principal, account)


def _require_named_like(principal: Principal, account: ServiceAccount) -> None:
    """Raise `Denied` unless the principal sees into each restricted project of the account.

    Nobody looks into a restricted project without being named on it, which shows; through
    a machine that is named there they would.
    """
    if principal.is_system:
        return
    rows = ProjectCollaborator.objects.of(account.organization_id)
    standing = standing_of(principal.unscoped(), account.organization)
    own = Q(membership=standing.member) if standing.member else Q(service_account=standing.account)
    mine = {
        row.project_id: role_permissions(row.role, None, "team")
        for row in (rows.filter(own) if standing.is_inside else rows.none())
    }
    for row in rows.filter(service_account=account).select_related("project"):
        if not role_permissions(row.role, None, "team") <= mine.get(row.project_id, frozenset()):
            raise Denied(
                f"{account.name} is named on the restricted project {row.project.name} as "
                f"{row.role}, and you are not. Have yourself named on it first, or take the "
                "account off it."
            )


def require_oneself(principal: Principal, user_id: uuid.UUID) -> None:
    """Raise `Denied` unless the person acts for themselves, with all that they are.

    A key with scopes is for what its scopes name; what only the person may do (leave,
    accept an invitation, ask for more) is never among them.
    """
    if principal.is_system:
        return
    if not principal.is_user or principal.id != user_id:
        raise Denied("Only the person themselves may do this.")
    if principal.scopes is not None:
        raise Denied("A key with scopes cannot act for the person. Use the console or a full key.")


def held_on(principal: Principal, resource: Organization | Team) -> frozenset[str]:
    """Return every permission that the principal has on an organization or team."""
    organization = _organization_of(resource)
    standing = standing_of(principal, organization, asks_platform=True)
    held = standing.wide
    if isinstance(resource, Team):
        _, by_team = standing.role_in(resource.pk)
        held = held | by_team | standing.granted_teams.get(resource.pk, frozenset())
    return frozenset(
        permission for permission in held if not refusal_beforehand(principal, permission, standing)
    )


def _by_roles(permission: str, resource: Resource, standing: Standing) -> Decision:
    if isinstance(resource, Project):
        return _on_project(permission, resource, standing)
    if isinstance(resource, Team):
        return _on_team(permission, resource, standing)
    if isinstance(resource, ServiceAccount) and resource.team is not None:
        return _on_team(permission, resource.team, standing)
    return _on_organization(permission, standing)


def _on_organization(permission: str, standing: Standing) -> Decision:
    if permission in standing.wide:
        return _yes(
            permission,
            f"Role {standing.role_label} holds {permission}.",
            via=f"organization:{standing.role_label}",
        )
    organization, member = standing.organization, standing.member
    by_policy = permission == Permission.TEAM_CREATE and organization.allows_member_teams
    if by_policy and member is not None and member.role != OrganizationRole.VIEWER:
        return _yes(permission, "Members may create teams here.", via="policy:member_teams")
    return _no(
        permission,
        f"Role {standing.role_label} of {organization.name} lacks {permission}.",
    )


def _on_team(permission: str, team: Team, standing: Standing) -> Decision:
    sees_all = Permission.TEAM_MEMBER_MANAGE in standing.wide
    if permission in standing.wide and (permission != Permission.TEAM_READ or sees_all):
        return _yes(
            permission,
            f"Role {standing.role_label} holds {permission} on every team.",
            via=f"organization:{standing.role_label}",
        )
    label, held = standing.role_in(team.pk)
    if permission in held:
        return _yes(
            permission, f"Role {label} of the team holds {permission}.", via=f"team:{label}"
        )
    if permission in standing.granted_teams.get(team.pk, frozenset()):
        return _yes(permission, "A grant on the team holds it.", via="grant")
    by_setting = _by_team_settings(permission, team, label, standing)
    if by_setting is not None:
        return by_setting
    if not label:
        return _no(permission, f"You are not in team {team.name}.")
    return _no(permission, f"Role {label} of team {team.name} lacks {permission}.")


def _by_team_settings(
    permission: str, team: Team, label: str, standing: Standing
) -> Decision | None:
    settings = effective_settings(team, standing.organization)
    is_seen = permission in standing.wide and not settings.is_hidden
    if permission == Permission.TEAM_READ and is_seen:
        return _yes(permission, "The team is visible.", via="organization")
    invites = settings.lets_members_invite and label in (TeamRole.ADMIN, TeamRole.MEMBER)
    if permission == Permission.MEMBER_INVITE and invites and standing.member is not None:
        return _yes(permission, "The team lets its members invite.", via="team:setting")
    return None


def _on_project(permission: str, project: Project, standing: Standing) -> Decision:
    if project.visibility == Project.Visibility.RESTRICTED:
        return _on_restricted(permission, project, standing)
    decision = _on_team(permission, project.team, standing)
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
        return _yes(permission, f"Named on the project as {mine.role}.", via="project")
    if permission in (Permission.PROJECT_UPDATE, Permission.PROJECT_DELETE):
        return _on_team(permission, project.team, standing)
    return _no(
        permission,
        f"Project {project.name} is restricted to the people named on it.",
    )


def _by_visibility(permission: str, project: Project) -> Decision | None:
    reads = permission == Permission.PROJECT_READ or _is_platform(permission, is_read=True)
    if project.visibility == Project.Visibility.PUBLIC and reads:
        return _yes(permission, "The project is public.", via="visibility:public")
    if project.visibility == Project.Visibility.OPEN:
        contributes = permission == Permission.PROJECT_CONTRIBUTE or _is_platform(permission)
        if reads or contributes:
            return _yes(permission, "The project is open.", via="visibility:open")
    return None


def _for_everybody(principal: Principal, permission: str, resource: Resource) -> Decision | None:
    """Decide for somebody outside of the organization: open and public projects only."""
    if not isinstance(resource, Project):
        return None
    anonymous = principal.kind is PrincipalKind.ANONYMOUS
    if anonymous and resource.visibility != Project.Visibility.PUBLIC:
        return None
    return _by_visibility(permission, resource)


def _is_of_platform(permission: str) -> bool:
    return permission not in DESCRIPTIONS


def _is_platform(permission: str, *, is_read: bool | None = None) -> bool:
    """Whether a platform registered the permission (as a read, if that is asked)."""
    if not _is_of_platform(permission):
        return False
    rows = PlatformPermission.objects.filter(name=permission)
    return (rows if is_read is None else rows.filter(is_read=is_read)).exists()


def _organization_of(resource: Resource) -> Organization:
    return resource if isinstance(resource, Organization) else resource.organization


def _yes(permission: str, reason: str, *, via: str) -> Decision:
    return Decision(allowed=True, permission=permission, reason=reason, via=via)


def _no(permission: str, reason: str) -> Decision:
    return Decision(allowed=False, permission=permission, reason=reason)
