"""Connections of identity providers: connect, make tokens, disconnect, map groups."""

import re

from django.db import transaction

from identity.actions import api_keys, directory
from identity.actions.api_keys import IssuedKey
from identity.models import ProvisioningConnection, SCIMGroup, VerifiedDomain
from kernel.errors import Conflict, Denied, Invalid, Missing
from kernel.events import Target, record
from kernel.principal import Principal
from orgs import access
from orgs.actions import members, names, provisioned_teams, service_accounts
from orgs.models import Organization, Role, ServiceAccount
from orgs.permissions import Permission

_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9]")


@transaction.atomic
def connect(
    *, actor: Principal, organization: Organization, name: str, provider: str = "other"
) -> ProvisioningConnection:
    """Connect an identity provider: it acts as a service account that may what an admin may.

    Opens the organization's directory. Raises `Invalid` (also for a name that another has),
    `NameTaken` by a service account, and `Denied` for whoever may less than the connection would.
    """
    access.require(actor, Permission.SERVICE_ACCOUNT_MANAGE, organization)
    if provider not in ProvisioningConnection.Provider.values:
        known = ", ".join(ProvisioningConnection.Provider.values)
        raise Invalid.field("provider", f"Choose one of {known}.", code="choice")
    name = names.one_line(name, "name", longest=40, shortest=1)
    members.lock(organization)
    members.require_open(organization)
    if ProvisioningConnection.objects.of(organization).filter(name__iexact=name).exists():
        raise Invalid.field("name", f"There is a connection “{name}” already.", code="taken")
    account = service_accounts.create(
        actor=actor,
        organization=organization,
        name=_account_name(name),
        role="admin",
        description=f"Provisioning by {name} over SCIM",
        kind=ServiceAccount.Kind.SCIM,
    )
    connection = ProvisioningConnection.objects.create(
        organization=organization,
        service_account=account,
        name=name,
        provider=provider,
        created_by=actor.label[:200],
    )
    directory.opened(organization)
    _record("identity.provisioning.connected", actor, connection, {"provider": provider})
    return connection


@transaction.atomic
def issue_token(
    *,
    actor: Principal,
    organization: Organization,
    connection: ProvisioningConnection,
    name: str = "token",
) -> IssuedKey:
    """Make a token for a connection; several may live side by side.

    It is a key of the connection's account: rotated, revoked and listed like any other.
    """
    account = (
        ServiceAccount.objects.of(organization)
        .select_related("organization", "team")
        .filter(pk=connection.service_account_id)
        .first()
    )
    if account is None:
        raise Missing
    return api_keys.create(actor=actor, organization=organization, owner=account, name=name)


@transaction.atomic
def disconnect(
    *, actor: Principal, organization: Organization, connection: ProvisioningConnection
) -> None:
    """End a connection with its tokens; the people stay, and are the organization's to manage."""
    account = ServiceAccount.objects.of(organization).get(pk=connection.service_account_id)
    access.require(actor, Permission.SERVICE_ACCOUNT_MANAGE, account)
    members.lock(organization)
    _record("identity.provisioning.disconnected", actor, connection, {})
    service_accounts.delete(actor=actor, organization=organization, account=account)


@transaction.atomic
def map_group(
    *,
    actor: Principal,
    organization: Organization,
    group: SCIMGroup,
    role: str,
    custom_role: Role | None = None,
) -> SCIMGroup:
    """Say which team role a group's people have: those who are in and those who come."""
    members.lock(organization)
    row = (
        SCIMGroup.objects.of(organization)
        .select_for_update(of=("self",))
        .select_related("team__organization", "custom_role")
        .filter(pk=group.pk)
        .first()
    )
    if row is None:
        raise Missing
    access.require(actor, Permission.TEAM_MEMBER_MANAGE, row.team)
    provisioned_teams.set_role(
        actor=actor, organization=organization, team=row.team, role=role, custom_role=custom_role
    )
    directory.note_team_changed(organization.pk, row.team_id)
    before = row.custom_role.name if row.custom_role else row.role
    after = custom_role.name if custom_role else role
    if before == after:
        return row
    # What is left where the custom role is deleted: never more than that held.
    row.role, row.custom_role = provisioned_teams.promised_role(role, custom_role), custom_role
    row.save_change("role", "custom_role")
    record(
        type="identity.provisioning.group_mapped",
        actor=actor,
        organization=organization,
        target=Target.of(row),
        changes={"role": [before, after]},
    )
    return row


@transaction.atomic
def vouch_for_domain(
    *, actor: Principal, organization: Organization, domain: str
) -> VerifiedDomain:
    """Note a mail domain as the organization's, on the operator's word.

    People with a proved address there are linked by provisioning without being asked.
    """
    if not actor.is_system:
        raise Denied("A domain is vouched for by the operator of this installation.")
    domain = domain.strip().lower().rstrip(".")
    if not _DOMAIN.fullmatch(domain):
        raise Invalid.field("domain", f"“{domain}” is not a mail domain.", code="domain")
    # What is another organization's is out of sight where one organization's rows are shown.
    before = VerifiedDomain.objects.system_all().filter(domain=domain).first()
    if before is not None:
        if before.organization_id != organization.pk:
            raise Conflict(f"{domain} belongs to another organization of this installation.")
        return before
    row = VerifiedDomain.objects.create(
        organization=organization, domain=domain, verified_by=actor.label[:200]
    )
    record(
        type="identity.domain.verified",
        actor=actor,
        organization=organization,
        target=Target(kind="domain", id=domain, label=domain),
        changes={},
    )
    return row


def _account_name(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "provider"
    return f"scim-{plain}"


def _record(
    event: str, actor: Principal, connection: ProvisioningConnection, changes: dict[str, object]
) -> None:
    record(
        type=event,
        actor=actor,
        organization=connection.organization_id,
        target=Target(
            kind="provisioning_connection", id=connection.wire_id, label=connection.name
        ),
        changes=changes,
    )
