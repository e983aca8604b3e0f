"""Projects: the list, and the page of one with its visibility in words."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from kernel.pagination import Order, paginate
from orgs import access
from orgs.access import Resource
from orgs.doors.console import OrganizationPage
from orgs.models import Project, Team
from orgs.permissions import Permission

VISIBILITY_WORDS = {
    "team": "The members of its team, by their role there.",
    "restricted": "Only the people named on it, team admins included only if they are named.",
    "open": "Everybody who is signed in may read and contribute.",
    "public": "Everybody may read, without an account too; the team may write.",
}
VISIBILITY_ICONS = {"team": "users", "restricted": "lock", "open": "door-open", "public": "globe"}


def explained(visibility: str) -> dict[str, str]:
    """Return a visibility as a page shows it: its name, icon and words."""
    return {
        "name": Project.Visibility(visibility).label,
        "icon": VISIBILITY_ICONS[visibility],
        "words": VISIBILITY_WORDS[visibility],
    }


class ProjectsPage(OrganizationPage):
    """What the pages about projects share."""

    section = "projects"

    @cached_property
    def teams(self) -> list[Team]:
        """Return the teams that the person can see."""
        return list(access.teams_for(self.principal, self.organization).order_by("name")[:200])

    @cached_property
    def teams_to_create_in(self) -> list[Team]:
        """Return the teams in which the person may create projects."""
        if self.may(Permission.PROJECT_CREATE):
            return self.teams
        mine = self.standing.team_roles()
        granted = self.standing.granted_teams
        return [
            team
            for team in self.teams
            if Permission.PROJECT_CREATE in mine.get(team.pk, ("", frozenset()))[1]
            or Permission.PROJECT_CREATE in granted.get(team.pk, frozenset())
        ]


class ProjectList(ProjectsPage):
    """Projects that the person can see."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        rows = access.projects_for(self.principal, self.organization)
        text, visibility = self.query("q"), self.query("visibility")
        name = self.query("team")
        team = next((team for team in self.teams if team.name == name), None)
        if text:
            rows = rows.filter(name__icontains=text)
        if visibility in Project.Visibility.values:
            rows = rows.filter(visibility=visibility)
        if team is not None:
            rows = rows.filter(team=team)
        pages = paginate(
            rows, order=Order("id", descending=True), cursor=self.query("cursor") or None
        )
        return self.render(
            "orgs/projects/list.html",
            pages=pages,
            rows=[(project, explained(project.visibility)) for project in pages.rows],
            text=text,
            team=team,
            visibility=dict(Project.Visibility.choices).get(visibility, ""),
            visibilities=Project.Visibility.choices,
            is_filtered=bool(text or team or visibility),
            creates=bool(self.teams_to_create_in),
        )


class ProjectPage(ProjectsPage):
    """A page about one project, named in the URL."""

    def resource(self) -> Resource:
        """Return the organization: seeing the project is what `project` checks."""
        return self.organization

    def enter(self) -> None:
        """Raise `Missing` for a project that the person cannot see."""
        super().enter()
        self.project  # noqa: B018 - read here, so that strangers never get further

    @cached_property
    def project(self) -> Project:
        """Return the project of the URL."""
        return access.project_for(self.principal, self.organization, self.kwargs["project"])


class ProjectDetail(ProjectPage):
    """One project: who it is for, who is named on it, what may be done."""

    def get(self, request: HttpRequest, organization: str, project: str) -> HttpResponse:
        found = self.project
        updates = self.may(Permission.PROJECT_UPDATE, found)
        people: list[Any] = []
        if found.visibility == Project.Visibility.RESTRICTED:
            named = found.collaborators.select_related("membership__user", "service_account")
            people = list(named.order_by("id")[:200])
        return self.render(
            "orgs/projects/detail.html",
            project=found,
            visibility=explained(found.visibility),
            people=people,
            updates=updates,
            deletes=self.may(Permission.PROJECT_DELETE, found),
        )
