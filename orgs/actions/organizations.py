"""Organizations: create, change, delete with a grace, restore, purge."""

import datetime as dt
import re
import uuid
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from kernel.clock import now
from kernel.errors import Denied, Invalid
from kernel.events import Target, record
from kernel.jobs.models import Job
from kernel.principal import Principal
from orgs import access
from orgs.actions import entitlements, members, names
from orgs.errors import ConfirmationMismatch, NameTaken
from orgs.models import Organization, SeatPool, SeatType, User
from orgs.permissions import Permission

GRACE = dt.timedelta(days=14)
"""How long a deleted organization can be restored."""

POLICIES = (
    "seat_policy",
    "allows_member_teams",
    "allows_public_projects",
    "allows_api_key_creation",
    "saves_code_by_default",
    "enforces_hidden_teams",
    "enforces_private_projects",
    "enforces_invitation_control",
    "enforces_no_public_reports",
    "enforces_no_self_join",
    "enforces_code_saving_off",
)
EDITABLE = ("name", "slug", *POLICIES)

_PURGED_AT_ONCE = 20

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_RESERVED_SLUGS = frozenset({"new", "api", "admin", "static", "account"})


@transaction.atomic
def create(
    *,
    actor: Principal,
    name: str,
    owner: User,
    slug: str = "",
    is_demo: bool = False,
) -> Organization:
    """Create an organization with its first owner, who takes a full seat.

    Raises `Invalid`, `NameTaken`. The limits are those of a new organization in the
    settings; a subscription or license brings its own.
    """
    if not actor.is_system and not (actor.is_user and actor.id == owner.pk):
        raise Denied("An organization is created by its first owner.")
    if actor.scopes is not None or actor.organization_id is not None:
        raise Denied("A key with scopes, or of one organization, cannot create organizations.")
    organization = Organization(
        name=_clean_name(name), slug=_clean_slug(slug) if slug else _free_slug(name)
    )
    organization.is_demo = is_demo
    _save_new(organization)
    for seat in (SeatType.FULL, SeatType.VIEWER):
        SeatPool(organization=organization, seat=seat, limit=0, ceiling=0).save(
            force_insert=True
        )
    record(
        type="orgs.organization.created",
        actor=actor,
        organization=organization,
        target=Target.of(organization),
        changes={"name": [None, organization.name], "slug": [None, organization.slug]},
    )
    entitlements.apply(
        actor=Principal.system("new organization"),
        organization=organization,
        source="manual",
        seats=dict(settings.STEWARD_DEFAULT_SEATS),
    )
    members.join(
        actor=actor,
        organization=organization,
        user=owner,
        role="owner",
        custom_role=None,
        seat=SeatType.FULL,
    )
    return organization


