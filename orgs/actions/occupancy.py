"""What an active member takes up: a seat, a place in the counts, maybe the last owner's.

Counters move by conditional updates within the caller's transaction, under the
organization's lock; check constraints stand beneath.
"""

from django.db.models import F

from kernel.clock import now
from orgs.actions import seats
from orgs.errors import LastOwner
from orgs.models import Membership, Organization


def begin(organization: Organization, member: Membership, *, seat: str) -> None:
    """Make a member active, on a seat. Raises `SeatLimitReached`. The caller saves."""
    member.seat = seats.take(organization, seat)
    member.status, member.ended_at = Membership.Status.ACTIVE, None
    count_owner(organization, was=False, becomes=member.is_owner)
    _count_members(organization, 1)


def end(organization: Organization, member: Membership, status: str) -> None:
    """Make an active member deactivated or removed. Raises `LastOwner`. The caller saves."""
    count_owner(organization, was=member.is_owner, becomes=False)
    seats.release(organization, member.seat)
    _count_members(organization, -1)
    member.status, member.ended_at = status, now()


def count_owner(organization: Organization, *, was: bool, becomes: bool) -> None:
    """Keep the number of active owners; never let the last one go: `LastOwner`."""
    if was == becomes:
        return
    rows = Organization.objects.filter(pk=organization.pk)
    if becomes:
        rows.update(owner_count=F("owner_count") + 1)
    elif not rows.filter(owner_count__gt=1).update(owner_count=F("owner_count") - 1):
        raise LastOwner(
            f"This is the last owner of {organization.name}. Make somebody else an owner first."
        )
    organization.refresh_from_db(fields=["owner_count"])


def _count_members(organization: Organization, step: int) -> None:
    Organization.objects.filter(pk=organization.pk).update(member_count=F("member_count") + step)
    organization.refresh_from_db(fields=["member_count"])
