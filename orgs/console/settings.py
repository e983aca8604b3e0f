"""The organization's settings: name and address, policies, features, and its end."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from orgs import queries
from orgs.actions import features, organizations
from orgs.console.team_settings import ConfirmForm
from orgs.doors.console import OrganizationPage
from orgs.models import Organization, Project
from orgs.permissions import Permission

_SWITCHES = {
    "allows_member_teams": (
        "Members may create teams",
        "Otherwise only admins do. Viewers never do.",
    ),
    "allows_public_projects": (
        "Projects may be open or public",
        "Off: projects stay within their team or the people named on them.",
    ),
    "allows_api_key_creation": (
        "People may create API keys",
        "Off: only keys of service accounts, made by those who manage them.",
    ),
    "saves_code_by_default": ("Save code by default", "What new teams begin with."),
    "enforces_hidden_teams": ("All teams are hidden", "Only from inside is a team seen."),
    "enforces_private_projects": (
        "New projects are private in every team",
        "Teams cannot choose otherwise.",
    ),
    "enforces_invitation_control": (
        "Only admins invite",
        "Takes the right to invite from teams that gave it to their members.",
    ),
    "enforces_no_public_reports": ("No public reports in any team", "Teams cannot allow them."),
    "enforces_no_self_join": (
        "Nobody joins a team by e-mail domain",
        "Teams cannot allow it.",
    ),
    "enforces_code_saving_off": ("No team saves code", "Teams cannot switch it on."),
}
_OF_THE_ORGANIZATION = tuple(name for name in _SWITCHES if not name.startswith("enforces_"))
_OVER_TEAMS = tuple(name for name in _SWITCHES if name.startswith("enforces_"))


class SettingsPage(OrganizationPage):
    """What the settings' pages share: the tabs, and whether anything may be changed."""

    section = "settings"
    permission = Permission.ORGANIZATION_READ
    tab = "general"

    def render(self, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """Draw with the tab."""
        return super().render(
            template,
            status=status,
            tab=self.tab,
            updates=self.may(Permission.ORGANIZATION_UPDATE),
            deletes=self.may(Permission.ORGANIZATION_DELETE),
            switches_features=self.may(Permission.FEATURE_MANAGE),
            **context,
        )


class GeneralForm(forms.Form):
    """The organization's name and address."""

    name = forms.CharField(max_length=120)
    slug = forms.CharField(
        label="Address",
        max_length=64,
        help_text="Part of every link to this organization. Links with the old address stop "
        "working at once.",
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


class General(SettingsPage):
    """Changes name and address."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        names = ("name", "slug", "version")
        initial = {name: getattr(self.organization, name) for name in names}
        return self._page(GeneralForm(initial=initial), 200)

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        form = GeneralForm(request.POST)
        if not form.is_valid():
            return self._page(form, 422)
        sent = dict(form.cleaned_data)
        version = sent.pop("version")
        done = self.act(
            lambda: organizations.update(
                actor=self.principal,
                organization=self.organization,
                changes=sent,
                expected_version=version,
            ),
            success="The settings were saved.",
            form=form,
        )
        if done.value is None:
            self.organization.refresh_from_db()
            return self._page(form, done.status)
        return self.go("console:settings", done.value.slug)

    def _page(self, form: GeneralForm, status: int) -> HttpResponse:
        return self.render("orgs/settings/general.html", status=status, form=form)


class PoliciesForm(forms.Form):
    """What holds for the whole organization."""

    seat_policy = forms.ChoiceField(
        label="When no full seat is free",
        choices=Organization.SeatPolicy.choices,
        widget=forms.RadioSelect,
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, initial: Any = None, is_locked: bool) -> None:
        super().__init__(data, initial=initial)
        for name, (label, help_text) in _SWITCHES.items():
            self.fields[name] = forms.BooleanField(
                label=label, help_text=help_text, required=False, disabled=is_locked
            )
        self.fields["seat_policy"].disabled = is_locked

    @property
    def own(self) -> list[Any]:
        """Return the switches of the organization itself."""
        return [self[name] for name in _OF_THE_ORGANIZATION]

    @property
    def over_teams(self) -> list[Any]:
        """Return the switches that take a setting out of the teams' hands."""
        return [self[name] for name in _OVER_TEAMS]


class Policies(SettingsPage):
    """Changes policies; says what is already against them."""

    tab = "policies"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        return self._page(self._form(), 200)

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        form = self._form(request.POST)
        if not form.is_valid():
            return self._page(form, 422)
        sent = dict(form.cleaned_data)
        version = sent.pop("version")
        done = self.act(
            lambda: organizations.update(
                actor=self.principal,
                organization=self.organization,
                changes=sent,
                expected_version=version,
            ),
            success="The policies were saved.",
            form=form,
        )
        if not done.ok:
            return self._page(form, done.status)
        return self.go("console:policies", organization)

    def _form(self, data: Any = None) -> PoliciesForm:
        names = ("seat_policy", "version", *_SWITCHES)
        return PoliciesForm(
            data,
            initial={name: getattr(self.organization, name) for name in names},
            is_locked=not self.may(Permission.ORGANIZATION_UPDATE),
        )

    def _page(self, form: PoliciesForm, status: int) -> HttpResponse:
        outside: list[Project] = []
        if not self.organization.allows_public_projects:
            rows = Project.objects.of(self.organization).select_related("team")
            outside = list(rows.filter(visibility__in=["open", "public"]).order_by("id")[:20])
        return self.render(
            "orgs/settings/policies.html", status=status, form=form, outside=outside
        )


class Features(SettingsPage):
    """Switches features; the nearest choice wins."""

    tab = "features"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        return self.render(
            "orgs/settings/features.html", features=queries.features_of(self.organization)
        )

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        flag = request.POST.get("flag", "")
        is_on = {"on": True, "off": False}.get(request.POST.get("choice", ""))
        self.act(
            lambda: features.switch(
                actor=self.principal, organization=self.organization, flag=flag, is_on=is_on
            ),
            success="The feature was switched.",
        )
        return self.go("console:features", organization)


class Delete(SettingsPage):
    """Begins the deletion, after the address was typed."""

    permission = Permission.ORGANIZATION_DELETE

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        return self._page(ConfirmForm(), 200)

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        form = ConfirmForm(request.POST)
        if not form.is_valid():
            return self._page(form, 422)
        done = self.act(
            lambda: organizations.request_deletion(
                actor=self.principal,
                organization=self.organization,
                confirmation=form.cleaned_data["confirmation"],
            ),
            form=form,
        )
        if not done.ok:
            return self._page(form, done.status)
        return self.go("console:overview", organization)

    def _page(self, form: ConfirmForm, status: int) -> HttpResponse:
        days = organizations.GRACE.days
        found = self.organization
        return self.render_form(
            "orgs/confirm_typed.html",
            status=status,
            form=form,
            heading=f"Delete {found.name}",
            wanted=found.slug,
            goes=[
                f"{found.member_count} members lose their place, their seats are free",
                f"{found.team_count} teams with their projects",
                "every API key and service account stops working at once, and does not come back",
                "roles, invitations, temporary access and settings",
            ],
            keeps=f"For {days} days an owner can restore everything but keys and sessions. Then "
            "it goes for good; only the audit log is kept.",
            button="Delete the organization",
        )


class Restore(OrganizationPage):
    """Takes the deletion back."""

    section = "overview"
    permission = Permission.ORGANIZATION_DELETE

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        self.act(
            lambda: organizations.restore(actor=self.principal, organization=self.organization),
            success="The organization is back. API keys must be made anew.",
        )
        return self.go("console:overview", organization)
