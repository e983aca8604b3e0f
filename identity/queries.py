"""Reads of the keys' room: who stands behind a key, whose keys there are."""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from identity import key_format
from identity.errors import KeyRefused
from identity.models import APIKey
from identity.models.api_key import APIKeyQuerySet
from kernel.addresses import is_within
from kernel.clock import now
from kernel.crypto import tokens
from kernel.database.scope import across
from kernel.errors import Missing
from kernel.prepared import Prepared
from kernel.principal import Credential, CredentialKind, Origin, Principal, PrincipalKind
from orgs import access
from orgs.models import Membership, Organization, ServiceAccount, Team, User
from orgs.models.membership import MembershipQuerySet

KEY_PURPOSE = "api_key"
AT_MOST_PLACES = 200
"""How many organizations one answer names."""

_REFUSED = {
    "revoked": ("key_revoked", "This key was revoked. Make a new one."),
    "expired": ("key_expired", "This key has expired. Make a new one."),
    "rotated_out": ("key_rotated_out", "This key was rotated out. Use the key that replaced it."),
}


@dataclass(frozen=True, slots=True)
class Place:
    """An organization in which a principal works, and as what."""

    organization: Organization
    role_name: str
    seat: str


@dataclass(frozen=True, slots=True)
class Whoami:
    """A key's principal, told to itself."""

    kind: str
    id: str
    name: str
    display_name: str
    email: str | None
    team: str | None
    on_behalf_of: str | None
    credential: APIKey
    organizations: list[Place]
    version: int


@dataclass(frozen=True, slots=True)
class Recognised:
    """A key that was accepted, and who acts through it.

    Of a provisioning token its place in the organization is read along.
    """

    key: APIKey
    principal: Principal
    standing: access.Standing | None = None


def recognise(text: str, origin: Origin, *, provisions: bool = False) -> Recognised:
    """Return who a key proves, in one query; raise `KeyRefused` otherwise.

    A provisioning token is good for provisioning alone, which the caller says it is; the key's
    organization, its directory and what the account may are read along then.

    Whether the owner may still work is derived from the membership, the account and the
    organization as they are now: a key that somebody forgot to revoke is refused too.
    """
    moment = now()
    if provisions:
        key = _find(text, lambda digest: _PROVISIONING.first(digest, moment))
    else:
        key = _find(text, _BY_DIGEST.first)
    if key is None:
        raise KeyRefused("key_unknown", "This is not a key of this installation.")
    refused = _REFUSED.get(key.state)
    if refused:
        raise KeyRefused(*refused, key)
    if not key.owner_is_fit:  # type: ignore[attr-defined] # annotated in `_with_digest`
        raise KeyRefused("principal_inactive", "Whom this key belongs to may not work now.", key)
    account = key.service_account
    if account is not None and account.kind == ServiceAccount.Kind.SCIM and not provisions:
        raise KeyRefused(
            "provisioning_token_only", "This is a provisioning token: it works under /scim only."
        )
    if key.allowed_networks and not is_within(origin.ip, key.allowed_networks):
        raise KeyRefused("address_not_allowed", "This key may not be used from here.", key)
    standing = None
    if provisions and account is not None and key.organization is not None:
        standing = access.standing_as_read(key, key.organization, moment)
    return Recognised(key, _principal(key, origin), standing)


def _with_digest(digest: str) -> APIKeyQuerySet:
    works_there = Exists(
        Membership.objects.system_all().active().filter(
            user_id=OuterRef("user_id"), organization_id=OuterRef("organization_id")
        )
    )
    # A key of an organization that is being deleted is dead, whoever it belongs to.
    organization_stays = Q(organization__isnull=True) | Q(
        organization__deletion_requested_at__isnull=True
    )
    person_works = Q(user__is_active=True) & (Q(organization__isnull=True) | Q(works_there))
    machine_works = Q(service_account__isnull=False, service_account__disabled_at__isnull=True)
    return (
        APIKey.objects.system_with_digest([digest])
        .select_related("user", "service_account", "on_behalf_of")
        .annotate(owner_is_fit=organization_stays & (person_works | machine_works))
    )


_OF_KEY = (
    "key_id", "organization", "user__username", "service_account", "on_behalf_of__username",
    "digest", "scopes", "allowed_networks", "revoked_at", "expires_at", "ends_at",
)  # fmt: skip
_OF_ACCOUNT = (
    "organization", "team", "name", "kind", "role", "disabled_at",
    *(f"custom_role__{name}" for name in ("name", "inherits", "added", "removed")),
)  # fmt: skip
_OF_ORGANIZATION = (
    "slug", "name", "owner_count", "seat_policy", "allows_api_key_creation",
    "deletion_requested_at",
)  # fmt: skip
_OF_DIRECTORY = ("users", "groups", "names_mark")


