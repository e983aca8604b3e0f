"""Provisioning over REST: connections of identity providers, their tokens, the log, groups.

SCIM itself is under /scim/v2 (docs/scim.md); this is what an admin does about it.
"""

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from identity.actions import provisioning
from identity.api.keys import IssuedKeyShape, KeyShape, issued_answer
from identity.models import ProvisioningConnection, ProvisioningEntry, SCIMGroup
from identity.queries import keys_of
from kernel.api.body import Body
from kernel.api.fields import Named, Text, WireId
from orgs.doors.api import OrganizationView
from orgs.errors import NameTaken
from orgs.models import Role, ServiceAccount
from orgs.permissions import Permission

_FIRST_ERROR = 400


class ConnectionShape(serializers.Serializer[Any]):
    """An identity provider that keeps the organization's people over SCIM."""

    id = WireId(ProvisioningConnection.wire_prefix, source="pk")
    name = Named("Okta")
    provider = serializers.ChoiceField(choices=ProvisioningConnection.Provider.choices)
    service_account = WireId(
        ServiceAccount.wire_prefix,
        source="service_account_id",
        help_text="As which it acts; its keys are the connection's tokens.",
    )
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    version = serializers.IntegerField()


class NewConnectionBody(Body):
    """An identity provider to connect."""

    name = Named("Okta", max_length=40)
    provider = serializers.ChoiceField(
        choices=ProvisioningConnection.Provider.choices, default="other"
    )


class NewTokenBody(Body):
    """A token to make for a connection."""

    name = Named("Okta production", max_length=80)


class EntryShape(serializers.Serializer[Any]):
    """One request over SCIM, without its bodies."""

    id = WireId(ProvisioningEntry.wire_prefix, source="pk")
    at = serializers.DateTimeField()
    connection = WireId(
        ProvisioningConnection.wire_prefix, source="connection_id", allow_null=True
    )
    caller = serializers.CharField()
    method = serializers.CharField()
    path = serializers.CharField()
    query = serializers.CharField()
    action = serializers.CharField()
    resource_type = serializers.CharField()
    resource_id = serializers.CharField()
    resource_name = serializers.CharField()
    status = serializers.IntegerField()
    scim_type = serializers.CharField()
    detail = serializers.CharField()
    milliseconds = serializers.IntegerField()
    ip = serializers.CharField()
    user_agent = serializers.CharField()
    request_id = serializers.CharField()


class WholeEntryShape(EntryShape):
    """One request over SCIM, with its bodies (secrets left out) and what it changed."""

    changes = serializers.JSONField(help_text="Attribute → before and after.")
    request_body = serializers.CharField()
    response_body = serializers.CharField()


class EntryFilters(serializers.Serializer[Any]):
    """Which requests to list."""

    outcome = serializers.ChoiceField(["failed", "succeeded"], required=False)
    resource_id = serializers.CharField(required=False, max_length=64)
    q = serializers.CharField(
        required=False, max_length=100, help_text="In the resource's name, or the refusal."
    )


class GroupShape(serializers.Serializer[Any]):
    """A group as SCIM knows it, and the team role that its people have."""

    id = WireId(SCIMGroup.wire_prefix, source="pk")
    display_name = serializers.CharField()
    external_id = serializers.CharField()
    team = WireId("team", source="team_id")
    is_managed = serializers.BooleanField()
    role = serializers.CharField()
    custom_role = WireId(Role.wire_prefix, source="custom_role_id", allow_null=True)
    version = serializers.IntegerField()


class GroupRoleBody(Body):
    """The team role of a group's people: a built-in one, or `role_…`."""

    role = Text(max_length=64)


class ConnectionsView(OrganizationView):
    """The identity providers that are connected."""

    noun = "provisioning_connections"
    is_list = True
    permissions = {
        "GET": Permission.SERVICE_ACCOUNT_READ,
        "POST": Permission.SERVICE_ACCOUNT_MANAGE,
    }
    bodies = {"POST": NewConnectionBody}
    refusals = {"POST": (NameTaken,)}
    representation = ConnectionShape

    def get(self, request: Request, **_path: str) -> Response:
        """List connections, newest first."""
        return self.page(ProvisioningConnection.objects.of(self.organization))

    def post(self, request: Request, **_path: str) -> Response:
        """Connect an identity provider; then make a token for it."""
        made = provisioning.connect(
            actor=self.principal, organization=self.organization, **self.body()
        )
        return self.one(
            made,
            location=f"{request.path.rstrip('/')}/{made.wire_id}",
        )


class OneConnectionView(OrganizationView):
    """What the endpoints on one connection share."""

    def connection(self) -> ProvisioningConnection:
        """Return the connection of the URL, or raise `Missing`."""
        rows = ProvisioningConnection.objects.of(self.organization)
        return rows.pick(self.kwargs["connection"])


