"""What is done to projects: create, edit, move, delete, and who is named on them."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from kernel.errors import Missing
from orgs import access
from orgs.actions import projects
from orgs.console.people import PersonField, member_named, suggested
from orgs.console.projects import VISIBILITY_WORDS, ProjectPage, ProjectsPage
from orgs.console.team_settings import ConfirmForm
from orgs.models import Project, ProjectCollaborator, Team, TeamRole
from orgs.permissions import Permission

_VISIBILITIES = [
    (value, f"{label}: {VISIBILITY_WORDS[value]}") for value, label in Project.Visibility.choices
]


class ProjectForm(forms.Form):
    """A project's name, words and visibility."""

    team = forms.ChoiceField()
    name = forms.CharField(max_length=128)
    description = forms.CharField(
        max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    visibility = forms.ChoiceField(
        choices=_VISIBILITIES,
        widget=forms.RadioSelect,
        initial=Project.Visibility.TEAM,
        label="Who is it for?",
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, *, teams: list[Team] | None = None, initial: Any = None
    ) -> None:
        super().__init__(data, initial=initial)
        if teams is None:
            del self.fields["team"]
        else:
            self.fields["team"].choices = [  # type: ignore[attr-defined]
                (team.wire_id, str(team)) for team in teams
            ]


class NewProject(ProjectsPage):
    """Creates a project in a team."""

    def enter(self) -> None:
        """Let those in who may create somewhere."""
        super().enter()
        if not self.teams_to_create_in:
            access.require(self.principal, Permission.PROJECT_CREATE, self.organization)

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        initial = {"team": self.query("team"), "visibility": Project.Visibility.TEAM}
        return self._page(ProjectForm(teams=self.teams_to_create_in, initial=initial), 200)

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        form = ProjectForm(request.POST, teams=self.teams_to_create_in)
        if not form.is_valid():
            return self._page(form, 422)
        sent = form.cleaned_data
        team = next(team for team in self.teams_to_create_in if team.wire_id == sent["team"])
        done = self.act(
            lambda: projects.create(
                actor=self.principal,
                organization=self.organization,
                team=team,
                name=sent["name"],
                description=sent["description"],
                visibility=sent["visibility"],
            ),
            success="The project is ready.",
            form=form,
        )
        if done.value is None:
            return self._page(form, done.status)
        return self.go("console:project", organization, done.value.wire_id)

    def _page(self, form: ProjectForm, status: int) -> HttpResponse:
        return self.render_form(
            "orgs/simple_form.html",
            status=status,
            form=form,
            heading="New project",
            button="Create project",
        )


class EditProject(ProjectPage):
    """Renames a project, changes its words and visibility."""

    def get(self, request: HttpRequest, organization: str, project: str) -> HttpResponse:
        found = self.project
        access.require(self.principal, Permission.PROJECT_UPDATE, found)
        names = ("name", "description", "visibility", "version")
        return self._page(
            ProjectForm(initial={name: getattr(found, name) for name in names}), 200
        )

    def post(self, request: HttpRequest, organization: str, project: str) -> HttpResponse:
        access.require(self.principal, Permission.PROJECT_UPDATE, self.project)
        form = ProjectForm(request.POST)
        if not form.is_valid():
            return self._page(form, 422)
        sent = dict(form.cleaned_data)
        version = sent.pop("version")
        done = self.act(
            lambda: projects.update(
                actor=self.principal,
                organization=self.organization,
                project=self.project,
                changes=sent,
                expected_version=version,
            ),
            success="The project was saved.",
            form=form,
        )
        if not done.ok:
            return self._page(form, done.status)
        return self.go("console:project", organization, project)

    def _page(self, form: ProjectForm, status: int) -> HttpResponse:
        return self.render_form(
            "orgs/simple_form.html",
            status=status,
            form=form,
            heading=f"Edit {self.project.name}",
            button="Save",
        )


class MoveForm(forms.Form):
    """Another team of the organization."""

    team = forms.ChoiceField(
        help_text="You need the right to manage projects in both teams. Links keep working."
    )

    def __init__(self, data: Any = None, *, teams: list[Team]) -> None:
        super().__init__(data)
        self.fields["team"].choices = [  # type: ignore[attr-defined]
            (team.wire_id, str(team)) for team in teams
        ]


class MoveProject(ProjectPage):
    """Moves a project to another team."""

    def _targets(self) -> list[Team]:
        return [team for team in self.teams_to_create_in if team.pk != self.project.team_id]

    def get(self, request: HttpRequest, organization: str, project: str) -> HttpResponse:
        return self._page(MoveForm(teams=self._targets()), 200)

    def post(self, request: HttpRequest, organization: str, project: str) -> HttpResponse:
        teams = self._targets()
        form = MoveForm(request.POST, teams=teams)
        if not form.is_valid():
            return self._page(form, 422)
        team = next(team for team in teams if team.wire_id == form.cleaned_data["team"])
        done = self.act(
            lambda: projects.move(
                actor=self.principal,
                organization=self.organization,
                project=self.project,
                team=team,
            ),
            success=f"The project is in {team} now.",
            form=form,
        )
        if not done.ok:
            return self._page(form, done.status)
        return self.go("console:project", organization, project)

    def _page(self, form: MoveForm, status: int) -> HttpResponse:
        return self.render_form(
            "orgs/simple_form.html",
            status=status,
            form=form,
            heading=f"Move {self.project.name}",
            button="Move",
        )


class DeleteProject(ProjectPage):
    """Deletes a project, after its name was typed."""

    def get(self, request: HttpRequest, organization: str, project: str) -> HttpResponse:
        access.require(self.principal, Permission.PROJECT_DELETE, self.project)
        return self._page(ConfirmForm(), 200)

    def post(self, request: HttpRequest, organization: str, project: str) -> HttpResponse:
        access.require(self.principal, Permission.PROJECT_DELETE, self.project)
        form = ConfirmForm(request.POST)
        if not form.is_valid():
            return self._page(form, 422)
        name = self.project.name
        done = self.act(
            lambda: projects.delete(
                actor=self.principal,
                organization=self.organization,
                project=self.project,
                confirmation=form.cleaned_data["confirmation"],
            ),
            success=f"The project {name} was deleted.",
            form=form,
        )
        if not done.ok:
            return self._page(form, done.status)
        return self.go("console:projects", organization)

    def _page(self, form: ConfirmForm, status: int) -> HttpResponse:
        return self.render_form(
            "orgs/confirm_typed.html",
            status=status,
            form=form,
            heading=f"Delete the project {self.project.name}",
            wanted=self.project.name,
            goes=["its settings and the list of people named on it"],
            keeps="The audit log keeps what happened.",
            button="Delete the project",
        )


class CollaboratorForm(forms.Form):
    """A member to be named on a restricted project."""

    person = PersonField()
    role = forms.ChoiceField(choices=TeamRole.choices, initial=TeamRole.MEMBER)


class AddCollaborator(ProjectPage):
    """Names a member on a restricted project."""

    def get(self, request: HttpRequest, organization: str, project: str) -> HttpResponse:
        access.require(self.principal, Permission.PROJECT_UPDATE, self.project)
        return self._page(CollaboratorForm(), 200)

    def post(self, request: HttpRequest, organization: str, project: str) -> HttpResponse:
        access.require(self.principal, Permission.PROJECT_UPDATE, self.project)
        form = CollaboratorForm(request.POST)
        if not form.is_valid():
            return self._page(form, 422)
        done = self.act(
            lambda: projects.add_collaborator(
                actor=self.principal,
                organization=self.organization,
                project=self.project,
                holder=member_named(self.organization, form.cleaned_data["person"]),
                role=form.cleaned_data["role"],
            ),
            success=f"{form.cleaned_data['person']} is named on the project.",
            form=form,
        )
        if not done.ok:
            return self._page(form, done.status)
        return self.go("console:project", organization, project)

    def _page(self, form: CollaboratorForm, status: int) -> HttpResponse:
        return self.render_form(
            "orgs/simple_form.html",
            status=status,
            form=form,
            heading=f"Name somebody on {self.project.name}",
            button="Add",
            suggestions=suggested(self),
        )


class RemoveCollaborator(ProjectPage):
    """Takes somebody off a restricted project."""

    def post(
        self, request: HttpRequest, organization: str, project: str, collaborator: int
    ) -> HttpResponse:
        rows = ProjectCollaborator.objects.of(self.organization).filter(project=self.project)
        found = rows.select_related("membership", "service_account").filter(pk=collaborator)
        row = found.first()
        holder = (row.membership or row.service_account) if row else None
        if holder is None:
            raise Missing
        self.act(
            lambda: projects.remove_collaborator(
                actor=self.principal,
                organization=self.organization,
                project=self.project,
                holder=holder,
            ),
            success=f"{holder} is no longer named on the project.",
        )
        return self.go("console:project", organization, project)