def _with_place(digest: str, moment: dt.datetime) -> APIKeyQuerySet:
    """Read along what provisioning asks next: the directory, and what the account may.

    Each of its requests begins with this, so of every row only what is looked at there. What
    else is asked of the organization is read when it is.
    """
    return (
        _with_digest(digest)
        .select_related("organization__directory", "service_account__custom_role")
        .only(
            *_OF_KEY,
            *(f"service_account__{name}" for name in _OF_ACCOUNT),
            *(f"organization__{name}" for name in _OF_ORGANIZATION),
            *(f"organization__directory__{name}" for name in _OF_DIRECTORY),
        )
        .annotate(**access.extras_of_account(moment))
    )


_BY_DIGEST = Prepared(_with_digest, str)
_PROVISIONING = Prepared(_with_place, str, dt.datetime)


def _find(text: str, by_digest: Callable[[str], APIKey | None]) -> APIKey | None:
    """Look a key up under each pepper, the current one first."""
    if not key_format.is_well_formed(text):
        return None
    with across("whose key this is"):
        for digest in tokens.digests(KEY_PURPOSE, text):
            key = by_digest(digest)
            if key is not None and tokens.equal(key.digest, digest):
                return key
    return None


def _principal(key: APIKey, origin: Origin) -> Principal:
    owner = key.owner
    return Principal(
        kind=PrincipalKind.USER if isinstance(owner, User) else PrincipalKind.SERVICE_ACCOUNT,
        id=owner.pk,
        label=owner.username if isinstance(owner, User) else owner.name,
        organization_id=key.organization_id,
        credential=Credential(CredentialKind.API_KEY, key.key_id),
        on_behalf_of=key.on_behalf_of.username if key.on_behalf_of else "",
        scopes=None if key.scopes is None else frozenset(key.scopes),
        origin=origin,
    )


def keys_of(
    organization: Organization,
    *,
    owner_id: uuid.UUID | None = None,
    team: Team | None = None,
    state: str = "",
    q: str = "",
) -> APIKeyQuerySet:
    """Return an organization's keys, newest first when paged by `-id`.

    `state` is `live` or `ended`; `q` looks into names and visible prefixes.
    """
    rows = APIKey.objects.of(organization).with_owner()
    if owner_id is not None:
        rows = rows.owned_by(owner_id)
    if team is not None:
        rows = rows.filter(service_account__team=team)
    if state == "live":
        rows = rows.live(now())
    elif state == "ended":
        rows = rows.exclude(pk__in=APIKey.objects.of(organization).live(now()).values("pk"))
    if q:
        rows = rows.filter(Q(name__icontains=q) | Q(key_id__startswith=q.removeprefix("stw_")))
    return rows


def personal_keys_of(user: User) -> APIKeyQuerySet:
    """Return all keys of one person, in and across organizations."""
    return APIKey.objects.system_of_user(user.pk).select_related(
        "user", "organization", "replaced_by"
    )


_ACCOUNT = Prepared(
    lambda organization_id, account_id: ServiceAccount.objects.of(organization_id)
    .filter(pk=account_id)
    .select_related("organization", "team", "custom_role"),
    uuid.UUID,
    uuid.UUID,
)


def whoami(principal: Principal, key: APIKey) -> Whoami:
    """Describe who acts through a key, as `recognise` returned the two: one query more."""
    on_behalf_of = principal.on_behalf_of or None
    if key.user is None:
        account = _ACCOUNT.first(key.organization_id, key.service_account_id)
        if account is None:
            raise Missing
        role = account.custom_role.name if account.custom_role else account.role
        return Whoami(
            kind="service_account",
            id=account.wire_id,
            name=account.name,
            display_name=account.name,
            email=None,
            team=account.team.name if account.team else None,
            on_behalf_of=on_behalf_of,
            credential=key,
            organizations=[Place(account.organization, role, "none")],
            version=account.version,
        )
    return Whoami(
        kind="user",
        id=key.user.wire_id,
        name=key.user.username,
        display_name=key.user.name,
        email=key.user.email or None,
        team=None,
        on_behalf_of=on_behalf_of,
        credential=key,
        organizations=_places(principal, key.user),
        version=key.user.version,
    )


def _held_by(user_id: uuid.UUID) -> MembershipQuerySet:
    held = Membership.objects.system_of_user(user_id).active()
    return (
        held.select_related("organization", "custom_role")
        .only("role", "seat", "custom_role__name", "organization__slug", "organization__name")
        .order_by("organization__name")
    )


_EVERYWHERE = Prepared(lambda user_id: _held_by(user_id)[:AT_MOST_PLACES], uuid.UUID)
_IN_ONE = Prepared(
    lambda user_id, organization_id: _held_by(user_id).filter(organization_id=organization_id),
    uuid.UUID,
    uuid.UUID,
)


def _places(principal: Principal, user: User) -> list[Place]:
    if principal.organization_id is None:
        rows = _EVERYWHERE.rows(user.pk)
    else:
        rows = _IN_ONE.rows(user.pk, principal.organization_id)
    return [Place(row.organization, row.role_name, row.seat) for row in rows]
