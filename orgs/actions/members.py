"""Members: add, change, deactivate, remove. The pattern file for actions.

Removing a member ends everything under it in the same transaction (`endings`); keys
and sessions end by the reaction that `config/wiring.py` lists for the event.
"""

import uuid

from django.db import transaction

from kernel.clock import now
from kernel.errors import Missing
from kernel.events import Target, record
from kernel.ids import encode
from kernel.principal import Principal
from orgs import access
from orgs.actions import endings, given_roles, managed, occupancy, seats
from orgs.errors import (
    AlreadyMember,
    NotActive,
    OrganizationBeingDeleted,
    OrganizationRestricted,
)
from orgs.models import Membership, Organization, Restriction, Role, SeatType, Team, User
from orgs.permissions import Permission


@transaction.atomic
def provision(
    *,
    actor: Principal,
    organization: Organization,
    user: User,
    role: str = "member",
    custom_role: Role | None = None,
    seat: str = SeatType.FULL,
) -> Membership:
    """Make a person a member, holding a seat.

    Brings a removed member back with a new role. Raises `AlreadyMember`,
    `SeatLimitReached`, `OrganizationBeingDeleted`.
    """
    access.require(actor, Permission.MEMBER_INVITE, organization)
    lock(organization)
    role, custom_role = given_roles.checked(
        actor=actor,
        resource=organization,
        role=role,
        custom_role=custom_role,
        allows_owner=True,
    )
    return _join(
        actor=actor,
        organization=organization,
        user=user,
        role=role,
        custom_role=custom_role,
        seat=seat,
        event="orgs.member.added",
    )


@transaction.atomic
def join(
    *,
    actor: Principal,
    organization: Organization,
    user: User,
    role: str,
    custom_role: Role | None,
    seat: str,
) -> Membership:
    """Make the acting person a member by a right proven otherwise (an invitation).

    The caller has checked that proof under the organization's lock.
    """
    return _join(
        actor=actor,
        organization=organization,
        user=user,
        role=role,
        custom_role=custom_role,
        seat=seat,
        event="orgs.member.joined",
    )


@transaction.atomic
def change_role(
    *,
    actor: Principal,
    organization: Organization,
    member: Membership,
    role: str,
    custom_role: Role | None = None,
    expected_version: int | None = None,
) -> Membership:
    """Give a member another role. Raises `LastOwner`, `NotActive`, `Stale`.

    Open invitations of somebody who then holds less are revoked: they offer what only
    the role before could give.
    """
    access.require(actor, Permission.MEMBER_UPDATE, organization)
    member = _locked(organization, member)
    member.require_version(expected_version)
    role, custom_role = given_roles.checked(
        actor=actor,
        resource=organization,
        role=role,
        custom_role=custom_role,
        allows_owner=True,
    )
    _require_right_over(actor, organization, member)
    if member.status == Membership.Status.REMOVED:
        raise NotActive("A removed member has no role. Add them again first.")
    before, held = member.role_name, _held(member)
    if member.role == role and member.custom_role_id == (custom_role.pk if custom_role else None):
        return member
    if member.is_active:
        occupancy.count_owner(organization, was=member.is_owner, becomes=role == "owner")
    member.role, member.custom_role = role, custom_role
    member.save_change("role", "custom_role")
    if not held <= _held(member):
        endings.revoke_invitations_by(
            actor=actor,
            organization=organization,
            inviter_id=str(member.user_id),
            because="the inviter's role holds less now",
        )
    record(
        type="orgs.member.role_changed",
        actor=actor,
        organization=organization,
        target=Target.of(member),
        changes={"role": [before, member.role_name]},
    )
    return member


@transaction.atomic
def change_seat(
    *,
    actor: Principal,
    organization: Organization,
    member: Membership,
    seat: str,
    expected_version: int | None = None,
) -> Membership:
    """Give a member another seat. Raises `SeatLimitReached`, `NotActive`, `Stale`."""
    access.require(actor, Permission.MEMBER_UPDATE, organization)
    seats.require_known(seat)
    member = _locked(organization, member)
    member.require_version(expected_version)
    if member.status == Membership.Status.REMOVED:
        raise NotActive("A removed member has no seat. Add them again first.")
    if member.seat == seat:
        return member
    before = member.seat
    member.seat = seats.swap(organization, before, seat) if member.is_active else seat
    member.save_change("seat")
    record(
        type="orgs.member.seat_changed",
        actor=actor,
        organization=organization,
        target=Target.of(member),
        changes={"seat": [before, member.seat]},
    )
    return member