@transaction.atomic
def update(
    *,
    actor: Principal,
    organization: Organization,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> Organization:
    """Change the name, slug or policies named in `EDITABLE`.

    Raises `Invalid`, `NameTaken`, `Stale`. Policies bind from now on; what is already
    against them (a public project) is shown by the console, not changed behind backs.
    """
    access.require(actor, Permission.ORGANIZATION_UPDATE, organization)
    members.lock(organization)
    organization.require_version(expected_version)
    wanted = {field: _clean(field, value) for field, value in changes.items()}
    different = {
        field: [getattr(organization, field), value]
        for field, value in wanted.items()
        if getattr(organization, field) != value
    }
    if not different:
        return organization
    for field, pair in different.items():
        setattr(organization, field, pair[1])
    try:
        with transaction.atomic():
            organization.save_change(*different)
    except IntegrityError:
        raise NameTaken(f"The address “{organization.slug}” is taken.") from None
    record(
        type="orgs.organization.updated",
        actor=actor,
        organization=organization,
        target=Target.of(organization),
        changes=different,
    )
    return organization


@transaction.atomic
def request_deletion(
    *, actor: Principal, organization: Organization, confirmation: str
) -> Organization:
    """Begin the deletion after the slug was typed: 14 days to restore, then the purge.

    From this commit on keys are dead and nobody can work; owners can restore.
    """
    access.require(actor, Permission.ORGANIZATION_DELETE, organization)
    members.lock(organization)
    if confirmation.strip() != organization.slug:
        raise ConfirmationMismatch(
            f"Type “{organization.slug}” to confirm.",
            errors=[
                {
                    "pointer": "/confirmation",
                    "code": "confirmation_mismatch",
                    "detail": "This is not the organization's address.",
                }
            ],
        )
    if organization.is_being_deleted:
        return organization
    moment = now()
    organization.deletion_requested_at = moment
    organization.deletion_requested_by = actor.label
    organization.purge_at = moment + GRACE
    organization.save_change("deletion_requested_at", "deletion_requested_by", "purge_at")
    record(
        type="orgs.organization.deletion_requested",
        actor=actor,
        organization=organization,
        target=Target.of(organization),
        changes={"purge_at": [None, organization.purge_at.isoformat()]},
    )
    return organization


@transaction.atomic
def restore(*, actor: Principal, organization: Organization) -> Organization:
    """Take the deletion back within its grace. Keys that ended stay ended."""
    access.require(actor, Permission.ORGANIZATION_DELETE, organization)
    members.lock(organization)
    if not organization.is_being_deleted:
        return organization
    purge_at = organization.purge_at
    organization.deletion_requested_at = organization.purge_at = None
    organization.deletion_requested_by = ""
    organization.save_change("deletion_requested_at", "deletion_requested_by", "purge_at")
    record(
        type="orgs.organization.restored",
        actor=actor,
        organization=organization,
        target=Target.of(organization),
        changes={"purge_at": [purge_at and purge_at.isoformat(), None]},
    )
    return organization


@transaction.atomic
def purge_ownerless(*, actor: Principal, organization: Organization) -> None:
    """Purge an organization in its grace whose last owner deletes their account.

    Nobody would be left who could restore it. The caller holds its lock.
    """
    organization.purge_at = now()
    organization.save_change("purge_at")
    purge(actor=Principal.system(f"{actor.label} left"), organization_id=organization.pk)


@transaction.atomic
def purge(*, actor: Principal, organization_id: uuid.UUID) -> bool:
    """Delete an organization whose grace has ended, with all that belongs to it.

    The audit trail stays. Returns whether there was something to purge.
    """
    if not actor.is_system:
        raise Denied("The purge runs by itself when the grace has ended.")
    organization = (
        Organization.objects.system_to_purge(now())
        .select_for_update()
        .filter(pk=organization_id)
        .first()
    )
    if organization is None:
        return False
    record(
        type="orgs.organization.purged",
        actor=actor,
        organization=organization,
        target=Target.of(organization),
        changes={"slug": [organization.slug, None]},
    )
    organization.delete()
    return True


def purge_due(_job: Job) -> None:
    """Purge every organization whose grace has ended (job)."""
    due = Organization.objects.system_to_purge(now()).order_by("pk").values_list("pk", flat=True)
    for organization_id in list(due[:_PURGED_AT_ONCE]):
        purge(actor=Principal.system("purge"), organization_id=organization_id)


def _clean(field: str, value: Any) -> Any:
    if field == "name":
        return _clean_name(str(value))
    if field == "slug":
        return _clean_slug(str(value))
    if field == "seat_policy":
        if value not in Organization.SeatPolicy.values:
            raise Invalid.field(field, "Choose refuse or viewer.", code="choice")
        return value
    if field in POLICIES:
        if not isinstance(value, bool):
            raise Invalid.field(field, "Give true or false.", code="boolean")
        return value
    raise Invalid.field(field, f"“{field}” cannot be set.", code="unknown_field")


def _clean_name(name: str) -> str:
    return names.one_line(name, "name", longest=120, shortest=1)


def _clean_slug(slug: str) -> str:
    slug = slug.strip().lower()
    if not _SLUG.fullmatch(slug) or slug in _RESERVED_SLUGS:
        raise Invalid.field(
            "slug",
            "Use lower-case letters, digits and '-', beginning and ending with a letter or "
            "digit, at most 64 characters.",
            code="slug_form",
        )
    return slug


def _free_slug(name: str) -> str:
    stem = slugify(name)[:56].strip("-") or "organization"
    candidate, number = stem, 1
    while candidate in _RESERVED_SLUGS or Organization.objects.filter(slug=candidate).exists():
        number += 1
        candidate = f"{stem}-{number}"
    return candidate


def _save_new(organization: Organization) -> None:
    try:
        with transaction.atomic():
            organization.save(force_insert=True)
    except IntegrityError:
        raise NameTaken(f"The address “{organization.slug}” is taken. Choose another.") from None
