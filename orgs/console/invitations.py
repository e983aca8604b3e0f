"""Invitations: inviting many, the list with what became of each mail, resend, revoke, link."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from kernel.clock import now
from kernel.errors import DomainError
from kernel.mail.models import Mail
from kernel.pagination import Order, paginate
from orgs import access, queries
from orgs.actions import invitations
from orgs.console.choices import SEATS, Choices, parse_role, parse_seat
from orgs.console.members import MembersPage
from orgs.models import Invitation, Team, TeamRole
from orgs.permissions import Permission

STATES = ("pending", "expired", "accepted", "revoked")


class InvitationList(MembersPage):
    """Invitations by state, each with the delivery of its last mail."""

    tab = "invitations"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        state = self.query("state") or "pending"
        rows = access.invitations_for(self.principal, self.organization)
        if state in STATES:
            rows = rows.in_state(state, now())
        if self.query("q"):
            rows = rows.filter(email__icontains=self.query("q"))
        pages = paginate(
            rows.prefetch_related("teams__team"),
            order=Order("id", descending=True),
            cursor=self.query("cursor") or None,
        )
        return self.render(
            "orgs/members/invitations.html",
            pages=pages,
            rows=[
                (row, mail, self._may_act_on(row)) for row, mail in _with_mail(list(pages.rows))
            ],
            state=state,
            states=STATES,
            is_filtered=bool(self.query("q")),
        )

    def _may_act_on(self, invitation: Invitation) -> bool:
        is_own = invitation.invited_by_id == str(self.principal.id)
        return is_own or self.may(Permission.MEMBER_INVITE)


def _with_mail(rows: list[Invitation]) -> list[tuple[Invitation, Mail | None]]:
    """Return invitations with the newest mail about each; one query."""
    newest: dict[str, Mail] = {}
    about = [row.wire_id for row in rows]
    mails = Mail.objects.filter(about_kind="invitation", about_id__in=about)
    for mail in mails.only("about_id", "state", "error", "created_at").order_by("created_at"):
        newest[mail.about_id] = mail
    return [(row, newest.get(row.wire_id)) for row in rows]


class InviteForm(forms.Form):
    """Addresses from anywhere, and what is offered to them."""

    addresses = forms.CharField(
        label="E-mail addresses",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        max_length=100_000,
        help_text="Paste them from anywhere: commas, spaces, new lines or “Name <a@b>”.",
    )
    role = forms.ChoiceField()
    seat = forms.ChoiceField(choices=SEATS, initial="full")
    teams = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Teams"
    )

    def __init__(
        self,
        data: Any = None,
        *,
        roles: Choices,
        teams: list[Team],
        chosen: list[str],
        needs_team: bool,
    ) -> None:
        super().__init__(data, initial={"role": "member", "seat": "full", "teams": chosen})
        self.fields["teams"].required = needs_team
        self.fields["role"].choices = roles  # type: ignore[attr-defined]
        self.fields["teams"].choices = [  # type: ignore[attr-defined]
            (team.wire_id, str(team)) for team in teams
        ]
        if not teams:
            del self.fields["teams"]


class _InvitePage(MembersPage):
    """What inviting and its preview share: who may, and into which teams."""

    permission = Permission.ORGANIZATION_READ
    tab = "invitations"

    def enter(self) -> None:
        """Let in who may invite into the organization, or into a team that lets them."""
        super().enter()
        if not self.may(Permission.MEMBER_INVITE) and not self.teams_to_offer:
            access.require(self.principal, Permission.MEMBER_INVITE, self.organization)

    @cached_property
    def teams_to_offer(self) -> list[Team]:
        """Return the teams that an invitation by the person may lead into."""
        teams = list(self.visible_teams.order_by("name")[:50])
        if self.may(Permission.TEAM_MEMBER_MANAGE):
            return teams
        mine = self.standing.team_roles()
        if self.may(Permission.MEMBER_INVITE):
            manages = Permission.TEAM_MEMBER_MANAGE
            return [team for team in teams if manages in mine.get(team.pk, ("", frozenset()))[1]]
        return [
            team
            for team in teams
            if team.pk in mine
            and queries.effective_settings(team, self.organization).lets_members_invite
            and access.may(self.principal, Permission.MEMBER_INVITE, team).allowed
        ]

    def form(self, data: Any = None) -> InviteForm:
        """Return the form with what the person may offer."""
        return InviteForm(
            data,
            roles=self.roles_to_give,
            teams=self.teams_to_offer,
            chosen=[self.query("team")],
            needs_team=not self.may(Permission.MEMBER_INVITE),
        )

    def chosen_teams(self, wire_ids: Iterable[str]) -> list[tuple[Team, str]]:
        """Return the teams that were ticked, each with the role that it gives."""
        wanted = set(wire_ids)
        return [
            (team, str(TeamRole.MEMBER))
            for team in self.teams_to_offer
            if team.wire_id in wanted
        ]


class Invite(_InvitePage):
    """Invites addresses, and says what became of each."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        return self._page(self.form(), 200)

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        form = self.form(request.POST)
        if not form.is_valid():
            return self._page(form, 422)
        sent = form.cleaned_data
        teams = self.chosen_teams(sent.get("teams", ()))

        def invite() -> list[invitations.InvitationOutcome]:
            role, custom = parse_role(self.organization, sent["role"], "organization")
            return invitations.create_many(
                actor=self.principal,
                organization=self.organization,
                addresses=invitations.parse_addresses(sent["addresses"]),
                role=role,
                custom_role=custom,
                seat=parse_seat(sent["seat"]),
                teams=teams,
            )

        done = self.act(invite, form=form)
        if done.value is None:
            return self._page(form, done.status)
        return self.render_form(
            "orgs/members/invited.html",
            outcomes=[
                (outcome, invitations.link(outcome.invitation) if outcome.invitation else "")
                for outcome in done.value
            ],
            sent=sum(outcome.verdict in ("invited", "resent") for outcome in done.value),
        )

    def _page(self, form: InviteForm, status: int) -> HttpResponse:
        return self.render_form(
            "orgs/members/invite.html",
            status=status,
            form=form,
            days=invitations.LIFE.days,
            seats=queries.seat_summary(self.organization),
        )


