"""Seats: how many of each kind an organization may fill, and how many are filled."""

from django.db import models
from django.db.models import F, Q

from kernel.tenancy import Identified, TenantQuerySet


class SeatType(models.TextChoices):
    """What a member takes; `none` suits people who only handle the bills."""

    FULL = "full", "Full"
    VIEWER = "viewer", "Viewer"
    NONE = "none", "No seat"


class SeatPoolQuerySet(TenantQuerySet["SeatPool"]):
    """Reads and the two atomic movements of a pool."""

    def take(self, seat: str) -> bool:
        """Fill one seat if one is free, in one statement; return whether it was."""
        free = Q(limit__isnull=True) | Q(used__lt=F("limit"))
        return bool(self.filter(free, seat=seat).update(used=F("used") + 1))

    def release(self, seat: str) -> None:
        """Empty one seat; an overage that a downgrade left shrinks with it."""
        self.filter(seat=seat).update(used=F("used") - 1)


class SeatPool(Identified):
    """The counter of one kind of seat.

    `limit` None means unlimited. A downgrade may leave `used` above `limit`: nobody
    is thrown out, but no seat is given until enough are free; `ceiling` then holds
    what was in use, so that the check constraint still guards against overselling.
    """

    wire_prefix = "seat"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="seat_pools"
    )
    seat = models.CharField(max_length=10, choices=SeatType)
    limit = models.PositiveIntegerField(null=True, blank=True)
    ceiling = models.PositiveIntegerField(null=True, blank=True)
    used = models.PositiveIntegerField(default=0)

    objects = SeatPoolQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "seat"], name="organization_has_one_pool_per_seat_type"
            ),
            models.CheckConstraint(
                name="seats_used_never_exceed_the_ceiling",
                condition=Q(ceiling__isnull=True) | Q(used__lte=F("ceiling")),
            ),
            models.CheckConstraint(name="seats_used_is_not_negative", condition=Q(used__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.used} of {self.limit if self.limit is not None else '∞'} {self.seat}"

    @property
    def free(self) -> int | None:
        """Return how many seats can be taken now; None means any number."""
        return None if self.limit is None else max(self.limit - self.used, 0)

    @property
    def overage(self) -> int:
        """Return how many seats are in use beyond the limit."""
        return 0 if self.limit is None else max(self.used - self.limit, 0)
