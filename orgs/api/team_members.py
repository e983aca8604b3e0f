"""Who is in a team: list, add, change the team role, take out, leave."""

from typing import Any

from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api.body import Body
from kernel.api.fields import Text, WireId
from kernel.errors import Missing
from orgs import queries
from orgs.access import Resource
from orgs.actions import teams
from orgs.api.fields import PersonShape, RoleField
from orgs.api.references import member_in
from orgs.doors.api import TeamView
from orgs.errors import AlreadyMember, NotActive
from orgs.models import Membership, TeamMembership
from orgs.permissions import Permission


class TeamMemberShape(serializers.Serializer[TeamMembership]):
    member_id = WireId("mem", source="membership_id")
    user = PersonShape(source="membership.user")
    status = serializers.ChoiceField(
        choices=Membership.Status.choices, source="membership.status"
    )
    role = RoleField()
    role_name = serializers.CharField()
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class NewTeamMemberBody(Body):
    member = Text(max_length=40, help_text="A member of the organization (`mem_…`).")
    role = Text(max_length=40, default="member")


class TeamMemberChangesBody(Body):
    role = Text(max_length=40)


class TeamMemberFilters(serializers.Serializer[Any]):
    q = serializers.CharField(
        required=False, max_length=100, help_text="Part of a name, username or address."
    )
    role = serializers.CharField(required=False, max_length=20, help_text="A built-in team role.")


class TeamMembersView(TeamView):
    """The members of a team."""

    noun = "team_members"
    is_list = True
    representation = TeamMemberShape
    parameters = {"GET": TeamMemberFilters}
    bodies = {"POST": NewTeamMemberBody}
    refusals = {"POST": (AlreadyMember, NotActive)}
    permissions = {"GET": Permission.TEAM_MEMBER_READ, "POST": Permission.TEAM_MEMBER_MANAGE}

    def get(self, request: Request, **_url: str) -> Response:
        """List who is in a team, newest first."""
        query = self.query
        found = queries.team_members_of(
            self.team, role=query.get("role", ""), text=query.get("q", "")
        )
        return self.page(found)

    def post(self, request: Request, **_url: str) -> Response:
        """Add a member of the organization to a team."""
        body = self.body()
        role, custom_role = self.role(body["role"], "team")
        member = member_in(self, body["member"])
        made = teams.add_member(
            actor=self.principal,
            organization=self.organization,
            team=self.team,
            member=member,
            role=role,
            custom_role=custom_role,
        )
        where = self.url("team-member", team=self.team.name, member=member.wire_id)
        return self.one(made, location=where)


class TeamMemberView(TeamView):
    """One member of a team."""

    noun = "team_members"
    representation = TeamMemberShape
    bodies = {"PATCH": TeamMemberChangesBody}
    versioned = frozenset({"PATCH", "DELETE"})
    permissions = {
        "GET": Permission.TEAM_MEMBER_READ,
        "PATCH": Permission.TEAM_MEMBER_MANAGE,
        "DELETE": Permission.TEAM_MEMBER_MANAGE,
    }

    @cached_property
    def place(self) -> TeamMembership:
        """Return the place of the URL's member in the team, or raise `Missing`."""
        member = Membership.objects.of(self.organization).pick(self.kwargs["member"])
        place = queries.team_members_of(self.team).filter(membership=member).first()
        if place is None:
            raise Missing
        return place

    def get(self, request: Request, **_url: str) -> Response:
        """Show somebody's place in a team."""
        return self.one(self.place)

    def patch(self, request: Request, **_url: str) -> Response:
        """Change somebody's team role."""
        body = self.body()
        given = body.get("role", self.representation(self.place).data["role"])
        role, custom_role = self.role(given, "team")
        changed = teams.change_member_role(
            actor=self.principal,
            organization=self.organization,
            team=self.team,
            member=self.place.membership,
            role=role,
            custom_role=custom_role,
            expected_version=self.expected_version(),
        )
        return self.one(changed)

    def delete(self, request: Request, **_url: str) -> Response:
        """Take somebody out of a team."""
        teams.remove_member(
            actor=self.principal,
            organization=self.organization,
            team=self.team,
            member=self.place.membership,
            expected_version=self.expected_version(),
        )
        return Response(status=204)


class LeaveTeamView(TeamView):
    """The way out of a team for those who are in it."""

    noun = "team_members"
    verbs = {"POST": "leave"}
    permissions = {"POST": Permission.ORGANIZATION_READ}

    def resource(self) -> Resource:
        """Return the organization: whoever is inside may leave any of its teams."""
        return self.organization

    def post(self, request: Request, **_url: str) -> Response:
        """Leave a team."""
        teams.leave(actor=self.principal, organization=self.organization, team=self.team)
        return Response(status=204)
