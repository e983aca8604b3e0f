"""API keys: make, rotate with an overlap, revoke, change."""

import datetime as dt
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from identity import key_format
from identity.actions import key_values
from identity.errors import KeyEnded
from identity.models import APIKey
from identity.models.api_key import APIKeyQuerySet
from identity.queries import KEY_PURPOSE
from kernel.clock import now
from kernel.crypto import tokens
from kernel.database.scope import across
from kernel.errors import Denied, Invalid, Missing
from kernel.events import Target, record
from kernel.jobs.models import Job
from kernel.principal import CredentialKind, Principal
from orgs import access
from orgs.actions import lapses, members
from orgs.errors import PolicyForbids
from orgs.models import Membership, Organization, ServiceAccount, User
from orgs.permissions import Permission, covers

AT_MOST_PER_OWNER = 50
"""How many living keys one person or service account may have."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key just made; `secret` is its whole text, to be shown once and never again."""

    key: APIKey
    secret: str = field(repr=False)


@transaction.atomic
def create(
    *,
    actor: Principal,
    organization: Organization | None,
    owner: User | ServiceAccount,
    name: str,
    scopes: Iterable[str] | None = None,
    expires_at: dt.datetime | None = None,
    allowed_networks: Iterable[str] = (),
    on_behalf_of: User | None = None,
    legacy: bool = False,
) -> IssuedKey:
    """Make a key for the acting person or for a service account.

    A personal key without an organization works in all of the person's. A credential
    never makes a key that may more than itself or lives longer, and nobody a service
    account's key that may more than they. Raises `Invalid`, `PolicyForbids`, and what
    `require_open` does.
    """
    _require_right(actor, organization, owner)
    if organization is not None:
        members.lock(organization)
        members.require_open(organization)
        _require_allowed_by_policy(actor, organization, owner)
        _lock_owner(organization, owner)
    elif isinstance(owner, User):
        members.lock_account(owner.pk)
    _require_secret_for(actor, owner)
    wanted, networks = key_values.scopes(scopes), key_values.networks(allowed_networks)
    _require_no_wider_than(actor, wanted)
    _require_within_own_networks(actor, networks)
    expires_at = _within_own_life(actor, key_values.expiry(expires_at))
    _require_room(owner)
    key = _issue(
        APIKey(
            organization=organization,
            user=owner if isinstance(owner, User) else None,
            service_account=owner if isinstance(owner, ServiceAccount) else None,
            name=key_values.name(name),
            scopes=wanted,
            expires_at=expires_at,
            allowed_networks=networks,
            on_behalf_of=_attributed_to(organization, owner, on_behalf_of),
            is_legacy=legacy,
            created_by=actor.label[:200],
        )
    )
    _record(
        "identity.api_key.created",
        actor,
        key.key,
        {
            "owner": str(owner),
            "scopes": wanted,
            "expires_at": key.key.expires_at and key.key.expires_at.isoformat(),
        },
    )
    return key


@transaction.atomic
def rotate(
    *,
    actor: Principal,
    organization: Organization | None,
    key: APIKey,
    overlap_seconds: int,
    expires_at: dt.datetime | None = None,
) -> IssuedKey:
    """Make a successor with the same rights; the old key works until the overlap ends.

    The successor lives as long as the old one was meant to live, unless `expires_at` is
    given; made through a key that expires, no longer than that key. A key that is rotating
    already is not rotated again: rotate its successor.
    """
    old = _locked(actor, organization, key)
    _require_secret_for(actor, old.owner)
    if old.replaced_by_id:
        raise KeyEnded("This key was rotated before. Rotate the key that replaced it.")
    _require_no_wider_than(actor, old.scopes)
    overlap = key_values.overlap(overlap_seconds)
    moment = now()
    is_as_before = expires_at is None
    if expires_at is None and old.expires_at is not None:
        expires_at = moment + (old.expires_at - old.created_at)
    expires_at = _within_own_life(actor, key_values.expiry(expires_at), cut=is_as_before)
    issued = _issue(
        APIKey(
            organization=old.organization,
            user=old.user,
            service_account=old.service_account,
            name=old.name,
            scopes=old.scopes,
            expires_at=expires_at,
            allowed_networks=old.allowed_networks,
            on_behalf_of=old.on_behalf_of,
            is_legacy=old.is_legacy,
            created_by=actor.label[:200],
        )
    )
    old.ends_at = key_values.end_of_overlap(old, moment + overlap)
    old.replaced_by = issued.key
    old.save_change("ends_at", "replaced_by")
    _record(
        "identity.api_key.rotated",
        actor,
        old,
        {"ends_at": old.ends_at.isoformat(), "replaced_by": issued.key.prefix},
    )
    return issued


