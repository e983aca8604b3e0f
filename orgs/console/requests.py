"""Requests for access: asking, the list, approving with a duration, declining."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from kernel.pagination import Order, paginate
from orgs import access
from orgs.actions import access_requests
from orgs.console.members import MembersPage
from orgs.models import AccessRequest, OrganizationRole, SeatType, Team, TeamRole
from orgs.permissions import Permission

Kind = AccessRequest.Kind

STATES = tuple((str(state.value), str(state.label)) for state in AccessRequest.State)
DURATIONS = [
    ("4", "4 hours"),
    ("24", "1 day"),
    ("72", "3 days"),
    ("168", "1 week"),
    ("720", "30 days"),
]


class RequestList(MembersPage):
    """Requests that the person may decide, and their own."""

    permission = Permission.ORGANIZATION_READ
    tab = "requests"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        state = self.query("state") or "pending"
        rows = access.access_requests_for(self.principal, self.organization)
        if state in AccessRequest.State.values:
            rows = rows.filter(state=state)
        pages = paginate(
            rows, order=Order("id", descending=True), cursor=self.query("cursor") or None
        )
        return self.render(
            "orgs/members/requests.html",
            pages=pages,
            rows=[self._row(wish) for wish in pages.rows],
            state=state,
            states=STATES,
        )

    def _row(self, wish: AccessRequest) -> tuple[AccessRequest, bool, bool]:
        """Return a request with whether it is the person's own, and theirs to decide."""
        decides = self.may(Permission.REQUEST_DECIDE) or wish.team_id in self._teams
        return wish, wish.membership.user_id == self.principal.id, decides

    @cached_property
    def _teams(self) -> set[Any]:
        """Return the teams whose requests the person decides."""
        mine = self.standing.team_roles()
        return {pk for pk, (_, held) in mine.items() if Permission.REQUEST_DECIDE in held}


class AskForm(forms.Form):
    """A wish: its kind decides which of the other fields count."""

    kind = forms.ChoiceField(choices=Kind.choices, label="What do you need?", initial=Kind.TEAM)
    team = forms.ChoiceField(required=False)
    team_role = forms.ChoiceField(
        required=False, choices=TeamRole.choices, initial=TeamRole.MEMBER, label="Role in the team"
    )
    role = forms.ChoiceField(
        required=False,
        choices=[choice for choice in OrganizationRole.choices if choice[0] != "owner"],
        initial=OrganizationRole.MEMBER,
        label="Role in the organization",
    )
    seat = forms.ChoiceField(
        required=False, choices=[("full", "Full"), ("viewer", "Viewer")], initial=SeatType.FULL
    )
    wanted_hours = forms.TypedChoiceField(
        required=False,
        choices=DURATIONS,
        coerce=int,
        empty_value=None,
        initial="24",
        label="For how long",
    )
    reason = forms.CharField(
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What you need it for. Whoever decides reads this.",
    )

    def __init__(self, data: Any = None, *, teams: list[Team], initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.fields["team"].choices = [  # type: ignore[attr-defined]
            ("", "No team: the whole organization"),
            *((team.wire_id, str(team)) for team in teams),
        ]


class Ask(MembersPage):
    """Asks for a team, a role, temporary access or a seat."""

    permission = Permission.ORGANIZATION_READ
    tab = "requests"

    @cached_property
    def teams(self) -> list[Team]:
        """Return the teams that the person can see and ask for."""
        return list(self.visible_teams.order_by("name")[:200])

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        initial = {"kind": self.query("kind") or Kind.TEAM, "team": self.query("team")}
        return self._form(AskForm(teams=self.teams, initial=initial), 200)

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        form = AskForm(request.POST, teams=self.teams)
        if not form.is_valid():
            return self._form(form, 422)
        sent = form.cleaned_data
        kind = sent["kind"]
        chosen = next((team for team in self.teams if team.wire_id == sent["team"]), None)
        team = chosen if kind in (Kind.TEAM, Kind.ACCESS) else None
        done = self.act(
            lambda: access_requests.ask(
                actor=self.principal,
                organization=self.organization,
                kind=kind,
                team=team,
                role=sent["team_role"] if team else sent["role"] if kind != Kind.SEAT else "",
                seat=sent["seat"] if kind == Kind.SEAT else "",
                reason=sent["reason"],
                wanted_hours=sent["wanted_hours"] if kind == Kind.ACCESS else None,
            ),
            success="Your request was sent to those who can decide it.",
            form=form,
        )
        if not done.ok:
            return self._form(form, done.status)
        return self.go("console:requests", organization)

    def _form(self, form: AskForm, status: int) -> HttpResponse:
        return self.render_form("orgs/members/ask.html", status=status, form=form)


class _RequestPage(MembersPage):
    """An act on one request, named in the URL."""

    permission = Permission.ORGANIZATION_READ
    tab = "requests"

    @cached_property
    def wish(self) -> AccessRequest:
        """Return the request, or raise `Missing`."""
        rows = access.access_requests_for(self.principal, self.organization)
        found: AccessRequest = rows.pick(self.kwargs["access_request"])  # type: ignore[attr-defined]
        return found

    @property
    def name(self) -> str:
        """Return who asked."""
        return self.wish.membership.user.name


class DecideForm(forms.Form):
    """How a request is decided."""

    hours = forms.TypedChoiceField(
        required=False, choices=DURATIONS, coerce=int, empty_value=None, label="For how long"
    )
    answer = forms.CharField(
        required=False,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Goes to the person by mail.",
    )


class _Decide(_RequestPage):
    """Approves or declines, behind a page or dialog."""

    approves: bool

    def get(self, request: HttpRequest, organization: str, access_request: str) -> HttpResponse:
        hours = str(self.wish.wanted_hours or 24)
        return self._form(DecideForm(initial={"hours": hours}), 200)

    def post(self, request: HttpRequest, organization: str, access_request: str) -> HttpResponse:
        form = DecideForm(request.POST)
        if not form.is_valid():
            return self._form(form, 422)
        sent = form.cleaned_data
        whom: dict[str, Any] = {
            "actor": self.principal,
            "organization": self.organization,
            "request": self.wish,
            "answer": sent["answer"],
        }
        if self.approves:
            done = self.act(
                lambda: access_requests.approve(**whom, hours=sent["hours"]),
                success=f"Approved. {self.name} was told.",
                form=form,
            )
        else:
            done = self.act(
                lambda: access_requests.decline(**whom),
                success=f"Declined. {self.name} was told.",
                form=form,
            )
        if not done.ok:
            return self._form(form, done.status)
        return self.go("console:requests", organization)

    def _form(self, form: DecideForm, status: int) -> HttpResponse:
        if self.wish.kind != Kind.ACCESS or not self.approves:
            del form.fields["hours"]
        return self.render_form(
            "orgs/members/decide.html",
            status=status,
            form=form,
            wish=self.wish,
            approves=self.approves,
        )


class Approve(_Decide):
    """Approves, and does what was asked for."""

    approves = True


class Decline(_Decide):
    """Declines with an answer."""

    approves = False


class Withdraw(_RequestPage):
    """Takes the person's own request back."""

    def post(self, request: HttpRequest, organization: str, access_request: str) -> HttpResponse:
        self.act(
            lambda: access_requests.withdraw(
                actor=self.principal, organization=self.organization, request=self.wish
            ),
            success="Your request was taken back.",
        )
        return self.go("console:requests", organization)
