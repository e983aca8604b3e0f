"""Service accounts: machines' identities, tied to one team or to the organization."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from kernel.clock import now
from kernel.errors import Invalid, Missing
from kernel.events import Target, record
from kernel.principal import Principal
from orgs import access
from orgs.actions import names
from orgs.errors import NameTaken
from orgs.models import Organization, Role, ServiceAccount, Team
from orgs.permissions import ORGANIZATION_ROLES, TEAM_ROLES, Permission

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
) -> ServiceAccount:
    """Create a built-in service account; it takes no seat and outlives its maker.

    Without a team it is the organization's, which needs the permission there. It never
    holds more than its maker. Raises `Invalid`, `NameTaken`.
    """
    access.require(actor, Permission.SERVICE_ACCOUNT_MANAGE, team or organization)
    account = ServiceAccount(
        organization=organization,
        team=team,
        description=description.strip()[:300],
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
            "team": team.name if team else None,
            "role": [None, _role_name(account)],
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
    """Change the name, description or role."""
    account = _locked(actor, organization, account)
    account.require_version(expected_version)
    before = _content(account)
    for field, value in changes.items():
        if field == "name":
            _set_name(account, value)
        elif field == "description":
            account.description = str(value).strip()[:300]
        elif field not in EDITABLE:
            raise Invalid.field(field, f"“{field}” cannot be changed.", code="unknown_field")
    if "role" in changes or "custom_role" in changes:
        role = changes.get("role", account.role)
        _set_role(actor, account, role, changes.get("custom_role"))
    after = _content(account)
    different = {key: [before[key], after[key]] for key in after if before[key] != after[key]}
    if not different:
        return account
    _save(account, new=False)
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
    _record(
        "orgs.service_account.deleted", actor, account, {"name": [account.name, None]}
    )
    account.delete()


def _locked(
    actor: Principal, organization: Organization, account: ServiceAccount
) -> ServiceAccount:
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
    known = TEAM_ROLES if account.team else ORGANIZATION_ROLES
    scope = "team" if account.team else "organization"
    if role not in known or role == "owner":
        choices = ", ".join(sorted(set(known) - {"owner"}))
        raise Invalid.field("role", f"Choose one of {choices}.", code="choice")
    if custom_role is not None and custom_role.scope != scope:
        raise Invalid.field("role", f"“{custom_role.name}” is not a role of this scope.")
    held = access.role_permissions(role, custom_role, scope)
    access.require_all(actor, held, account.team or account.organization)
    account.role, account.custom_role = role, custom_role


def _save(account: ServiceAccount, *, new: bool) -> None:
    try:
        with transaction.atomic():
            if new:
                account.save(force_insert=True)
            else:
                account.save_change("name", "name_key", "description", "role", "custom_role")
    except IntegrityError:
        raise NameTaken(f"There is a service account “{account.name}” here already.") from None


def _role_name(account: ServiceAccount) -> str:
    return account.custom_role.name if account.custom_role else account.role


def _content(account: ServiceAccount) -> dict[str, Any]:
    return {
        "name": account.name,
        "description": account.description,
        "role": _role_name(account),
    }


def _record(event: str, actor: Principal, account: ServiceAccount, changes: dict[str, Any]) -> None:
    record(
        type=event,
        actor=actor,
        organization=account.organization_id,
        target=Target.of(account),
        changes=changes,
    )