@transaction.atomic
def deactivate(
    *,
    actor: Principal,
    organization: Organization,
    member: Membership,
    expected_version: int | None = None,
) -> Membership:
    """Stop a member from working: the seat is free, keys and sessions end, history stays.

    Team memberships wait for the return; grants, requests and open invitations that the
    member made end. Raises `LastOwner`, `ManagedByProvisioning`.
    """
    access.require(actor, Permission.MEMBER_UPDATE, organization)
    member = _locked(organization, member)
    member.require_version(expected_version)
    if member.status == Membership.Status.DEACTIVATED:
        return member
    if not member.is_active:
        raise NotActive("This member was removed.")
    _require_right_over(actor, organization, member)
    managed.require_unmanaged(
        actor=actor, organization=organization, row=member, act="deactivate them"
    )
    occupancy.end(organization, member, Membership.Status.DEACTIVATED)
    endings.end_extras(actor=actor, organization=organization, member=member)
    member.save_change("status", "ended_at")
    record(
        type="orgs.member.deactivated",
        actor=actor,
        organization=organization,
        target=Target.of(member),
        changes={"user": member.user.wire_id, "status": ["active", "deactivated"]},
    )
    return member


@transaction.atomic
def reactivate(
    *,
    actor: Principal,
    organization: Organization,
    member: Membership,
    expected_version: int | None = None,
) -> Membership:
    """Let a deactivated member work again, on a seat of the type they had.

    Raises `SeatLimitReached`, `NotActive` for a removed member, and what `require_open` does.
    """
    access.require(actor, Permission.MEMBER_UPDATE, organization)
    member = _locked(organization, member)
    member.require_version(expected_version)
    if member.is_active:
        return member
    if member.status == Membership.Status.REMOVED:
        raise NotActive("This member was removed. Add or invite them again.")
    require_open(organization)
    _require_right_over(actor, organization, member)
    managed.require_unmanaged(
        actor=actor, organization=organization, row=member, act="reactivate them"
    )
    occupancy.begin(organization, member, seat=member.seat)
    member.save_change("status", "ended_at", "seat")
    record(
        type="orgs.member.reactivated",
        actor=actor,
        organization=organization,
        target=Target.of(member),
        changes={"user": member.user.wire_id, "status": ["deactivated", "active"]},
    )
    return member


@transaction.atomic
def remove(
    *,
    actor: Principal,
    organization: Organization,
    member: Membership,
    expected_version: int | None = None,
) -> Membership:
    """Take a member out, with everything that hangs on the membership.

    A member may remove themselves (leave). Raises `LastOwner`.
    """
    leaves = actor.is_user and actor.id == member.user_id
    if leaves:
        access.require(actor, Permission.ORGANIZATION_READ, organization)
        access.require_oneself(actor, member.user_id)
    else:
        access.require(actor, Permission.MEMBER_REMOVE, organization)
    member = _locked(organization, member)
    member.require_version(expected_version)
    if member.status == Membership.Status.REMOVED:
        return member
    if not leaves:
        _require_right_over(actor, organization, member)
        managed.require_unmanaged(
            actor=actor, organization=organization, row=member, act="remove them"
        )
    event = "orgs.member.left" if leaves else "orgs.member.removed"
    return _end(actor, organization, member, event)


@transaction.atomic
def end_for_deletion(
    *, actor: Principal, organization: Organization, member: Membership
) -> Membership:
    """End a membership because the account is deleted, whatever its state."""
    return _end(actor, organization, _locked(organization, member), "orgs.member.left")


