"""Projects: create, change, move, delete, and who is named on restricted ones."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from kernel.errors import Conflict, Invalid, Missing
from kernel.events import Target, record
from kernel.principal import Principal
from orgs import access
from orgs.actions import members, names, teams
from orgs.errors import (
    ConfirmationMismatch,
    NameTaken,
    NotActive,
    PolicyForbids,
    ProtectedName,
)
from orgs.models import (
    Membership,
    Organization,
    Project,
    ProjectCollaborator,
    ServiceAccount,
    Team,
    TeamRole,
)
from orgs.permissions import Permission
from orgs.queries import effective_settings

EDITABLE = ("name", "description", "visibility")
LONGEST_NAME = 128

_FORBIDDEN = frozenset("/\\#?%:")
_REACHES_OUTSIDE = frozenset({Project.Visibility.OPEN, Project.Visibility.PUBLIC})


@transaction.atomic
def create(
    *,
    actor: Principal,
    organization: Organization,
    team: Team,
    name: str,
    description: str = "",
    visibility: str = Project.Visibility.TEAM,
) -> Project:
    """Create a project of a team. Raises `Invalid`, `NameTaken`, `PolicyForbids`.

    Whoever makes a restricted project is the first to be named on it, as its admin.
    """
    access.require(actor, Permission.PROJECT_CREATE, team)
    members.lock(organization)
    team = teams.lock(organization, team)
    _require_visibility(organization, team, visibility)
    project = Project(
        organization=organization,
        team=team,
        description=_description(description),
        visibility=visibility,
        created_by=actor.label[:200],
    )
    _set_name(project, name)
    try:
        with transaction.atomic():
            project.save(force_insert=True)
    except IntegrityError:
        raise _name_taken(project) from None
    if visibility == Project.Visibility.RESTRICTED:
        _name_actor(actor, project)
    _record(
        "orgs.project.created",
        actor,
        project,
        {"name": [None, project.name], "team": team.name, "visibility": [None, visibility]},
    )
    return project


@transaction.atomic
def update(
    *,
    actor: Principal,
    organization: Organization,
    project: Project,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> Project:
    """Change the name, description or visibility.

    A protected name stays (`ProtectedName`); open and public are refused where a policy
    forbids them (`PolicyForbids`). A restricted project becomes a team project before
    anything wider, so that nobody opens it by one slip; whoever was named on it is then
    named no longer.
    """
    project = _locked(actor, organization, project, Permission.PROJECT_UPDATE)
    project.require_version(expected_version)
    before = {field: getattr(project, field) for field in EDITABLE}
    for field, value in changes.items():
        if field == "name":
            _rename(project, str(value))
        elif field == "description":
            project.description = _description(str(value))
        elif field == "visibility":
            _set_visibility(organization, project, value)
        else:
            raise Invalid.field(field, f"“{field}” cannot be changed.", code="unknown_field")
    different = {
        field: [before[field], getattr(project, field)]
        for field in EDITABLE
        if before[field] != getattr(project, field)
    }
    if not different:
        return project
    _save(project, "name", "name_key", "description", "visibility")
    if "visibility" in different:
        if before["visibility"] == Project.Visibility.RESTRICTED:
            ProjectCollaborator.objects.of(organization).filter(project=project).delete()
        elif project.visibility == Project.Visibility.RESTRICTED:
            _name_actor(actor, project)
    _record("orgs.project.updated", actor, project, different)
    return project


@transaction.atomic
def move(
    *,
    actor: Principal,
    organization: Organization,
    project: Project,
    team: Team,
    expected_version: int | None = None,
) -> Project:
    """Move a project to another team of the organization; needs rights in both.

    Raises `NameTaken` if that team has one of this name, `PolicyForbids` if its settings
    do not allow the project's visibility.
    """
    access.require(actor, Permission.PROJECT_CREATE, team)
    access.require(actor, Permission.PROJECT_DELETE, project)
    project = _locked(actor, organization, project, Permission.PROJECT_UPDATE)
    project.require_version(expected_version)
    team = teams.lock(organization, team)
    before = project.team
    if before == team:
        return project
    _require_visibility(organization, team, project.visibility)
    project.team = team
    _save(project, "team")
    # A team's machine works in its own team only.
    ProjectCollaborator.objects.of(organization).filter(
        project=project, service_account__team__isnull=False
    ).exclude(service_account__team=team).delete()
    _record("orgs.project.moved", actor, project, {"team": [before.name, team.name]})
    return project


@transaction.atomic
def delete(
    *, actor: Principal, organization: Organization, project: Project, confirmation: str
) -> None:
    """Delete a project after its name was typed."""
    project = _locked(actor, organization, project, Permission.PROJECT_DELETE)
    if confirmation.strip() != project.name:
        raise ConfirmationMismatch(
            f"Type “{project.name}” to confirm.",
            errors=[
                {
                    "pointer": "/confirmation",
                    "code": "confirmation_mismatch",
                    "detail": "This is not the project's name.",
                }
            ],
        )
    _record(
        "orgs.project.deleted",
        actor,
        project,
        {"name": [project.name, None], "team": project.team.name},
    )
    project.delete()


@transaction.atomic
def add_collaborator(
    *,
    actor: Principal,
    organization: Organization,
    project: Project,
    holder: Membership | ServiceAccount,
    role: str = TeamRole.MEMBER,
) -> ProjectCollaborator:
    """Name a member or service account on a restricted project, or change their role there.

    Raises `Conflict` if the project is not restricted, `NotActive`, `Invalid`.
    """
    project = _locked(actor, organization, project, Permission.PROJECT_UPDATE)
    if project.visibility != Project.Visibility.RESTRICTED:
        raise Conflict("People are named on restricted projects only. Restrict it first.")
    if role not in TeamRole.values:
        raise Invalid.field("role", f"Choose one of {', '.join(TeamRole.values)}.", code="choice")
    holder = _holder_here(organization, project, holder)
    row = _collaborators(project, holder).first()
    if row is not None and row.role == role:
        return row
    before = row.role if row else None
    if row is None:
        row = _collaborator(project, holder)
    row.role = role
    row.save()
    _record(
        "orgs.project.collaborator_added",
        actor,
        project,
        {"who": str(holder), "id": holder.wire_id, "role": [before, role]},
    )
    return row


@transaction.atomic
def remove_collaborator(
    *,
    actor: Principal,
    organization: Organization,
    project: Project,
    holder: Membership | ServiceAccount,
) -> None:
    """Take somebody off a restricted project. Raises `Missing` if they are not named on it."""
    project = _locked(actor, organization, project, Permission.PROJECT_UPDATE)
    row = _collaborators(project, holder).first()
    if row is None:
        raise Missing
    row.delete()
    _record(
        "orgs.project.collaborator_removed",
        actor,
        project,
        {"who": str(holder), "id": holder.wire_id, "role": [row.role, None]},
    )


def _locked(
    actor: Principal, organization: Organization, project: Project, permission: str
) -> Project:
    members.lock(organization)
    row = (
        Project.objects.of(organization)
        .select_for_update(of=("self",))
        .filter(pk=project.pk)
        .select_related("team")
        .first()
    )
    if row is None:
        raise Missing
    row.organization = row.team.organization = organization
    access.require(actor, permission, row)
    return row


def _require_visibility(organization: Organization, team: Team, visibility: str) -> None:
    if visibility not in Project.Visibility.values:
        choices = ", ".join(Project.Visibility.values)
        raise Invalid.field("visibility", f"Choose one of {choices}.", code="choice")
    if visibility not in _REACHES_OUTSIDE:
        return
    if not organization.allows_public_projects:
        raise PolicyForbids(f"{organization.name} does not allow open and public projects.")
    if effective_settings(team, organization).keeps_new_projects_private:
        raise PolicyForbids(f"Projects of {team} stay private: choose team or restricted.")


def _set_visibility(organization: Organization, project: Project, visibility: str) -> None:
    if visibility == project.visibility:
        return
    _require_visibility(organization, project.team, visibility)
    was_restricted = project.visibility == Project.Visibility.RESTRICTED
    if was_restricted and visibility != Project.Visibility.TEAM:
        raise Invalid.field(
            "visibility", "A restricted project becomes a team project first.", code="choice"
        )
    project.visibility = visibility


def _rename(project: Project, name: str) -> None:
    before = project.name
    _set_name(project, name)
    if project.name != before and before in settings.STEWARD_PROTECTED_PROJECT_NAMES:
        raise ProtectedName(f"“{before}” is used by the platform under this name, which stays.")


def _set_name(project: Project, name: str) -> None:
    name = name.strip()
    key = name.casefold()
    fits = len(name) >= 1 and max(len(name), len(key)) <= LONGEST_NAME
    if not fits or not name.isprintable() or _FORBIDDEN & set(name) or name in (".", ".."):
        raise Invalid.field(
            "name",
            f"Give a name of 1 to {LONGEST_NAME} characters without / \\ # ? % and :.",
            code="name_form",
        )
    project.name, project.name_key = name, key


def _description(text: str) -> str:
    return names.one_line(text, "description", longest=500)


def _save(project: Project, *fields: str) -> None:
    try:
        with transaction.atomic():
            project.save_change(*fields)
    except IntegrityError:
        raise _name_taken(project) from None


def _name_taken(project: Project) -> NameTaken:
    return NameTaken(f"Team {project.team} has a project “{project.name}” already.")


def _name_actor(actor: Principal, project: Project) -> None:
    """Name whoever restricts a project as its admin, so that somebody sees into it."""
    standing = access.standing_of(actor, project.organization)
    holder = standing.member or standing.account
    if holder is not None:
        row = _collaborator(project, holder)
        row.role = TeamRole.ADMIN
        row.save()


def _collaborator(
    project: Project, holder: Membership | ServiceAccount
) -> ProjectCollaborator:
    return ProjectCollaborator(
        organization_id=project.organization_id,
        project=project,
        membership=holder if isinstance(holder, Membership) else None,
        service_account=holder if isinstance(holder, ServiceAccount) else None,
    )


def _collaborators(
    project: Project, holder: Membership | ServiceAccount
) -> QuerySet[ProjectCollaborator]:
    rows = ProjectCollaborator.objects.of(project.organization_id).filter(project=project)
    if isinstance(holder, Membership):
        return rows.filter(membership=holder)
    return rows.filter(service_account=holder)


def _holder_here(
    organization: Organization, project: Project, holder: Membership | ServiceAccount
) -> Membership | ServiceAccount:
    if isinstance(holder, Membership):
        member = Membership.objects.of(organization).with_user().filter(pk=holder.pk).first()
        if member is None:
            raise Missing
        if not member.is_active:
            raise NotActive("Only active members can be named on a project.")
        return member
    account = ServiceAccount.objects.of(organization).filter(pk=holder.pk).first()
    if account is None:
        raise Missing
    if account.team_id not in (None, project.team_id):
        raise Conflict("A team's service account works in its own team only.")
    return account


def _record(event: str, actor: Principal, project: Project, changes: dict[str, Any]) -> None:
    record(
        type=event,
        actor=actor,
        organization=project.organization_id,
        target=Target.of(project),
        changes=changes,
    )
