"""Invitations: many addresses at once, each with its own outcome; resend, link, revoke."""

from typing import Any

from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api import represent
from kernel.api.body import Body
from kernel.api.fields import Text, WireId
from kernel.clock import now
from orgs import access
from orgs.actions import invitations
from orgs.api.fields import RoleField, TeamReferenceShape
from orgs.api.references import found, team_in
from orgs.doors.api import OrganizationView
from orgs.errors import InvitationEnded
from orgs.models import Invitation, InvitationTeam, SeatType, Team
from orgs.models.invitation import InvitationQuerySet
from orgs.permissions import Permission

VERDICTS = ("invited", "resent", "already_member", "already_invited", "invalid")


class InvitedTeamShape(serializers.Serializer[InvitationTeam]):
    team = TeamReferenceShape()
    role = serializers.CharField()


class InvitationShape(serializers.Serializer[Invitation]):
    id = WireId("inv", source="pk")
    email = serializers.CharField()
    state = serializers.ChoiceField(choices=Invitation.State.choices)
    role = RoleField()
    role_name = serializers.CharField()
    seat = serializers.ChoiceField(choices=SeatType.choices)
    teams = InvitedTeamShape(many=True)
    invited_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    accepted_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class InvitationOutcomeShape(serializers.Serializer[invitations.InvitationOutcome]):
    address = serializers.CharField()
    verdict = serializers.ChoiceField(choices=VERDICTS)
    detail = serializers.CharField()
    invitation_id = WireId("inv", source="invitation.pk", allow_null=True, default=None)


class InvitationOutcomesShape(serializers.Serializer[Any]):
    outcomes = InvitationOutcomeShape(many=True)


class InvitationLinkShape(serializers.Serializer[Any]):
    url = serializers.CharField()
    expires_at = serializers.DateTimeField()


class TeamPlaceBody(Body):
    team = Text(max_length=70, help_text="A team's id or name.")
    role = Text(max_length=40, default="member")


class AddressesBody(Body):
    addresses = serializers.ListField(
        child=Text(max_length=320), min_length=1, max_length=invitations.AT_ONCE
    )
    teams = serializers.ListField(child=TeamPlaceBody(), required=False, max_length=50)


class NewInvitationsBody(AddressesBody):
    role = Text(max_length=40, default="member")
    seat = serializers.ChoiceField(choices=SeatType.choices, default=SeatType.FULL)


class InvitationFilters(serializers.Serializer[Any]):
    state = serializers.ChoiceField(required=False, choices=Invitation.State.choices)
    q = serializers.CharField(required=False, max_length=100, help_text="Part of an address.")


class InvitationsView(OrganizationView):
    """The invitations into an organization."""

    noun = "invitations"
    is_list = True
    verbs = {"POST": "create_many"}
    representation = InvitationShape
    representations = {"POST": InvitationOutcomesShape}
    parameters = {"GET": InvitationFilters}
    bodies = {"POST": NewInvitationsBody}
    permissions = {"GET": Permission.INVITATION_READ, "POST": Permission.MEMBER_INVITE}
    partial = frozenset({"GET", "POST"})

    def get(self, request: Request, **_url: str) -> Response:
        """List invitations, newest first: those that you may see, and those you made."""
        rows = _shown(access.invitations_for(self.principal, self.organization))
        if self.query.get("state"):
            rows = rows.in_state(self.query["state"], now())
        if self.query.get("q"):
            rows = rows.filter(email__icontains=self.query["q"])
        return self.page(rows)

    def post(self, request: Request, **_url: str) -> Response:
        """Invite up to 500 addresses; the answer tells what became of each.

        Addresses that cannot be invited are reported and stop none of the others. A seat
        is taken when an invitation is accepted, not now.
        """
        body = self.body()
        role, custom_role = self.role(body["role"], "organization")
        outcomes = invitations.create_many(
            actor=self.principal,
            organization=self.organization,
            addresses=body["addresses"],
            role=role,
            custom_role=custom_role,
            seat=body["seat"],
            teams=_places(self, body),
        )
        return Response(represent.one(InvitationOutcomesShape, {"outcomes": outcomes}))


class PreviewView(OrganizationView):
    """What inviting addresses would do."""

    noun = "invitations"
    verbs = {"POST": "preview"}
    representation = InvitationOutcomesShape
    bodies = {"POST": AddressesBody}
    permissions = {"POST": Permission.MEMBER_INVITE}
    partial = frozenset({"POST"})

    def post(self, request: Request, **_url: str) -> Response:
        """Tell what would become of each address, and change nothing."""
        body = self.body()
        outcomes = invitations.preview(
            actor=self.principal,
            organization=self.organization,
            addresses=body["addresses"],
            teams=_places(self, body),
        )
        return Response(represent.one(InvitationOutcomesShape, {"outcomes": outcomes}))


class InvitationView(OrganizationView):
    """What the endpoints of one invitation share."""

    noun = "invitations"
    representation = InvitationShape
    partial = frozenset({"GET", "POST", "DELETE"})

    @cached_property
    def invitation(self) -> Invitation:
        """Return the invitation of the URL if the principal may see it, or raise `Missing`."""
        rows = _shown(access.invitations_for(self.principal, self.organization))
        return found(rows, self.kwargs["invitation"])


class InvitationItemView(InvitationView):
    """One invitation."""

    verbs = {"DELETE": "revoke"}
    refusals = {"DELETE": (InvitationEnded,)}
    permissions = {"GET": Permission.INVITATION_READ, "DELETE": Permission.MEMBER_INVITE}

    def get(self, request: Request, **_url: str) -> Response:
        """Show an invitation."""
        return self.one(self.invitation)

    def delete(self, request: Request, **_url: str) -> Response:
        """Revoke an invitation: its link is worthless at once."""
        invitations.revoke(
            actor=self.principal, organization=self.organization, invitation=self.invitation
        )
        return Response(status=204)


class ResendView(InvitationView):
    """A fresh link for an open invitation."""

    verbs = {"POST": "resend"}
    refusals = {"POST": (InvitationEnded,)}
    permissions = {"POST": Permission.MEMBER_INVITE}

    def post(self, request: Request, **_url: str) -> Response:
        """Send an invitation again: a fresh link, and another seven days."""
        renewed = invitations.resend(
            actor=self.principal, organization=self.organization, invitation=self.invitation
        )
        return self.one(renewed)


class InvitationLinkView(OrganizationView):
    """The link to hand over where mail does not work."""

    noun = "invitations"
    verbs = {"GET": "link"}
    representation = InvitationLinkShape
    permissions = {"GET": Permission.MEMBER_INVITE}

    def get(self, request: Request, **_url: str) -> Response:
        """Show the link of a pending invitation; only its addressee can use it."""
        rows = access.invitations_for(self.principal, self.organization)
        invitation = found(rows.live(now()), self.kwargs["invitation"])
        return self.one(
            {"url": invitations.link(invitation), "expires_at": invitation.expires_at}
        )


def _places(view: OrganizationView, body: dict[str, Any]) -> list[tuple[Team, str]]:
    """Return the teams that a body names, with the role in each."""
    return [
        (team_in(view, place["team"], f"teams/{number}/team"), place["role"])
        for number, place in enumerate(body.get("teams", []))
    ]


def _shown(rows: InvitationQuerySet) -> InvitationQuerySet:
    """Fetch the teams along."""
    return rows.prefetch_related("teams__team")
