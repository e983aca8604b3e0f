"""Projects: those that one may see, create, change, move, delete, and who is named on them."""

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api.body import Body
from kernel.api.fields import Text, WireId
from kernel.errors import Conflict, Invalid, Missing
from kernel.tenancy import TenantQuerySet
from orgs import access
from orgs.access import Resource
from orgs.actions import projects
from orgs.api.fields import HolderField, TeamReferenceShape
from orgs.api.organizations import Confirmation
from orgs.api.references import holder_in, team_in
from orgs.doors.api import OrganizationView
from orgs.errors import ConfirmationMismatch, NameTaken, NotActive, PolicyForbids, ProtectedName
from orgs.models import Membership, Project, ProjectCollaborator, ServiceAccount, TeamRole
from orgs.permissions import Permission


class ProjectShape(serializers.Serializer[Project]):
    id = WireId("proj", source="pk")
    name = serializers.CharField()
    team = TeamReferenceShape()
    description = serializers.CharField()
    visibility = serializers.ChoiceField(choices=Project.Visibility.choices)
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class NewProjectBody(Body):
    team = Text(max_length=70, help_text="A team's id or name.")
    name = Text(max_length=128)
    description = Text(max_length=500, allow_blank=True, default="")
    visibility = serializers.ChoiceField(
        choices=Project.Visibility.choices, default=Project.Visibility.TEAM
    )


class ProjectChangesBody(Body):
    name = Text(max_length=128)
    description = Text(max_length=500, allow_blank=True)
    visibility = serializers.ChoiceField(choices=Project.Visibility.choices)
    team = Text(max_length=70, help_text="Moves the project: a team's id or name.")


class ProjectFilters(serializers.Serializer[Any]):
    q = serializers.CharField(required=False, max_length=100, help_text="Part of a name.")
    team = serializers.CharField(required=False, max_length=70)
    visibility = serializers.ChoiceField(required=False, choices=Project.Visibility.choices)


class CollaboratorShape(serializers.Serializer[ProjectCollaborator]):
    holder = HolderField()
    role = serializers.ChoiceField(choices=TeamRole.choices)


class CollaboratorBody(Body):
    role = serializers.ChoiceField(choices=TeamRole.choices)


class ProjectsView(OrganizationView):
    """The projects of an organization."""

    noun = "projects"
    is_list = True
    representation = ProjectShape
    parameters = {"GET": ProjectFilters}
    bodies = {"POST": NewProjectBody}
    refusals = {"POST": (NameTaken, PolicyForbids)}
    permissions = {"GET": Permission.PROJECT_READ, "POST": Permission.PROJECT_CREATE}
    partial = frozenset({"GET", "POST"})

    def get(self, request: Request, **_url: str) -> Response:
        """List the projects that you may see, newest first."""
        rows = access.projects_for(self.principal, self.organization)
        if self.query.get("q"):
            rows = rows.filter(name__icontains=self.query["q"])
        if self.query.get("team"):
            rows = rows.filter(team=self.team_named(self.query["team"]))
        if self.query.get("visibility"):
            rows = rows.filter(visibility=self.query["visibility"])
        return self.page(rows)

    def post(self, request: Request, **_url: str) -> Response:
        """Create a project of a team."""
        body = self.body()
        team = team_in(self, body.pop("team"))
        made = projects.create(
            actor=self.principal, organization=self.organization, team=team, **body
        )
        return self.one(made, location=self.url("project", project=made.wire_id))


class ProjectView(OrganizationView):
    """What the endpoints of one project share."""

    admits_strangers = True

    @cached_property
    def project(self) -> Project:
        """Return the project of the URL, or raise `Missing`."""
        rows = Project.objects.of(self.organization).select_related("team")
        project = rows.pick(self.kwargs["project"])
        project.organization = project.team.organization = self.organization
        return project

    def resource(self) -> Resource:
        """Return the project."""
        return self.project

    def is_visible(self) -> bool:
        """Whether the principal may look into the project, or manage it."""
        whole = replace(self.principal, scopes=None)
        return any(
            access.may(whole, permission, self.project).allowed
            for permission in (Permission.PROJECT_READ, Permission.PROJECT_UPDATE)
        )