class Preview(_InvitePage):
    """Tells of each pasted address what would become of it; writes nothing."""

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        found = invitations.parse_addresses(request.POST.get("addresses", "")[:100_000])
        outcomes: list[invitations.InvitationOutcome] = []
        problem = ""
        if found:
            try:
                outcomes = invitations.preview(
                    actor=self.principal,
                    organization=self.organization,
                    addresses=found,
                    teams=self.chosen_teams(request.POST.getlist("teams")),
                )
            except DomainError as error:
                problem = error.detail
        return self.render(
            "orgs/members/invite.html#preview",
            outcomes=outcomes,
            problem=problem,
            sends=sum(outcome.verdict in ("invited", "resent") for outcome in outcomes),
            refused=[o for o in outcomes if o.verdict not in ("invited", "resent")],
        )


class _InvitationPage(MembersPage):
    """A page about one invitation, for those who may invite and for whoever made it."""

    permission = Permission.ORGANIZATION_READ
    tab = "invitations"

    def enter(self) -> None:
        """Refuse those who only see the invitation: its link is not theirs to hand on."""
        super().enter()
        if self.invitation.invited_by_id != str(self.principal.id):
            access.require(self.principal, Permission.MEMBER_INVITE, self.organization)

    @cached_property
    def invitation(self) -> Invitation:
        """Return the invitation, or raise `Missing`."""
        rows = access.invitations_for(self.principal, self.organization)
        found: Invitation = rows.pick(self.kwargs["invitation"])
        return found


class Resend(_InvitationPage):
    """Sends an invitation again, with a fresh link and another term."""

    def post(self, request: HttpRequest, organization: str, invitation: str) -> HttpResponse:
        self.act(
            lambda: invitations.resend(
                actor=self.principal, organization=self.organization, invitation=self.invitation
            ),
            success=f"A fresh link goes to {self.invitation.email}. The one before is dead.",
        )
        return self.go("console:invitations", organization)


class Revoke(_InvitationPage):
    """Takes an invitation back."""

    def get(self, request: HttpRequest, organization: str, invitation: str) -> HttpResponse:
        return self._form(forms.Form(), 200)

    def post(self, request: HttpRequest, organization: str, invitation: str) -> HttpResponse:
        form = forms.Form(request.POST)
        done = self.act(
            lambda: invitations.revoke(
                actor=self.principal, organization=self.organization, invitation=self.invitation
            ),
            success=f"The invitation of {self.invitation.email} was taken back.",
            form=form,
        )
        if not done.ok:
            return self._form(form, done.status)
        return self.go("console:invitations", organization)

    def _form(self, form: forms.Form, status: int) -> HttpResponse:
        return self.render_form(
            "orgs/confirm.html",
            status=status,
            form=form,
            heading=f"Revoke the invitation of {self.invitation.email}",
            text="The link stops working at once. You can invite the address again later.",
            button="Revoke",
            is_danger=True,
        )


class Link(_InvitationPage):
    """Shows the link to hand over, for installations that send no mail."""

    def get(self, request: HttpRequest, organization: str, invitation: str) -> HttpResponse:
        return self.render_form(
            "orgs/members/link.html",
            invitation=self.invitation,
            link=invitations.link(self.invitation),
        )
