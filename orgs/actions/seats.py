"""Take and free seats. Called inside the transaction of the act that needs the seat."""

from django.conf import settings

from kernel.errors import Invalid
from orgs.errors import SeatLimitReached
from orgs.models import Organization, SeatPool, SeatType


def take(organization: Organization, seat: str) -> str:
    """Fill a seat of the wanted type and return the type that was given.

    When no full seat is free, the organization's policy refuses or gives a viewer
    seat. Raises `SeatLimitReached`. One conditional UPDATE decides, so concurrent
    callers can never fill more seats than there are.
    """
    if seat == SeatType.NONE:
        return seat
    pools = SeatPool.objects.of(organization)
    if pools.take(seat):
        return seat
    falls_back = organization.seat_policy == Organization.SeatPolicy.VIEWER
    if seat == SeatType.FULL and falls_back and pools.take(SeatType.VIEWER):
        return SeatType.VIEWER
    raise seat_limit_reached(organization, seat)


def require_known(seat: str) -> None:
    """Raise `Invalid` unless it is a seat type."""
    if seat not in SeatType.values:
        raise Invalid.field("seat", f"Choose one of {', '.join(SeatType.values)}.", code="choice")


def release(organization: Organization, seat: str) -> None:
    """Empty one seat of the type."""
    if seat != SeatType.NONE:
        SeatPool.objects.of(organization).release(seat)


def swap(organization: Organization, old: str, new: str) -> str:
    """Exchange one seat for another; the old one is freed only if the new one is had."""
    given = take(organization, new)
    if given == old:
        # The policy offered the type that is held already: nothing was won.
        release(organization, given)
        raise seat_limit_reached(organization, new)
    release(organization, old)
    return given


def seat_limit_reached(organization: Organization, seat: str) -> SeatLimitReached:
    """Return the error that says how many seats there are and what to do."""
    pool = SeatPool.objects.of(organization).filter(seat=seat).first()
    limit = pool.limit if pool else 0
    return SeatLimitReached(
        f"All {limit} {seat} seats of {organization.name} are taken. "
        "Free a seat, choose another seat type, or add seats.",
        upgrade_url=settings.STEWARD_UPGRADE_URL.format(organization=organization.slug),
        seat=str(seat),
        limit=limit,
    )