@transaction.atomic
def change_overlap(
    *, actor: Principal, organization: Organization | None, key: APIKey, overlap_seconds: int
) -> APIKey:
    """Let a rotated key work for so many seconds from now; 0 stops it at once."""
    old = _locked(actor, organization, key)
    if old.ends_at is None:
        raise KeyEnded("This key is not being rotated.")
    before = old.ends_at
    old.ends_at = key_values.end_of_overlap(old, now() + key_values.overlap(overlap_seconds))
    old.save_change("ends_at")
    _record(
        "identity.api_key.overlap_changed",
        actor,
        old,
        {"ends_at": [before.isoformat(), old.ends_at.isoformat()]},
    )
    return old


@transaction.atomic
def revoke(
    *, actor: Principal, organization: Organization | None, key: APIKey, reason: str = ""
) -> APIKey:
    """End a key now; the very next request with it is refused. Revoking twice is fine."""
    row = _locked(actor, organization, key, ended_is_fine=True)
    if row.revoked_at:
        return row
    _mark_revoked(row, actor.label, reason)
    _record("identity.api_key.revoked", actor, row, {"reason": reason or None})
    return row


@transaction.atomic
def update(
    *,
    actor: Principal,
    organization: Organization | None,
    key: APIKey,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> APIKey:
    """Change name, expiry or allowed networks; what a key may do stays as it was made."""
    row = _locked(actor, organization, key)
    row.require_version(expected_version)
    cleaned: dict[str, Any] = {}
    for name, value in changes.items():
        match name:
            case "name":
                cleaned[name] = key_values.name(str(value))
            case "expires_at":
                cleaned[name] = key_values.expiry(value)
                if cleaned[name] != row.expires_at:
                    _within_own_life(actor, cleaned[name], cut=False)
            case "allowed_networks":
                cleaned[name] = key_values.networks(value)
                _require_within_own_networks(actor, cleaned[name])
            case _:
                raise Invalid.field(name, f"“{name}” cannot be changed.", code="unknown_field")
    different = {
        name: [getattr(row, name), value]
        for name, value in cleaned.items()
        if getattr(row, name) != value
    }
    if not different:
        return row
    for name, pair in different.items():
        setattr(row, name, pair[1])
    row.save_change(*different)
    _record("identity.api_key.updated", actor, row, different)
    return row


def end_all(rows: Iterable[APIKey], *, actor_label: str, reason: str) -> int:
    """Revoke keys because access ended (a reaction within that event's transaction).

    The event of the cause tells it; no event of its own for each key.
    """
    count = 0
    for row in rows:
        _mark_revoked(row, actor_label, reason)
        count += 1
    return count


def note_ended(_job: Job) -> None:
    """Write expiries and ended overlaps into the trail (job); keys died by themselves.

    Each owner's in a transaction of its own, which begins with the lock that whoever
    ends or changes these keys takes first: the organization's, or the account's.
    """
    lapsed = APIKey.objects.system_lapsed(now())
    lapses.note(
        lapsed=lapsed, each=lambda organization: _note_ended(APIKey.objects.of(organization))
    )
    personal = lapsed.filter(organization=None).order_by("user_id")
    for user_id in list(personal.values_list("user_id", flat=True).distinct()):
        with transaction.atomic():
            members.lock_account(user_id)
            _note_ended(APIKey.objects.of(None).filter(user_id=user_id))


def _note_ended(keys: APIKeyQuerySet) -> None:
    rows = keys.system_lapsed(now()).select_for_update(of=("self",))
    for row in list(rows.order_by("pk")[: lapses.AT_ONCE]):
        row.end_noted = True
        row.save(update_fields=["end_noted"])
        rotated_out = row.state == "rotated_out"
        _record(
            "identity.api_key.rotated_out" if rotated_out else "identity.api_key.expired",
            Principal.system("expiry"),
            row,
            {},
        )


def member_named(organization: Organization, username: str) -> User:
    """Return the active member with a username, to attribute work to; or raise `Invalid`."""
    rows = Membership.objects.of(organization).active().with_user()
    member = rows.filter(user__username__iexact=username).first()
    if member is None:
        raise _not_a_member()
    return member.user


def _not_a_member() -> Invalid:
    return Invalid.field("on_behalf_of", "This person is not an active member.", code="unknown")


def _issue(key: APIKey) -> IssuedKey:
    fresh = key_format.make(legacy=key.is_legacy)
    key.key_id, key.last_four = fresh.key_id, fresh.text[-4:]
    key.digest = tokens.digest(KEY_PURPOSE, fresh.text)
    key.save(force_insert=True)
    return IssuedKey(key, fresh.text)


def _mark_revoked(row: APIKey, label: str, reason: str) -> None:
    row.revoked_at, row.revoked_by, row.revoked_because = now(), label[:200], reason[:200]
    row.save_change("revoked_at", "revoked_by", "revoked_because")


def _locked(
    actor: Principal,
    organization: Organization | None,
    key: APIKey,
    *,
    ended_is_fine: bool = False,
) -> APIKey:
    """Lock the key after the right to it is shown; raise `Missing` outside that scope.

    The organization is locked first, as whoever ends a membership with its keys does; for
    a key without one the account, as whoever deletes it with its keys does.
    """
    if organization is not None:
        members.lock(organization)
    elif key.user_id is not None:
        members.lock_account(key.user_id)
    row = (
        APIKey.objects.of(organization)
        .filter(pk=key.pk)
        .select_for_update(of=("self",))
        .select_related("user", "service_account__team", "service_account__organization")
        .first()
    )
    if row is None:
        raise Missing
    _require_right(actor, organization, row.owner)
    if not ended_is_fine and not row.is_live:
        raise KeyEnded("This key has ended. Make a new one instead.")
    return row


def _require_right(
    actor: Principal, organization: Organization | None, owner: User | ServiceAccount
) -> None:
    """People manage their own keys; others' and machines' need a permission."""
    if actor.is_system:
        return
    if isinstance(owner, User) and actor.is_user and actor.id == owner.pk:
        if organization is not None:
            access.require(actor, Permission.ORGANIZATION_READ, organization)
        elif actor.organization_id is not None:
            raise Denied("A key of one organization cannot manage keys beyond it.")
        if actor.scopes is not None and not covers(actor.scopes, Permission.API_KEY_MANAGE):
            needed = Permission.API_KEY_MANAGE
            raise Denied(permission=needed, reason=f"This key's scopes do not include {needed}.")
        return
    if organization is None:
        raise Missing
    if isinstance(owner, ServiceAccount):
        access.require(actor, Permission.SERVICE_ACCOUNT_MANAGE, owner)
    else:
        access.require(actor, Permission.API_KEY_MANAGE, organization)


def _require_secret_for(actor: Principal, owner: User | ServiceAccount) -> None:
    """Let nobody have a new key of somebody else who may more: whoever holds it is them."""
    if isinstance(owner, ServiceAccount):
        access.require_as_much_as(actor, owner)
    elif not actor.is_system and actor.id != owner.pk:
        raise Denied("Only the person themselves can rotate their key. You can revoke it.")


def _require_allowed_by_policy(
    actor: Principal, organization: Organization, owner: User | ServiceAccount
) -> None:
    """Hold the policy on personal keys, and let nobody make keys in another's name."""
    if isinstance(owner, ServiceAccount):
        if owner.organization_id != organization.pk:
            raise Missing
        if owner.kind == ServiceAccount.Kind.EXTERNAL:
            raise PolicyForbids("An external service account proves itself by federation.")
        if owner.is_disabled:
            raise PolicyForbids("This service account is disabled. Enable it first.")
        return
    if not actor.is_system and actor.id != owner.pk:
        raise Denied("Only the person themselves can make their keys.")
    if not organization.allows_api_key_creation:
        raise PolicyForbids(
            f"{organization.name} does not allow personal API keys. Use a service account."
        )


def _lock_owner(organization: Organization, owner: User | ServiceAccount) -> None:
    """Hold the owner still, so that no key is made for somebody being removed just now."""
    if isinstance(owner, ServiceAccount):
        held = ServiceAccount.objects.of(organization).filter(pk=owner.pk)
        if held.select_for_update(of=("self",)).first() is None:
            raise Missing
        return
    member = Membership.objects.of(organization).active().filter(user=owner)
    if member.select_for_update(of=("self",)).first() is None:
        raise Denied("Only active members have keys here.")


def _require_no_wider_than(actor: Principal, scopes: list[str] | None) -> None:
    """Refuse to make, through a key with scopes, a key that may more."""
    if actor.scopes is None or "*" in actor.scopes:
        return
    if scopes is None or not set(scopes) <= actor.scopes:
        raise Denied(
            "A key with scopes can only make keys with some of the same scopes: "
            + ", ".join(sorted(actor.scopes))
        )


def _require_within_own_networks(actor: Principal, networks: list[str]) -> None:
    """Refuse to make or loosen, through a key bound to networks, one that works elsewhere."""
    acting = _acting_key(actor)
    if acting is None or not acting.allowed_networks:
        return
    if not networks or not all(_lies_in(text, acting.allowed_networks) for text in networks):
        raise Denied(
            "A key that is bound to networks can only make keys that are bound to them: "
            + ", ".join(acting.allowed_networks)
        )


def _within_own_life(
    actor: Principal, expires_at: dt.datetime | None, *, cut: bool | None = None
) -> dt.datetime | None:
    """Return the end of a key made or changed by the actor: never after the acting key's.

    Otherwise whoever got hold of a key that expires would make it live for ever. An end
    that was not asked for (`cut`; unless said, where none is given) is cut short, one that
    was asked for is refused.
    """
    acting = _acting_key(actor)
    if acting is None or acting.expires_at is None:
        return expires_at
    if expires_at is not None and expires_at <= acting.expires_at:
        return expires_at
    if cut if cut is not None else expires_at is None:
        return acting.expires_at
    raise Denied(
        "A key that expires cannot make or keep a key that lives longer: this one ends at "
        f"{acting.expires_at.isoformat(timespec='seconds')}. Sign in to the console, or use a "
        "key that does not expire."
    )


def _acting_key(actor: Principal) -> APIKey | None:
    """Return the key through which the actor acts, if it is a key."""
    if actor.credential.kind is not CredentialKind.API_KEY:
        return None
    with across("the acting key, which may be bound to no organization"):
        return APIKey.objects.system_with_key_id(actor.credential.id).first()


def _lies_in(text: str, bounds: Iterable[str]) -> bool:
    network = ipaddress.ip_network(text)
    return any(
        network.subnet_of(bound)  # type: ignore[arg-type] # of the same version by then
        for bound in map(ipaddress.ip_network, bounds)
        if bound.version == network.version
    )


def _require_room(owner: User | ServiceAccount) -> None:
    held = APIKey.objects.system_all().owned_by(owner.pk).live(now())
    with across("how many keys the owner has in all organizations together"):
        is_full = held[AT_MOST_PER_OWNER - 1 : AT_MOST_PER_OWNER].exists()
    if is_full:
        raise Invalid(f"There are {AT_MOST_PER_OWNER} living keys already. Revoke one first.")


def _attributed_to(
    organization: Organization | None, owner: User | ServiceAccount, user: User | None
) -> User | None:
    """Return the member whom a service account's work is attributed to."""
    if user is None:
        return None
    if organization is None or not isinstance(owner, ServiceAccount):
        raise Invalid.field("on_behalf_of", "Only service accounts work on behalf of somebody.")
    if not Membership.objects.of(organization).active().filter(user=user).exists():
        raise _not_a_member()
    return user


def _record(event: str, actor: Principal, key: APIKey, changes: dict[str, Any]) -> None:
    record(
        type=event,
        actor=actor,
        organization=key.organization_id,
        target=Target(kind="api_key", id=key.wire_id, label=str(key)),
        changes=changes,
    )
