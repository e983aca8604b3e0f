"""What a team's admins decide: its words, its switches, its name, its end."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from orgs import queries
from orgs.actions import teams
from orgs.console.teams import TeamPage
from orgs.models import Team
from orgs.permissions import Permission

_SWITCHES = {
    "is_hidden": (
        "Hidden team",
        "Only its members, and those who manage all teams, see that it exists.",
    ),
    "keeps_new_projects_private": (
        "New projects are private",
        "New projects begin with the visibility “team”.",
    ),
    "lets_members_invite": (
        "Members may invite",
        "Admins and members of the team may invite people, not only organization admins.",
    ),
    "forbids_public_reports": ("No public reports", "Reports of the team cannot be made public."),
    "allows_domain_join": (
        "Join by e-mail domain",
        "People with an address of the team's domain may join by themselves.",
    ),
    "saves_code": ("Save code by default", "Runs keep a copy of the code that made them."),
}


class SettingsForm(forms.Form):
    """A team's words and switches; a locked switch shows what the organization decided."""

    display_name = forms.CharField(max_length=120, required=False, label="Title")
    description = forms.CharField(
        max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, *, team: Team, holds: queries.TeamSettings, **kwargs: Any
    ) -> None:
        initial = {
            "display_name": team.display_name,
            "description": team.description,
            "version": team.version,
        }
        super().__init__(data, initial=initial, **kwargs)
        if team.is_managed:
            self.fields["display_name"].disabled = True
            self.fields["display_name"].help_text = "The identity provider names this team."
        self.enforced = holds.enforced
        for name, (label, help_text) in _SWITCHES.items():
            self.fields[name] = forms.BooleanField(
                label=label,
                help_text=help_text,
                required=False,
                initial=getattr(holds, name),
                disabled=name in holds.enforced,
            )

    @property
    def switches(self) -> list[tuple[Any, bool]]:
        """Return the switches, each with whether the organization decides it."""
        return [(self[name], name in self.enforced) for name in _SWITCHES]

    @property
    def changes(self) -> dict[str, Any]:
        """Return what the action may take: no version, no locked switch."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name != "version" and name not in self.enforced
        }


class Settings(TeamPage):
    """Changes the team's words and switches."""

    permission = Permission.TEAM_UPDATE

    def get(self, request: HttpRequest, organization: str, team: str) -> HttpResponse:
        return self._page(self._form(), 200)

    def post(self, request: HttpRequest, organization: str, team: str) -> HttpResponse:
        form = self._form(request.POST)
        if not form.is_valid():
            return self._page(form, 422)
        done = self.act(
            lambda: teams.update(
                actor=self.principal,
                organization=self.organization,
                team=self.team,
                changes=form.changes,
                expected_version=form.cleaned_data["version"],
            ),
            success="The team's settings were saved.",
            form=form,
        )
        if not done.ok:
            return self._page(form, done.status)
        return self.go("console:team_settings", organization, self.team.name)

    def _form(self, data: Any = None) -> SettingsForm:
        holds = queries.effective_settings(self.team, self.organization)
        return SettingsForm(data, team=self.team, holds=holds)

    def _page(self, form: SettingsForm, status: int) -> HttpResponse:
        return self.render(
            "orgs/teams/settings.html",
            status=status,
            form=form,
            team=self.team,
            manages=self.may(Permission.TEAM_MEMBER_MANAGE, self.team),
            deletes=self.may(Permission.TEAM_DELETE, self.team),
        )


class RenameForm(forms.Form):
    """Another name."""

    name = forms.CharField(
        max_length=64, help_text="The old name leads here, and stays blocked, for 90 days."
    )


class Rename(TeamPage):
    """Gives the team another name."""

    permission = Permission.TEAM_UPDATE

    def get(self, request: HttpRequest, organization: str, team: str) -> HttpResponse:
        return self._form(RenameForm(initial={"name": self.team.name}), 200)

    def post(self, request: HttpRequest, organization: str, team: str) -> HttpResponse:
        form = RenameForm(request.POST)
        if not form.is_valid():
            return self._form(form, 422)
        done = self.act(
            lambda: teams.rename(
                actor=self.principal,
                organization=self.organization,
                team=self.team,
                name=form.cleaned_data["name"],
            ),
            success="The team has its new name.",
            form=form,
        )
        if done.value is None:
            return self._form(form, done.status)
        return self.go("console:team_settings", organization, done.value.name)

    def _form(self, form: RenameForm, status: int) -> HttpResponse:
        return self.render_form(
            "orgs/simple_form.html",
            status=status,
            form=form,
            heading=f"Rename {self.team.name}",
            button="Rename",
        )


class ConfirmForm(forms.Form):
    """A name, typed to confirm."""

    confirmation = forms.CharField(max_length=128, label="Confirmation")


class Delete(TeamPage):
    """Deletes the team, after its name was typed."""

    permission = Permission.TEAM_DELETE

    def get(self, request: HttpRequest, organization: str, team: str) -> HttpResponse:
        return self._form(ConfirmForm(), 200)

    def post(self, request: HttpRequest, organization: str, team: str) -> HttpResponse:
        form = ConfirmForm(request.POST)
        if not form.is_valid():
            return self._form(form, 422)
        name = str(self.team)
        done = self.act(
            lambda: teams.delete(
                actor=self.principal,
                organization=self.organization,
                team=self.team,
                confirmation=form.cleaned_data["confirmation"],
            ),
            success=f"The team {name} was deleted.",
            form=form,
        )
        if not done.ok:
            return self._form(form, done.status)
        return self.go("console:teams", organization)

    def _form(self, form: ConfirmForm, status: int) -> HttpResponse:
        return self.render_form(
            "orgs/confirm_typed.html",
            status=status,
            form=form,
            heading=f"Delete the team {self.team}",
            wanted=self.team.name,
            goes=[
                "its service accounts, and their keys stop working at once",
                "its projects and their settings",
                "every temporary access to it",
                "the places of its members, who stay in the organization",
            ],
            keeps="The audit log keeps what happened. The name is free again.",
            button="Delete the team",
        )
