"""Members: list, add, change role and seat, deactivate, reactivate, remove or leave."""

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api.body import Body
from kernel.api.fields import Text, WireId
from kernel.database.scope import across
from kernel.errors import Invalid, Missing
from kernel.ids import decode
from kernel.principal import Principal
from orgs import access, queries
from orgs.actions import members
from orgs.api.fields import PersonShape, RoleField
from orgs.doors.api import OrganizationView
from orgs.errors import AlreadyMember, LastOwner, NotActive, SeatLimitReached
from orgs.models import Membership, Organization, SeatType, User
from orgs.permissions import Permission


class MemberShape(serializers.Serializer[Membership]):
    id = WireId("mem", source="pk")
    user = PersonShape()
    role = RoleField()
    role_name = serializers.CharField()
    seat = serializers.ChoiceField(choices=SeatType.choices)
    status = serializers.ChoiceField(choices=Membership.Status.choices)
    joined_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    last_active_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class NewMemberBody(Body):
    user = Text(
        max_length=254,
        help_text="The id, username or address of somebody you share an organization with, or "
        "who was a member before. Invite everybody else.",
    )
    role = Text(max_length=40, default="member")
    seat = serializers.ChoiceField(choices=SeatType.choices, default=SeatType.FULL)


class MemberChangesBody(Body):
    role = Text(max_length=40)
    seat = serializers.ChoiceField(choices=SeatType.choices)


class MemberFilters(serializers.Serializer[Any]):
    q = serializers.CharField(
        required=False, max_length=100, help_text="Part of a name, username or address."
    )
    role = serializers.CharField(required=False, max_length=40)
    seat = serializers.ChoiceField(required=False, choices=SeatType.choices)
    status = serializers.ChoiceField(required=False, choices=Membership.Status.choices)
    team = serializers.CharField(required=False, max_length=70)


class MembersView(OrganizationView):
    """The members of an organization."""

    noun = "members"
    is_list = True
    representation = MemberShape
    parameters = {"GET": MemberFilters}
    bodies = {"POST": NewMemberBody}
    refusals = {"POST": (SeatLimitReached, AlreadyMember)}
    permissions = {"GET": Permission.MEMBER_READ, "POST": Permission.MEMBER_INVITE}

    def get(self, request: Request, **_url: str) -> Response:
        """List members, newest first; those removed only by `status=removed`."""
        query = dict(self.query)
        role, custom_role = self.role(query.pop("role", ""), "organization")
        team = query.pop("team", None)
        found = queries.members_of(
            self.organization,
            role=role,
            custom_role=custom_role,
            team=access.team_for(self.principal, self.organization, team) if team else None,
            text=query.pop("q", ""),
            **query,
        )
        return self.page(found)

    def post(self, request: Request, **_url: str) -> Response:
        """Add somebody whom you know already, without an invitation."""
        body = self.body()
        user = _person_known(self.principal, self.organization, body["user"])
        if user is None:
            raise Invalid.field(
                "user", "You know nobody by this name here. Invite them instead.", code="unknown"
            )
        role, custom_role = self.role(body["role"], "organization")
        made = members.provision(
            actor=self.principal,
            organization=self.organization,
            user=user,
            role=role,
            custom_role=custom_role,
            seat=body["seat"],
        )
        return self.one(made, location=self.url("member", member=made.wire_id))


class MemberView(OrganizationView):
    """What the endpoints of one member share."""

    noun = "members"
    representation = MemberShape

    @cached_property
    def member(self) -> Membership:
        """Return the member of the URL, whatever their status, or raise `Missing`."""
        rows = Membership.objects.of(self.organization).with_user()
        return rows.pick(self.kwargs["member"])


class MemberItemView(MemberView):
    """One member."""

    bodies = {"PATCH": MemberChangesBody}
    versioned = frozenset({"PATCH", "DELETE"})
    refusals = {"PATCH": (SeatLimitReached, LastOwner, NotActive), "DELETE": (LastOwner,)}
    permissions = {
        "GET": Permission.MEMBER_READ,
        "PATCH": Permission.MEMBER_UPDATE,
        "DELETE": Permission.MEMBER_REMOVE,
    }
    partial = frozenset({"DELETE"})

    def get(self, request: Request, **_url: str) -> Response:
        """Show a member."""
        return self.one(self.member)

    def patch(self, request: Request, **_url: str) -> Response:
        """Change a member's role or seat."""
        member, body, expected = self.member, self.body(), self.expected_version()
        with transaction.atomic():
            member.require_version(expected)
            if "role" in body:
                role, custom_role = self.role(body["role"], "organization")
                member = members.change_role(
                    actor=self.principal,
                    organization=self.organization,
                    member=member,
                    role=role,
                    custom_role=custom_role,
                    expected_version=expected,
                )
                expected = None
            if "seat" in body:
                member = members.change_seat(
                    actor=self.principal,
                    organization=self.organization,
                    member=member,
                    seat=body["seat"],
                    expected_version=expected,
                )
        return self.one(member)

    def delete(self, request: Request, **_url: str) -> Response:
        """Remove a member with everything that hangs on the membership, or leave."""
        members.remove(
            actor=self.principal,
            organization=self.organization,
            member=self.member,
            expected_version=self.expected_version(),
        )
        return Response(status=204)


class DeactivateMemberView(MemberView):
    """The end of a member's work, for now."""

    verbs = {"POST": "deactivate"}
    versioned = frozenset({"POST"})
    refusals = {"POST": (LastOwner, NotActive)}
    permissions = {"POST": Permission.MEMBER_UPDATE}

    def post(self, request: Request, **_url: str) -> Response:
        """Deactivate a member: the seat is free, keys and sessions end, history stays."""
        return self.one(
            members.deactivate(
                actor=self.principal,
                organization=self.organization,
                member=self.member,
                expected_version=self.expected_version(),
            )
        )


class ReactivateMemberView(MemberView):
    """The return of a deactivated member."""

    verbs = {"POST": "reactivate"}
    versioned = frozenset({"POST"})
    refusals = {"POST": (SeatLimitReached, NotActive)}
    permissions = {"POST": Permission.MEMBER_UPDATE}

    def post(self, request: Request, **_url: str) -> Response:
        """Reactivate a deactivated member, on a seat of the type they had."""
        return self.one(
            members.reactivate(
                actor=self.principal,
                organization=self.organization,
                member=self.member,
                expected_version=self.expected_version(),
            )
        )


def _person_known(principal: Principal, organization: Organization, name: str) -> User | None:
    """Return somebody by id, username or address, if the principal can know of them.

    Those are members of the organization, now or before, and of other organizations of
    the person who asks: nobody can find out here who else has an account.
    """
    known = Q(memberships__organization=organization)
    if principal.is_user and principal.id and principal.organization_id is None:
        shared = Membership.objects.system_of_user(principal.id).active()
        known |= Q(
            memberships__status=Membership.Status.ACTIVE,
            memberships__organization__in=shared.values("organization_id"),
        )
    named = Q(username__iexact=name) | Q(email__iexact=name)
    if name.startswith(f"{User.wire_prefix}_"):
        try:
            named = Q(pk=decode(User.wire_prefix, name))
        except Missing:
            return None
    with across("members of other organizations of the person who asks"):
        return User.objects.filter(known, named, is_active=True).order_by("pk").first()
