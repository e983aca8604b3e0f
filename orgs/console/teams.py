"""The list of teams, a new one, and the page of one."""

from typing import Any

from django import forms
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from kernel.pagination import Order, paginate
from orgs import access, queries
from orgs.access import Resource
from orgs.actions import teams
from orgs.console.choices import Choices, custom_roles, role_value, roles_to_give
from orgs.doors.console import OrganizationPage
from orgs.models import Role, Team, TeamMembership
from orgs.permissions import Permission


class TeamList(OrganizationPage):
    """Teams that the person can see, with the place they have in each."""

    section = "teams"
    permission = Permission.TEAM_READ

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        rows = access.teams_for(self.principal, self.organization)
        text = self.query("q")
        if text:
            rows = rows.filter(Q(name__icontains=text) | Q(display_name__icontains=text))
        pages = paginate(rows, order=Order("name"), cursor=self.query("cursor") or None)
        mine = TeamMembership.objects.of(self.organization).filter(
            membership=self.member, team__in=[team.pk for team in pages.rows]
        )
        places = {place.team_id: place for place in mine.select_related("custom_role")}
        return self.render(
            "orgs/teams/list.html",
            pages=pages,
            rows=[(team, places.get(team.pk)) for team in pages.rows],
            text=text,
            creates=access.may(
                self.principal, Permission.TEAM_CREATE, self.organization
            ).allowed,
        )


class TeamForm(forms.Form):
    """A new team."""

    name = forms.CharField(
        max_length=64,
        help_text="Stands in addresses: letters, digits, “-” and “_”. Usernames and team names "
        "share one list, so it must be free in both.",
    )
    display_name = forms.CharField(max_length=120, required=False, label="Title")
    description = forms.CharField(
        max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


class NewTeam(OrganizationPage):
    """Creates a team; the person is its first admin."""

    section = "teams"
    permission = Permission.TEAM_CREATE

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        return self.render_form("orgs/teams/new.html", form=TeamForm())

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        form = TeamForm(request.POST)
        if not form.is_valid():
            return self.render_form("orgs/teams/new.html", status=422, form=form)
        done = self.act(
            lambda: teams.create(
                actor=self.principal, organization=self.organization, **form.cleaned_data
            ),
            success="The team is ready. Add its members.",
            form=form,
        )
        if done.value is None:
            return self.render_form("orgs/teams/new.html", status=done.status, form=form)
        return self.go("console:team", organization, done.value.name)


class TeamPage(OrganizationPage):
    """A page about one team, named in the URL; `permission` is needed on the team."""

    section = "teams"
    permission = Permission.TEAM_READ

    def resource(self) -> Resource:
        """Return the team; raise `Missing` if the person cannot see it."""
        return self.team

    @cached_property
    def team(self) -> Team:
        """Return the team of the URL."""
        found = access.team_for(self.principal, self.organization, self.kwargs["team"])
        # The same object: what it says of policies needs no further query.
        found.organization = self.organization
        return found

    @cached_property
    def custom_roles(self) -> list[Role]:
        """Return the organization's own team roles."""
        return custom_roles(self.organization, Role.Scope.TEAM)

    @cached_property
    def roles_to_give(self) -> Choices:
        """Return the team roles that the person may give."""
        return roles_to_give(self.held_on(self.team), Role.Scope.TEAM, self.custom_roles)

    @cached_property
    def place(self) -> TeamMembership | None:
        """Return the person's own place in the team."""
        places = TeamMembership.objects.of(self.organization).in_team(self.team)
        return places.filter(membership=self.member).select_related("custom_role").first()


class TeamDetail(TeamPage):
    """Who is in a team, and what holds there."""

    def get(self, request: HttpRequest, organization: str, team: str) -> HttpResponse:
        found = self.team
        sees_members = self.may(Permission.TEAM_MEMBER_READ, found)
        pages = None
        rows: list[Any] = []
        if sees_members:
            pages = paginate(
                queries.team_members_of(found, text=self.query("q")),
                order=Order("id"),
                cursor=self.query("cursor") or None,
            )
            rows = [self._row(place) for place in pages.rows]
        return self.render(
            "orgs/teams/detail.html",
            team=found,
            pages=pages,
            rows=rows,
            sees_members=sees_members,
            text=self.query("q"),
            settings=queries.effective_settings(found, self.organization),
            manages=self.may(Permission.TEAM_MEMBER_MANAGE, found),
            invites=access.may(self.principal, Permission.MEMBER_INVITE, found).allowed,
            updates=self.may(Permission.TEAM_UPDATE, found),
        )

    def _row(self, place: TeamMembership) -> dict[str, Any]:
        value = role_value(place.role, place.custom_role)
        roles = self.roles_to_give
        if value not in dict(roles):
            roles = [(value, str(place.role_name)), *roles]
        return {
            "place": place,
            "roles": roles,
            "role_value": value,
            "is_self": place.membership_id == (self.member.pk if self.member else None),
        }
