"""Access requests: ask for a team, a role, temporary access or a seat; decide; withdraw."""

from typing import Any

from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api.body import Body
from kernel.api.fields import Text, Whole, WireId
from kernel.errors import Conflict
from orgs import access
from orgs.actions import access_requests
from orgs.api.fields import PersonShape, TeamReferenceShape
from orgs.api.references import found, team_in
from orgs.doors.api import OrganizationView
from orgs.errors import AlreadyDecided, AlreadyMember, LastOwner, NotActive, SeatLimitReached
from orgs.models import AccessRequest
from orgs.permissions import Permission


class AccessRequestShape(serializers.Serializer[AccessRequest]):
    id = WireId("req", source="pk")
    kind = serializers.ChoiceField(choices=AccessRequest.Kind.choices)
    state = serializers.ChoiceField(choices=AccessRequest.State.choices)
    member_id = WireId("mem", source="membership_id")
    user = PersonShape(source="membership.user")
    team = TeamReferenceShape(allow_null=True)
    role = serializers.CharField(help_text="Empty where none is asked for.")
    seat = serializers.CharField(help_text="Empty where none is asked for.")
    reason = serializers.CharField()
    wanted_hours = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.CharField()
    answer = serializers.CharField()


class NewAccessRequestBody(Body):
    kind = serializers.ChoiceField(choices=AccessRequest.Kind.choices)
    reason = Text(max_length=300)
    team = Text(max_length=70, required=False, help_text="A team's id or name.")
    role = Text(max_length=20, required=False)
    seat = Text(max_length=10, required=False)
    wanted_hours = Whole(
        required=False, min_value=1, max_value=access_requests.LONGEST_HOURS
    )


class ApprovalBody(Body):
    hours = Whole(
        required=False,
        min_value=1,
        max_value=access_requests.LONGEST_HOURS,
        help_text="How long temporary access lasts; what was wished for unless given.",
    )
    answer = Text(required=False, max_length=300, allow_blank=True)


class RefusalBody(Body):
    answer = Text(required=False, max_length=300, allow_blank=True)


class AccessRequestFilters(serializers.Serializer[Any]):
    state = serializers.ChoiceField(required=False, choices=AccessRequest.State.choices)
    kind = serializers.ChoiceField(required=False, choices=AccessRequest.Kind.choices)


class AccessRequestsView(OrganizationView):
    """Requests for more than one has."""

    noun = "access_requests"
    is_list = True
    representation = AccessRequestShape
    parameters = {"GET": AccessRequestFilters}
    bodies = {"POST": NewAccessRequestBody}
    refusals = {"POST": (Conflict, AlreadyMember)}
    permissions = {"GET": Permission.REQUEST_DECIDE, "POST": Permission.ORGANIZATION_READ}
    partial = frozenset({"GET"})

    def get(self, request: Request, **_url: str) -> Response:
        """List requests, newest first: those that you may decide, and your own."""
        rows = access.access_requests_for(self.principal, self.organization)
        return self.page(rows.filter(**self.query))

    def post(self, request: Request, **_url: str) -> Response:
        """Ask to join a team, for a role, for temporary access or for a seat."""
        body = self.body()
        team = team_in(self, body.pop("team")) if "team" in body else None
        made = access_requests.ask(
            actor=self.principal, organization=self.organization, team=team, **body
        )
        return self.one(made, location=self.url("access-request", wish=made.wire_id))


class AccessRequestView(OrganizationView):
    """One request."""

    noun = "access_requests"
    representation = AccessRequestShape
    permissions = {"GET": Permission.REQUEST_DECIDE}
    partial = frozenset({"GET", "POST"})

    @cached_property
    def wish(self) -> AccessRequest:
        """Return the request of the URL if the principal may see it, or raise `Missing`."""
        rows = access.access_requests_for(self.principal, self.organization)
        return found(rows, self.kwargs["wish"])


class AccessRequestItemView(AccessRequestView):
    """One request."""

    def get(self, request: Request, **_url: str) -> Response:
        """Show a request."""
        return self.one(self.wish)


class ApproveView(AccessRequestView):
    """The decision for a request."""

    verbs = {"POST": "approve"}
    bodies = {"POST": ApprovalBody}
    permissions = {"POST": Permission.REQUEST_DECIDE}
    refusals = {"POST": (AlreadyDecided, AlreadyMember, LastOwner, NotActive, SeatLimitReached)}

    def post(self, request: Request, **_url: str) -> Response:
        """Approve a request, and do what was asked for."""
        return self.one(
            access_requests.approve(
                actor=self.principal,
                organization=self.organization,
                request=self.wish,
                **self.body(),
            )
        )


class DeclineView(AccessRequestView):
    """The decision against a request."""

    verbs = {"POST": "decline"}
    bodies = {"POST": RefusalBody}
    permissions = {"POST": Permission.REQUEST_DECIDE}
    refusals = {"POST": (AlreadyDecided,)}

    def post(self, request: Request, **_url: str) -> Response:
        """Decline a request, with an answer for the person who asked."""
        return self.one(
            access_requests.decline(
                actor=self.principal,
                organization=self.organization,
                request=self.wish,
                **self.body(),
            )
        )


class WithdrawView(AccessRequestView):
    """The end of one's own request."""

    verbs = {"POST": "withdraw"}
    permissions = {"POST": Permission.ORGANIZATION_READ}
    refusals = {"POST": (AlreadyDecided,)}

    def post(self, request: Request, **_url: str) -> Response:
        """Take your own request back."""
        return self.one(
            access_requests.withdraw(
                actor=self.principal, organization=self.organization, request=self.wish
            )
        )