class ConnectionView(OneConnectionView):
    """One connection."""

    noun = "provisioning_connections"
    verbs = {"DELETE": "disconnect"}
    permissions = {
        "GET": Permission.SERVICE_ACCOUNT_READ,
        "DELETE": Permission.SERVICE_ACCOUNT_MANAGE,
    }
    representation = ConnectionShape

    def get(self, request: Request, **_path: str) -> Response:
        """Tell about a connection."""
        return self.one(self.connection())

    def delete(self, request: Request, **_path: str) -> Response:
        """Disconnect: its tokens end at once; people and teams stay, and can be changed here."""
        provisioning.disconnect(
            actor=self.principal, organization=self.organization, connection=self.connection()
        )
        return Response(status=204)


class ConnectionTokensView(OneConnectionView):
    """The tokens of a connection; they are rotated and revoked like any API key."""

    noun = "provisioning_tokens"
    is_list = True
    permissions = {
        "GET": Permission.SERVICE_ACCOUNT_READ,
        "POST": Permission.SERVICE_ACCOUNT_MANAGE,
    }
    bodies = {"POST": NewTokenBody}
    representation = KeyShape
    representations = {"POST": IssuedKeyShape}

    def get(self, request: Request, **_path: str) -> Response:
        """List the tokens, newest first."""
        account = self.connection().service_account_id
        return self.page(keys_of(self.organization, owner_id=account))

    def post(self, request: Request, **_path: str) -> Response:
        """Make a token; it is shown in this one answer."""
        issued = provisioning.issue_token(
            actor=self.principal,
            organization=self.organization,
            connection=self.connection(),
            **self.body(),
        )
        return issued_answer(self, issued)


class EntriesView(OrganizationView):
    """The provisioning log: each request over SCIM of the last 30 days."""

    noun = "provisioning_log"
    is_list = True
    permissions = {"GET": Permission.MEMBER_UPDATE}
    parameters = {"GET": EntryFilters}
    representation = EntryShape

    def get(self, request: Request, **_path: str) -> Response:
        """List requests, newest first; a few seconds old at most."""
        rows = ProvisioningEntry.objects.of(self.organization)
        return self.page(_filtered(rows, self.query))


class EntryView(OrganizationView):
    """One request of the log."""

    noun = "provisioning_log"
    permissions = {"GET": Permission.MEMBER_UPDATE}
    representation = WholeEntryShape

    def get(self, request: Request, **_path: str) -> Response:
        """Tell about a request, with its bodies."""
        rows = ProvisioningEntry.objects.of(self.organization)
        return self.one(rows.pick(self.kwargs["entry"]))


class ProvisionedGroupsView(OrganizationView):
    """The groups that SCIM knows."""

    noun = "provisioned_groups"
    is_list = True
    permissions = {"GET": Permission.TEAM_MEMBER_MANAGE}
    representation = GroupShape

    def get(self, request: Request, **_path: str) -> Response:
        """List groups with the team role that their people have."""
        return self.page(SCIMGroup.objects.of(self.organization))


class ProvisionedGroupView(OrganizationView):
    """One group that SCIM knows."""

    noun = "provisioned_groups"
    permissions = {
        "GET": Permission.TEAM_MEMBER_MANAGE,
        "PUT": Permission.TEAM_MEMBER_MANAGE,
    }
    verbs = {"PUT": "set_role"}
    bodies = {"PUT": GroupRoleBody}
    representation = GroupShape

    def get(self, request: Request, **_path: str) -> Response:
        """Tell about a group."""
        return self.one(self._group())

    def put(self, request: Request, **_path: str) -> Response:
        """Give everybody in the group a team role, and whoever comes."""
        role, custom_role = self.role(self.body()["role"], Role.Scope.TEAM)
        return self.one(
            provisioning.map_group(
                actor=self.principal,
                organization=self.organization,
                group=self._group(),
                role=role,
                custom_role=custom_role,
            )
        )

    def _group(self) -> SCIMGroup:
        return SCIMGroup.objects.of(self.organization).pick(self.kwargs["group"])


def _filtered(rows: "QuerySet[ProvisioningEntry]", query: Any) -> "QuerySet[ProvisioningEntry]":
    if query.get("outcome") == "failed":
        rows = rows.filter(status__gte=_FIRST_ERROR)
    elif query.get("outcome") == "succeeded":
        rows = rows.filter(status__lt=_FIRST_ERROR)
    if query.get("resource_id"):
        rows = rows.filter(resource_id=query["resource_id"])
    if query.get("q"):
        text = query["q"].replace("\x00", "")
        rows = rows.filter(Q(resource_name__icontains=text) | Q(detail__icontains=text))
    return rows