def _end(
    actor: Principal, organization: Organization, member: Membership, event: str
) -> Membership:
    before = member.status
    if member.is_active:
        occupancy.end(organization, member, Membership.Status.REMOVED)
    member.status, member.ended_at = Membership.Status.REMOVED, now()
    endings.end_extras(actor=actor, organization=organization, member=member)
    teams = [encode(Team.wire_prefix, one) for one in endings.leave_all_teams(organization, member)]
    member.role, member.custom_role, member.seat = "member", None, SeatType.NONE
    member.is_managed = False
    member.save_change("status", "ended_at", "role", "custom_role", "seat", "is_managed")
    record(
        type=event,
        actor=actor,
        organization=organization,
        target=Target.of(member),
        changes={
            "user": member.user.wire_id,
            "status": [before, "removed"],
            **({"teams": teams} if teams else {}),
        },
    )
    return member


def require_open(organization: Organization) -> None:
    """Raise `OrganizationBeingDeleted` or `OrganizationRestricted` if nobody may join now.

    Whoever joins by a link or by provisioning is not asked by the access decision.
    """
    if organization.is_being_deleted:
        raise OrganizationBeingDeleted(
            f"{organization.name} is being deleted. An owner can restore it."
        )
    closing = (Restriction.Kind.SUSPENDED, Restriction.Kind.READ_ONLY)
    found = Restriction.objects.of(organization).filter(kind__in=closing).first()
    if found is not None:
        kind = found.get_kind_display().lower()
        raise OrganizationRestricted(f"{organization.name} is {kind}: {found.reason}")


def lock(organization: Organization) -> Organization:
    """Lock the organization's row and refresh the caller's object; first in lock order."""
    fresh = Organization.objects.select_for_update().filter(pk=organization.pk).first()
    if fresh is None:
        raise Missing
    for field in fresh._meta.concrete_fields:
        setattr(organization, field.attname, getattr(fresh, field.attname))
    return organization


def lock_account(user_id: uuid.UUID) -> None:
    """Hold an account, so that it is not deleted meanwhile; second in lock order.

    Rows that point to it can be made all the same. Raises `Missing` if it was deleted.
    """
    if not User.objects.select_for_update(no_key=True).filter(pk=user_id).exists():
        raise Missing("This account was deleted.")


def _join(
    *,
    actor: Principal,
    organization: Organization,
    user: User,
    role: str,
    custom_role: Role | None,
    seat: str,
    event: str,
) -> Membership:
    seats.require_known(seat)
    lock(organization)
    require_open(organization)
    lock_account(user.pk)
    member = (
        Membership.objects.of(organization)
        .select_for_update(of=("self",))
        .filter(user=user)
        .select_related("user", "custom_role")
        .first()
    )
    if member is not None and member.status == Membership.Status.DEACTIVATED:
        raise AlreadyMember(
            f"{user.name} is a deactivated member of {organization.name}. An admin can "
            "reactivate them."
        )
    if member is not None and member.is_active:
        raise AlreadyMember(f"{user.name} is a member of {organization.name} already.")
    is_new = member is None
    if member is None:
        member = Membership(organization=organization, user=user)
    member.role, member.custom_role = role, custom_role
    occupancy.begin(organization, member, seat=seat)
    member.joined_at = now()
    if is_new:
        member.save(force_insert=True)
    else:
        member.save_change("role", "custom_role", "seat", "status", "joined_at", "ended_at")
    record(
        type=event,
        actor=actor,
        organization=organization,
        target=Target.of(member),
        changes={
            "user": user.wire_id,
            "role": [None, member.role_name],
            "seat": [None, member.seat],
        },
    )
    return member


def _locked(organization: Organization, member: Membership) -> Membership:
    """Lock organization and membership, in that order, and read the membership anew."""
    lock(organization)
    row = (
        Membership.objects.of(organization)
        .select_for_update(of=("self",))
        .filter(pk=member.pk)
        .select_related("user", "custom_role")
        .first()
    )
    if row is None:
        raise Missing
    return row


def _held(member: Membership) -> frozenset[str]:
    return access.role_permissions(member.role, member.custom_role, "organization")


def _require_right_over(
    actor: Principal, organization: Organization, member: Membership
) -> None:
    """Only owners unmake, deactivate and remove owners."""
    if member.is_owner:
        access.require(actor, Permission.OWNER_MANAGE, organization)
