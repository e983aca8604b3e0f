"""Service accounts: machines' identities. Their keys are `identity.api.keys`."""

from typing import Any

from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api.body import Body
from kernel.api.fields import Text, WireId
from orgs import access
from orgs.access import Resource
from orgs.actions import service_accounts
from orgs.api.fields import RoleField, TeamReferenceShape
from orgs.api.references import team_in
from orgs.doors.api import OrganizationView
from orgs.errors import NameTaken
from orgs.models import ServiceAccount
from orgs.permissions import Permission


class ServiceAccountShape(serializers.Serializer[ServiceAccount]):
    id = WireId("sa", source="pk")
    name = serializers.CharField()
    description = serializers.CharField()
    kind = serializers.ChoiceField(choices=ServiceAccount.Kind.choices)
    team = TeamReferenceShape(allow_null=True, help_text="null: the organization's own.")
    role = RoleField()
    role_name = serializers.CharField()
    is_disabled = serializers.BooleanField()
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    disabled_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class NewServiceAccountBody(Body):
    name = Text(max_length=64)
    team = Text(max_length=70, required=False, help_text="A team's id or name.")
    role = Text(max_length=40, default="member")
    description = Text(max_length=300, allow_blank=True, default="")


class ServiceAccountChangesBody(Body):
    name = Text(max_length=64)
    role = Text(max_length=40)
    description = Text(max_length=300, allow_blank=True)


class ServiceAccountFilters(serializers.Serializer[Any]):
    q = serializers.CharField(required=False, max_length=100, help_text="Part of a name.")
    team = serializers.CharField(required=False, max_length=70)
    state = serializers.ChoiceField(required=False, choices=["enabled", "disabled"])


class ServiceAccountsView(OrganizationView):
    """The service accounts of an organization."""

    noun = "service_accounts"
    is_list = True
    representation = ServiceAccountShape
    parameters = {"GET": ServiceAccountFilters}
    bodies = {"POST": NewServiceAccountBody}
    refusals = {"POST": (NameTaken,)}
    permissions = {
        "GET": Permission.SERVICE_ACCOUNT_READ,
        "POST": Permission.SERVICE_ACCOUNT_MANAGE,
    }
    partial = frozenset({"GET", "POST"})

    def get(self, request: Request, **_url: str) -> Response:
        """List the service accounts that you may see, newest first."""
        rows = access.service_accounts_for(self.principal, self.organization)
        if self.query.get("q"):
            rows = rows.filter(name__icontains=self.query["q"])
        if self.query.get("team"):
            rows = rows.filter(team=self.team_named(self.query["team"]))
        if self.query.get("state"):
            rows = rows.filter(disabled_at__isnull=self.query["state"] == "enabled")
        return self.page(rows)

    def post(self, request: Request, **_url: str) -> Response:
        """Create a service account, of a team or of the organization."""
        body = self.body()
        team = team_in(self, body.pop("team")) if "team" in body else None
        role, custom_role = self.role(body.pop("role"), "team" if team else "organization")
        made = service_accounts.create(
            actor=self.principal,
            organization=self.organization,
            team=team,
            role=role,
            custom_role=custom_role,
            **body,
        )
        return self.one(made, location=self.url("service-account", account=made.wire_id))


class ServiceAccountView(OrganizationView):
    """What the endpoints of one service account share."""

    noun = "service_accounts"
    representation = ServiceAccountShape

    @cached_property
    def account(self) -> ServiceAccount:
        """Return the service account of the URL, or raise `Missing`."""
        rows = ServiceAccount.objects.of(self.organization).select_related("team", "custom_role")
        account = rows.pick(self.kwargs["account"])
        account.organization = self.organization
        if account.team is not None:
            account.team.organization = self.organization
        return account

    def resource(self) -> Resource:
        """Return the service account."""
        return self.account


class ServiceAccountItemView(ServiceAccountView):
    """One service account."""

    bodies = {"PATCH": ServiceAccountChangesBody}
    refusals = {"PATCH": (NameTaken,)}
    permissions = {
        "GET": Permission.SERVICE_ACCOUNT_READ,
        "PATCH": Permission.SERVICE_ACCOUNT_MANAGE,
        "DELETE": Permission.SERVICE_ACCOUNT_MANAGE,
    }

    def get(self, request: Request, **_url: str) -> Response:
        """Show a service account."""
        return self.one(self.account)

    def patch(self, request: Request, **_url: str) -> Response:
        """Change a service account's name, description or role."""
        changes = self.body()
        if "role" in changes:
            scope = "team" if self.account.team_id else "organization"
            changes["role"], changes["custom_role"] = self.role(changes["role"], scope)
        changed = service_accounts.update(
            actor=self.principal,
            organization=self.organization,
            account=self.account,
            changes=changes,
            expected_version=self.expected_version(),
        )
        return self.one(changed)

    def delete(self, request: Request, **_url: str) -> Response:
        """Delete a service account; its keys end at once."""
        service_accounts.delete(
            actor=self.principal, organization=self.organization, account=self.account
        )
        return Response(status=204)


class DisableView(ServiceAccountView):
    """The end of a machine's work, for now."""

    verbs = {"POST": "disable"}
    permissions = {"POST": Permission.SERVICE_ACCOUNT_MANAGE}

    def post(self, request: Request, **_url: str) -> Response:
        """Disable a service account: its keys are refused from now on."""
        return self.one(
            service_accounts.disable(
                actor=self.principal, organization=self.organization, account=self.account
            )
        )


class EnableView(ServiceAccountView):
    """The return of a disabled machine."""

    verbs = {"POST": "enable"}
    permissions = {"POST": Permission.SERVICE_ACCOUNT_MANAGE}

    def post(self, request: Request, **_url: str) -> Response:
        """Enable a service account: its keys are accepted again."""
        return self.one(
            service_accounts.enable(
                actor=self.principal, organization=self.organization, account=self.account
            )
        )
