"""Teams: those that one may see, create, rename, settings, delete; beta features."""

from typing import Any

from django.db import transaction
from django.db.models import Q
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api import represent
from kernel.api.body import Body
from kernel.api.fields import Flag, Text, WireId
from orgs import access, queries
from orgs.actions import teams
from orgs.api.organizations import Confirmation
from orgs.api.references import member_in
from orgs.doors.api import OrganizationView, TeamView
from orgs.errors import ConfirmationMismatch, NameTaken, NotActive, PolicyForbids
from orgs.models import Team
from orgs.permissions import Permission


class TeamSettingsShape(serializers.Serializer[queries.TeamSettings]):
    is_hidden = serializers.BooleanField()
    keeps_new_projects_private = serializers.BooleanField()
    lets_members_invite = serializers.BooleanField()
    forbids_public_reports = serializers.BooleanField()
    allows_domain_join = serializers.BooleanField()
    saves_code = serializers.BooleanField()


class TeamShape(serializers.Serializer[Team]):
    id = WireId("team", source="pk")
    name = serializers.CharField()
    display_name = serializers.CharField()
    description = serializers.CharField()
    member_count = serializers.IntegerField()
    is_hidden = serializers.BooleanField()
    keeps_new_projects_private = serializers.BooleanField()
    lets_members_invite = serializers.BooleanField()
    forbids_public_reports = serializers.BooleanField()
    allows_domain_join = serializers.BooleanField()
    saves_code = serializers.BooleanField()
    effective = serializers.SerializerMethodField()
    enforced = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()

    def get_effective(self, team: Team) -> TeamSettingsShape:
        """Return the settings that hold, the organization's policies considered."""
        return represent.one(TeamSettingsShape, queries.effective_settings(team))  # type: ignore[return-value] # the hint is for the schema

    def get_enforced(self, team: Team) -> list[str]:
        """Return the settings that the organization decides."""
        return sorted(queries.effective_settings(team).enforced)


class NewTeamBody(Body):
    name = Text(max_length=64)
    display_name = Text(max_length=120, allow_blank=True, default="")
    description = Text(max_length=500, allow_blank=True, default="")
    admin = Text(
        max_length=40, required=False, help_text="The first admin (`mem_…`); you, unless given."
    )


class TeamChangesBody(Body):
    name = Text(max_length=64)
    display_name = Text(max_length=120, allow_blank=True)
    description = Text(max_length=500, allow_blank=True)
    is_hidden = Flag()
    keeps_new_projects_private = Flag()
    lets_members_invite = Flag()
    forbids_public_reports = Flag()
    allows_domain_join = Flag()
    saves_code = Flag()


class TeamFilters(serializers.Serializer[Any]):
    q = serializers.CharField(required=False, max_length=100, help_text="Part of a name.")


class TeamsView(OrganizationView):
    """The teams of an organization."""

    noun = "teams"
    is_list = True
    representation = TeamShape
    parameters = {"GET": TeamFilters}
    bodies = {"POST": NewTeamBody}
    refusals = {"POST": (NameTaken, NotActive)}
    permissions = {"GET": Permission.TEAM_READ, "POST": Permission.TEAM_CREATE}
    partial = frozenset({"GET"})

    def get(self, request: Request, **_url: str) -> Response:
        """List the teams that you may see, newest first."""
        rows = access.teams_for(self.principal, self.organization).select_related("organization")
        if self.query.get("q"):
            text = self.query["q"]
            rows = rows.filter(Q(name__icontains=text) | Q(display_name__icontains=text))
        return self.page(rows)

    def post(self, request: Request, **_url: str) -> Response:
        """Create a team."""
        body = self.body()
        admin = member_in(self, body.pop("admin"), "admin") if "admin" in body else None
        made = teams.create(
            actor=self.principal, organization=self.organization, admin=admin, **body
        )
        return self.one(made, location=self.url("team", team=made.name))


class TeamItemView(TeamView):
    """One team."""

    noun = "teams"
    representation = TeamShape
    bodies = {"PATCH": TeamChangesBody}
    parameters = {"DELETE": Confirmation}
    refusals = {"PATCH": (NameTaken, PolicyForbids), "DELETE": (ConfirmationMismatch,)}
    permissions = {
        "GET": Permission.TEAM_READ,
        "PATCH": Permission.TEAM_UPDATE,
        "DELETE": Permission.TEAM_DELETE,
    }

    def get(self, request: Request, **_url: str) -> Response:
        """Show a team and its settings."""
        return self.one(self.team)

    def patch(self, request: Request, **_url: str) -> Response:
        """Rename a team, or change its settings."""
        team, changes, expected = self.team, self.body(), self.expected_version()
        name = changes.pop("name", None)
        with transaction.atomic():
            team = teams.update(
                actor=self.principal,
                organization=self.organization,
                team=team,
                changes=changes,
                expected_version=expected,
            )
            if name is not None:
                team = teams.rename(
                    actor=self.principal, organization=self.organization, team=team, name=name
                )
        return self.one(team)

    def delete(self, request: Request, **_url: str) -> Response:
        """Delete a team with its service accounts and projects; members stay."""
        teams.delete(
            actor=self.principal,
            organization=self.organization,
            team=self.team,
            confirmation=self.query["confirmation"],
        )
        return Response(status=204)
