"""Who is in a team: add, role, remove, leave."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from orgs import queries
from orgs.actions import teams
from orgs.console.choices import parse_role, parse_version
from orgs.console.people import PersonField, member_named, suggested
from orgs.console.teams import TeamPage
from orgs.models import TeamMembership, TeamRole
from orgs.permissions import Permission


class AddForm(forms.Form):
    """A member of the organization, and the team role they get."""

    person = PersonField()
    role = forms.ChoiceField()

    def __init__(self, data: Any = None, *, roles: list[tuple[str, str]]) -> None:
        super().__init__(data, initial={"role": TeamRole.MEMBER})
        self.fields["role"].choices = roles  # type: ignore[attr-defined]


class Add(TeamPage):
    """Adds a member of the organization to the team."""

    permission = Permission.TEAM_MEMBER_MANAGE

    def get(self, request: HttpRequest, organization: str, team: str) -> HttpResponse:
        return self._form(AddForm(roles=self.roles_to_give), 200)

    def post(self, request: HttpRequest, organization: str, team: str) -> HttpResponse:
        form = AddForm(request.POST, roles=self.roles_to_give)
        if not form.is_valid():
            return self._form(form, 422)

        def add() -> TeamMembership:
            role, custom = parse_role(self.organization, form.cleaned_data["role"], "team")
            return teams.add_member(
                actor=self.principal,
                organization=self.organization,
                team=self.team,
                member=member_named(self.organization, form.cleaned_data["person"]),
                role=role,
                custom_role=custom,
            )

        done = self.act(add, success=f"{form.cleaned_data['person']} is in the team.", form=form)
        if not done.ok:
            return self._form(form, done.status)
        return self.go("console:team", organization, self.team.name)

    def _form(self, form: AddForm, status: int) -> HttpResponse:
        return self.render_form(
            "orgs/teams/add.html",
            status=status,
            form=form,
            team=self.team,
            suggestions=suggested(self, outside_of=self.team),
        )


class _PlacePage(TeamPage):
    """An act on somebody's place in the team."""

    permission = Permission.TEAM_MEMBER_MANAGE

    @cached_property
    def subject(self) -> TeamMembership:
        """Return the place of the URL, or raise `Missing`."""
        return queries.team_members_of(self.team).pick(self.kwargs["place"])


class ChangeRole(_PlacePage):
    """Gives another team role."""

    def post(
        self, request: HttpRequest, organization: str, team: str, place: str
    ) -> HttpResponse:
        version = request.POST.get("version", "")

        def give() -> TeamMembership:
            role, custom = parse_role(self.organization, request.POST.get("role", ""), "team")
            return teams.change_member_role(
                actor=self.principal,
                organization=self.organization,
                team=self.team,
                member=self.subject.membership,
                role=role,
                custom_role=custom,
                expected_version=parse_version(version),
            )

        name = self.subject.membership.user.name
        self.act(give, success=f"The team role of {name} was changed.")
        return self.go("console:team", organization, self.team.name)


class Remove(_PlacePage):
    """Takes somebody out of the team."""

    def get(self, request: HttpRequest, organization: str, team: str, place: str) -> HttpResponse:
        return self._form(forms.Form(), 200)

    def post(
        self, request: HttpRequest, organization: str, team: str, place: str
    ) -> HttpResponse:
        form = forms.Form(request.POST)
        name = self.subject.membership.user.name
        done = self.act(
            lambda: teams.remove_member(
                actor=self.principal,
                organization=self.organization,
                team=self.team,
                member=self.subject.membership,
            ),
            success=f"{name} is no longer in the team.",
            form=form,
        )
        if not done.ok:
            return self._form(form, done.status)
        return self.go("console:team", organization, self.team.name)

    def _form(self, form: forms.Form, status: int) -> HttpResponse:
        return self.render_form(
            "orgs/confirm.html",
            status=status,
            form=form,
            heading=f"Remove {self.subject.membership.user.name} from {self.team}",
            text="They lose what the team gave them, and stay in the organization.",
            button="Remove",
            is_danger=True,
        )


class Leave(TeamPage):
    """Leaves the team."""

    def get(self, request: HttpRequest, organization: str, team: str) -> HttpResponse:
        return self._form(forms.Form(), 200)

    def post(self, request: HttpRequest, organization: str, team: str) -> HttpResponse:
        form = forms.Form(request.POST)
        done = self.act(
            lambda: teams.leave(
                actor=self.principal, organization=self.organization, team=self.team
            ),
            success=f"You left {self.team}.",
            form=form,
        )
        if not done.ok:
            return self._form(form, done.status)
        return self.go("console:teams", organization)

    def _form(self, form: forms.Form, status: int) -> HttpResponse:
        return self.render_form(
            "orgs/confirm.html",
            status=status,
            form=form,
            heading=f"Leave {self.team}",
            text="You lose what the team gave you. A team admin can add you again.",
            button="Leave the team",
            is_danger=True,
        )