class ProjectItemView(ProjectView):
    """One project."""

    noun = "projects"
    representation = ProjectShape
    bodies = {"PATCH": ProjectChangesBody}
    parameters = {"DELETE": Confirmation}
    refusals = {
        "PATCH": (NameTaken, PolicyForbids, ProtectedName),
        "DELETE": (ConfirmationMismatch,),
    }
    permissions = {
        "GET": Permission.PROJECT_READ,
        "PATCH": Permission.PROJECT_UPDATE,
        "DELETE": Permission.PROJECT_DELETE,
    }

    def get(self, request: Request, **_url: str) -> Response:
        """Show a project."""
        return self.one(self.project)

    def patch(self, request: Request, **_url: str) -> Response:
        """Change a project's name, description, visibility or team."""
        project, changes, expected = self.project, self.body(), self.expected_version()
        team = team_in(self, changes.pop("team")) if "team" in changes else None
        with transaction.atomic():
            project = projects.update(
                actor=self.principal,
                organization=self.organization,
                project=project,
                changes=changes,
                expected_version=expected,
            )
            if team is not None:
                project = projects.move(
                    actor=self.principal,
                    organization=self.organization,
                    project=project,
                    team=team,
                )
        return self.one(project)

    def delete(self, request: Request, **_url: str) -> Response:
        """Delete a project."""
        projects.delete(
            actor=self.principal,
            organization=self.organization,
            project=self.project,
            confirmation=self.query["confirmation"],
        )
        return Response(status=204)


class CollaboratorsView(ProjectView):
    """The people and machines named on a restricted project."""

    noun = "project_collaborators"
    is_list = True
    representation = CollaboratorShape
    permissions = {"GET": Permission.PROJECT_UPDATE}

    def get(self, request: Request, **_url: str) -> Response:
        """List who is named on a project, newest first."""
        return self.page(_collaborators(self.project))


class CollaboratorView(ProjectView):
    """One person or machine on a restricted project."""

    noun = "project_collaborators"
    representation = CollaboratorShape
    bodies = {"PUT": CollaboratorBody}
    verbs = {"PUT": "set"}
    refusals = {"PUT": (Conflict, NotActive)}
    permissions = {
        "GET": Permission.PROJECT_UPDATE,
        "PUT": Permission.PROJECT_UPDATE,
        "DELETE": Permission.PROJECT_UPDATE,
    }

    @cached_property
    def holder(self) -> Membership | ServiceAccount:
        """Return the member or service account of the URL, or raise `Missing`."""
        try:
            return holder_in(self, self.kwargs["collaborator"])
        except Invalid:
            raise Missing from None

    def get(self, request: Request, **_url: str) -> Response:
        """Show somebody's role on a project."""
        row = _collaborators(self.project).filter(_held_by(self.holder)).first()
        if row is None:
            raise Missing
        return self.one(row)

    def put(self, request: Request, **_url: str) -> Response:
        """Name somebody on a restricted project, or change their role there."""
        row = projects.add_collaborator(
            actor=self.principal,
            organization=self.organization,
            project=self.project,
            holder=self.holder,
            **self.body(),
        )
        return self.one(row)

    def delete(self, request: Request, **_url: str) -> Response:
        """Take somebody off a restricted project."""
        projects.remove_collaborator(
            actor=self.principal,
            organization=self.organization,
            project=self.project,
            holder=self.holder,
        )
        return Response(status=204)


def _collaborators(project: Project) -> TenantQuerySet[ProjectCollaborator]:
    rows = ProjectCollaborator.objects.of(project.organization_id).filter(project=project)
    return rows.select_related("membership__user", "service_account")


def _held_by(holder: Membership | ServiceAccount) -> Q:
    if isinstance(holder, Membership):
        return Q(membership=holder)
    return Q(service_account=holder)
