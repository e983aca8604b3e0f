"""All keys of an organization, and the acts on one of them."""

from django.http import HttpRequest, HttpResponse

from identity.console.key_acts import (
    EditKey,
    ExtendKey,
    KeyAct,
    RevokeKey,
    RotateKey,
    StopKey,
    address,
    row_of,
)
from identity.models import APIKey, ProvisioningConnection
from identity.queries import keys_of
from kernel.pagination import Order, paginate
from orgs import access
from orgs.doors.console import OrganizationPage
from orgs.models import ServiceAccount
from orgs.permissions import Permission

STATES = (("live", "Working"), ("ended", "Ended"))


class Keys(OrganizationPage):
    """Every key that reaches into the organization by name: people's and machines'."""

    permission = Permission.API_KEY_READ
    section = "keys"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        state, q = self.query("state"), self.query("q")
        if state not in dict(STATES):
            state = ""
        found = keys_of(self.organization, state=state, q=q).select_related("replaced_by")
        page = paginate(found, order=Order("id", descending=True), cursor=request.GET.get("cursor"))
        base = address("keys", self.organization.slug)
        rows = [
            row_of(
                key,
                base=base,
                may_change=self._may_change(key),
                may_rotate=self._may_rotate(key),
            )
            for key in page.rows
        ]
        return self.render(
            "identity/keys.html", keys=page, rows=rows, state=state, states=STATES, q=q
        )

    def _may_change(self, key: APIKey) -> bool:
        """Whether to offer changes; the actions decide."""
        if key.user_id is not None:
            return key.user_id == self.principal.id or Permission.API_KEY_MANAGE in self.held
        return Permission.SERVICE_ACCOUNT_MANAGE in self.held

    def _may_rotate(self, key: APIKey) -> bool:
        """Whether to offer a successor: of a person's key only to that person."""
        return self._may_change(key) and (
            key.service_account_id is not None or key.user_id == self.principal.id
        )


class OrganizationKey(OrganizationPage, KeyAct):
    """A page about one key of the organization."""

    section = "service_accounts"

    def enter(self) -> None:
        """Find the key; only those who may see it learn that it is there."""
        super().enter()
        self.key = APIKey.objects.of(self.organization).with_owner().pick(self.kwargs["key"])
        self.key_organization = self.organization
        account = self.key.service_account
        if account is not None:
            account.organization = self.organization
            access.require(self.principal, Permission.SERVICE_ACCOUNT_READ, account)
            self.back = self._home_of(account)
        else:
            if self.key.user_id != self.principal.id:
                access.require(self.principal, Permission.API_KEY_READ, self.organization)
            self.back = address("keys", self.organization.slug)

    def _home_of(self, account: ServiceAccount) -> str:
        """Return the address of a machine, or of the connection whose token the key is."""
        slug = self.organization.slug
        if account.kind == ServiceAccount.Kind.SCIM:
            connections = ProvisioningConnection.objects.of(self.organization)
            connection = connections.get(service_account=account)
            return address("provisioning_connection", slug, connection.wire_id)
        return address("service_account", slug, account.wire_id)


class Edit(OrganizationKey, EditKey):
    pass


class Rotate(OrganizationKey, RotateKey):
    pass


class Extend(OrganizationKey, ExtendKey):
    pass


class Stop(OrganizationKey, StopKey):
    pass


class Revoke(OrganizationKey, RevokeKey):
    pass
