"""Temporary access: what runs, giving it, ending it."""

import datetime as dt
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from kernel.clock import now
from kernel.errors import Invalid
from kernel.pagination import Order, paginate
from orgs import access
from orgs.actions import grants
from orgs.console.choices import Choices, custom_roles, parse_role, roles_to_give
from orgs.console.people import PersonField, member_named, suggested
from orgs.doors.console import OrganizationPage
from orgs.models import Grant, Role, Team
from orgs.permissions import Permission

_LENGTHS = [
    ("1", "1 hour"),
    ("4", "4 hours"),
    ("24", "1 day"),
    ("72", "3 days"),
    ("168", "1 week"),
    ("720", "30 days"),
    ("2160", "90 days"),
]


class GrantsPage(OrganizationPage):
    """What the pages about temporary access share."""

    section = "grants"


class GrantList(GrantsPage):
    """Access that runs, and with `state=ended` what has ended; one's own always shows."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        rows: Any = access.grants_for(self.principal, self.organization)
        ended = self.query("state") == "ended"
        live = rows.live(now())
        rows = rows.exclude(pk__in=live.values("pk")) if ended else live
        pages = paginate(
            rows, order=Order("id", descending=True), cursor=self.query("cursor") or None
        )
        return self.render(
            "orgs/grants/list.html",
            pages=pages,
            rows=[(grant, self._may_end(grant)) for grant in pages.rows],
            ended=ended,
            gives=self.may(Permission.GRANT_MANAGE) or bool(self._managed_teams),
        )

    def _may_end(self, grant: Grant) -> bool:
        is_own = self.member is not None and grant.membership_id == self.member.pk
        on_team = grant.team_id is not None and grant.team_id in self._managed_teams
        return is_own or on_team or self.may(Permission.GRANT_MANAGE)

    @cached_property
    def _managed_teams(self) -> set[Any]:
        mine = self.standing.team_roles()
        return {pk for pk, (_, held) in mine.items() if Permission.GRANT_MANAGE in held}


class GrantForm(forms.Form):
    """Who gets which role where, for how long and why."""

    person = PersonField()
    place = forms.ChoiceField(label="Where")
    role = forms.ChoiceField()
    hours = forms.TypedChoiceField(
        choices=_LENGTHS,
        coerce=int,
        initial="24",
        label="For how long",
        help_text="It ends to the second by itself.",
    )
    reason = forms.CharField(max_length=300, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(
        self, data: Any = None, *, teams: list[Team], wide: Choices, in_team: Choices
    ) -> None:
        super().__init__(data)
        places: Choices = [(team.wire_id, str(team)) for team in teams]
        if wide:
            places.insert(0, ("", "The whole organization"))
        self.fields["place"].choices = places  # type: ignore[attr-defined]
        self.fields["place"].required = False
        self.fields["role"].choices = [  # type: ignore[attr-defined]
            ("Organization", [(f"organization:{value}", label) for value, label in wide]),
            ("Team", [(f"team:{value}", label) for value, label in in_team]),
        ]


class NewGrant(GrantsPage):
    """Gives a member a role for a time."""

    @cached_property
    def teams(self) -> list[Team]:
        """Return the teams on which the person may give access."""
        rows = list(access.teams_for(self.principal, self.organization).order_by("name")[:200])
        if self.may(Permission.GRANT_MANAGE):
            return rows
        mine = self.standing.team_roles()
        return [
            team
            for team in rows
            if Permission.GRANT_MANAGE in mine.get(team.pk, ("", frozenset()))[1]
        ]

    def enter(self) -> None:
        """Let those in who may give on the organization or on a team."""
        super().enter()
        if not self.may(Permission.GRANT_MANAGE) and not self.teams:
            access.require(self.principal, Permission.GRANT_MANAGE, self.organization)

    def form(self, data: Any = None) -> GrantForm:
        """Return the form with what the person may give; the action checks each team."""
        wide: Choices = []
        if self.may(Permission.GRANT_MANAGE):
            own = custom_roles(self.organization, Role.Scope.ORGANIZATION)
            wide = roles_to_give(self.held, Role.Scope.ORGANIZATION, own, with_owner=False)
        on_team = self.held if wide or not self.teams else self.held_on(self.teams[0])
        in_team = roles_to_give(
            on_team, Role.Scope.TEAM, custom_roles(self.organization, Role.Scope.TEAM)
        )
        return GrantForm(data, teams=self.teams, wide=wide, in_team=in_team)

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        return self._page(self.form(), 200)

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        form = self.form(request.POST)
        if not form.is_valid():
            return self._page(form, 422)
        sent = form.cleaned_data

        def give() -> Grant:
            team = next((team for team in self.teams if team.wire_id == sent["place"]), None)
            scope, _, value = sent["role"].partition(":")
            if scope != (Role.Scope.TEAM if team else Role.Scope.ORGANIZATION):
                raise Invalid.field(
                    "role",
                    "Choose a team role for a team, an organization role for the organization.",
                )
            role, custom = parse_role(self.organization, value, scope)
            return grants.give(
                actor=self.principal,
                organization=self.organization,
                holder=member_named(self.organization, sent["person"]),
                role=role,
                custom_role=custom,
                team=team,
                until=now() + dt.timedelta(hours=sent["hours"]),
                reason=sent["reason"],
            )

        done = self.act(give, success=f"{sent['person']} has access now.", form=form)
        if not done.ok:
            return self._page(form, done.status)
        return self.go("console:grants", organization)

    def _page(self, form: GrantForm, status: int) -> HttpResponse:
        return self.render_form(
            "orgs/grants/new.html",
            status=status,
            form=form,
            suggestions=suggested(self),
        )


class EndGrant(GrantsPage):
    """Ends access before its time; its holder may do so too."""

    @cached_property
    def grant(self) -> Grant:
        """Return the grant, or raise `Missing`."""
        rows: Any = access.grants_for(self.principal, self.organization)
        found: Grant = rows.pick(self.kwargs["grant"])
        return found

    def get(self, request: HttpRequest, organization: str, grant: str) -> HttpResponse:
        return self._form(forms.Form(), 200)

    def post(self, request: HttpRequest, organization: str, grant: str) -> HttpResponse:
        form = forms.Form(request.POST)
        done = self.act(
            lambda: grants.end(
                actor=self.principal, organization=self.organization, grant=self.grant
            ),
            success="The access has ended.",
            form=form,
        )
        if not done.ok:
            return self._form(form, done.status)
        return self.go("console:grants", organization)

    def _form(self, form: forms.Form, status: int) -> HttpResponse:
        holder = self.grant.membership or self.grant.service_account
        return self.render_form(
            "orgs/confirm.html",
            status=status,
            form=form,
            heading=f"End the access of {holder}",
            text="It stops at once. What they may do by their standing roles stays.",
            button="End access",
            is_danger=True,
        )
