"""Grants: temporary access beside the standing role."""

from typing import Any

from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api.body import Body
from kernel.api.fields import Text, WireId
from kernel.clock import now
from orgs import access
from orgs.actions import grants
from orgs.api.fields import HolderField, RoleField, TeamReferenceShape
from orgs.api.references import found, holder_in, team_in
from orgs.doors.api import OrganizationView
from orgs.errors import NotActive
from orgs.models import Grant
from orgs.permissions import Permission


class GrantShape(serializers.Serializer[Grant]):
    id = WireId("grant", source="pk")
    holder = HolderField()
    role = RoleField()
    team = TeamReferenceShape(allow_null=True, help_text="null: on the whole organization.")
    reason = serializers.CharField()
    granted_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    is_live = serializers.SerializerMethodField()

    def get_is_live(self, grant: Grant) -> bool:
        """Whether it counts now."""
        return grant.ended_at is None and (grant.until is None or grant.until > now())


class NewGrantBody(Body):
    holder = Text(max_length=40, help_text="A member (`mem_…`) or service account (`sa_…`).")
    role = Text(max_length=40)
    team = Text(max_length=70, required=False, help_text="A team's id or name.")
    until = serializers.DateTimeField(help_text="At most 90 days from now.")
    reason = Text(max_length=300)


class GrantFilters(serializers.Serializer[Any]):
    state = serializers.ChoiceField(required=False, choices=["live", "ended"])
    team = serializers.CharField(required=False, max_length=70)


class GrantsView(OrganizationView):
    """Temporary access in an organization."""

    noun = "grants"
    is_list = True
    representation = GrantShape
    parameters = {"GET": GrantFilters}
    bodies = {"POST": NewGrantBody}
    refusals = {"POST": (NotActive,)}
    permissions = {"GET": Permission.GRANT_READ, "POST": Permission.GRANT_MANAGE}
    partial = frozenset({"GET", "POST"})

    def get(self, request: Request, **_url: str) -> Response:
        """List grants, newest first: those that you may see, and your own."""
        rows = access.grants_for(self.principal, self.organization)
        if self.query.get("team"):
            rows = rows.filter(team=self.team_named(self.query["team"]))
        if self.query.get("state"):
            live = rows.live(now())
            rows = live if self.query["state"] == "live" else rows.exclude(pk__in=live.values("pk"))
        return self.page(rows)

    def post(self, request: Request, **_url: str) -> Response:
        """Give a member or service account a role until a time."""
        body = self.body()
        team = team_in(self, body.pop("team")) if "team" in body else None
        role, custom_role = self.role(body.pop("role"), "team" if team else "organization")
        made = grants.give(
            actor=self.principal,
            organization=self.organization,
            holder=holder_in(self, body.pop("holder")),
            team=team,
            role=role,
            custom_role=custom_role,
            **body,
        )
        return self.one(made, location=self.url("grant", grant=made.wire_id))


class GrantView(OrganizationView):
    """One grant."""

    noun = "grants"
    representation = GrantShape
    permissions = {"GET": Permission.GRANT_READ, "DELETE": Permission.GRANT_MANAGE}
    partial = frozenset({"GET", "DELETE"})

    @cached_property
    def grant(self) -> Grant:
        """Return the grant of the URL if the principal may see it, or raise `Missing`."""
        return found(access.grants_for(self.principal, self.organization), self.kwargs["grant"])

    def get(self, request: Request, **_url: str) -> Response:
        """Show a grant."""
        return self.one(self.grant)

    def delete(self, request: Request, **_url: str) -> Response:
        """End a grant before its time."""
        grants.end(actor=self.principal, organization=self.organization, grant=self.grant)
        return Response(status=204)
