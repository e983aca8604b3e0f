"""Service accounts: machines' identities, tied to one team or to the organization."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from kernel.clock import now
from kernel.errors import Invalid, Missing
from kernel.events import Target, record
from kernel.principal import Principal
from orgs import access
from orgs.actions import endings, given_roles, members, names, teams
from orgs.errors import NameTaken
from orgs.models import Organization, Role, ServiceAccount, Team
from orgs.permissions import Permission

EDITABLE = ("name", "description", "role", "custom_role")


@transaction.atomic
def create(
    *,
    actor: Principal,
    organization: Organization,
    name: str,
    team: Team | None = None,
    role: str = "member",
    custom_role: Role | None = None,
    description: str = "",
    kind: str = ServiceAccount.Kind.BUILT_IN,
) -> ServiceAccount:
    """Create a service account; it takes no seat and outlives its maker.

    Without a team it is the organization's, which needs the permission there. It never
    holds more than its maker. Raises `Invalid`, `NameTaken`.
    """
    access.require(actor, Permission.SERVICE_ACCOUNT_MANAGE, team or organization)
    members.lock(organization)
    account = ServiceAccount(
        organization=organization,
        team=None if team is None else teams.lock(organization, team),
        description=names.one_line(description, "description", longest=300),
        kind=kind,
        created_by=actor.label[:200],
    )
    _set_name(account, name)
    _set_role(actor, account, role, custom_role)
    _save(account, new=True)
    _record(
        "orgs.service_account.created",
        actor,
        account,
        {
            "name": [None, account.name],
            "team": account.team.name if account.team else None,
            "role": [None, account.role_name],
        },
    )
    return account


@transaction.atomic
def update(
    *,
    actor: Principal,
    organization: Organization,
    account: ServiceAccount,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> ServiceAccount:
    """Change the name, description or role.

    Open invitations of an account that then holds less are revoked.
    """
    account = _locked(actor, organization, account)
    account.require_version(expected_version)
    before, held = _content(account), _held(account)
    for field, value in changes.items():
        if field == "name":
            _set_name(account, value)
        elif field == "description":
            account.description = names.one_line(str(value), "description", longest=300)
        elif field not in EDITABLE:
            raise Invalid.field(field, f"“{field}” cannot be changed.", code="unknown_field")
    if "role" in changes or "custom_role" in changes:
        _set_role(
            actor, account, changes.get("role", account.role), changes.get("custom_role")
        )
    after = _content(account)
    different = {key: [before[key], after[key]] for key in after if before[key] != after[key]}
    if not different:
        return account
    _save(account, new=False)
    if not held <= _held(account):
        endings.revoke_invitations_by(
            actor=actor,
            organization=organization,
            inviter_id=str(account.pk),
            because="the inviter's role holds less now",
        )
    _record("orgs.service_account.updated", actor, account, different)
    return account


@transaction.atomic
def disable(
    *, actor: Principal, organization: Organization, account: ServiceAccount
) -> ServiceAccount:
    """Refuse the account's keys from now on, without deleting them."""
    account = _locked(actor, organization, account)
    if account.is_disabled:
        return account
    account.disabled_at = now()
    account.save_change("disabled_at")
    _record("orgs.service_account.disabled", actor, account, {"disabled": [False, True]})
    return account


@transaction.atomic
def enable(
    *, actor: Principal, organization: Organization, account: ServiceAccount
) -> ServiceAccount:
    """Accept the account's keys again."""
    account = _locked(actor, organization, account)
    if not account.is_disabled:
        return account
    account.disabled_at = None
    account.save_change("disabled_at")
    _record("orgs.service_account.enabled", actor, account, {"disabled": [True, False]})
    return account


@transaction.atomic
def delete(*, actor: Principal, organization: Organization, account: ServiceAccount) -> None:
    """Delete the account; its keys end in the same transaction."""
    account = _locked(actor, organization, account)
    endings.revoke_invitations_by(
        actor=actor, organization=organization, inviter_id=str(account.pk)
    )
    _record("orgs.service_account.deleted", actor, account, {"name": [account.name, None]})
    account.delete()


def _locked(
    actor: Principal, organization: Organization, account: ServiceAccount
) -> ServiceAccount:
    members.lock(organization)
    row = (
        ServiceAccount.objects.of(organization)
        .select_for_update(of=("self",))
        .filter(pk=account.pk)
        .select_related("organization", "team", "custom_role")
        .first()
    )
    if row is None:
        raise Missing
    access.require(actor, Permission.SERVICE_ACCOUNT_MANAGE, row)
    return row


def _set_name(account: ServiceAccount, name: str) -> None:
    account.name = names.validate(str(name))
    account.name_key = account.name.casefold()


def _set_role(
    actor: Principal, account: ServiceAccount, role: str, custom_role: Role | None
) -> None:
    account.role, account.custom_role = given_roles.checked(
        actor=actor,
        resource=account.team or account.organization,
        role=role,
        custom_role=custom_role,
    )


def _save(account: ServiceAccount, *, new: bool) -> None:
    try:
        with transaction.atomic():
            if new:
                account.save(force_insert=True)
            else:
                account.save_change("name", "name_key", "description", "role", "custom_role")
    except IntegrityError:
        raise NameTaken(f"There is a service account “{account.name}” here already.") from None


def _held(account: ServiceAccount) -> frozenset[str]:
    scope = "team" if account.team_id else "organization"
    return access.role_permissions(account.role, account.custom_role, scope)


def _content(account: ServiceAccount) -> dict[str, Any]:
    return {
        "name": account.name,
        "description": account.description,
        "role": account.role_name,
    }


def _record(event: str, actor: Principal, account: ServiceAccount, changes: dict[str, Any]) -> None:
    record(
        type=event,
        actor=actor,
        organization=account.organization_id,
        target=Target.of(account),
        changes=changes,
    )
