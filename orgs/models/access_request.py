"""A member's wish for more than they have, for the right admin to decide."""

from django.db import models
from django.db.models import Q

from kernel.clock import now
from kernel.tenancy import Identified, TenantQuerySet


class AccessRequest(Identified):
    """A request to join a team, for a role or temporary access, or for a seat."""

    wire_prefix = "req"

    class Kind(models.TextChoices):
        """What is asked for."""

        TEAM = "team", "Join a team"
        ROLE = "role", "A role"
        ACCESS = "access", "Temporary access"
        SEAT = "seat", "A seat"

    class State(models.TextChoices):
        """Where the request stands."""

        PENDING = "pending", "Pending"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="access_requests"
    )
    membership = models.ForeignKey(
        "orgs.Membership", on_delete=models.CASCADE, related_name="access_requests"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    wish = models.CharField(max_length=100)
    team = models.ForeignKey("orgs.Team", on_delete=models.CASCADE, null=True, blank=True)
    role = models.CharField(max_length=20, blank=True)
    seat = models.CharField(max_length=10, blank=True)
    reason = models.CharField(max_length=300)
    wanted_hours = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    created_at = models.DateTimeField(default=now)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=200, blank=True)
    answer = models.CharField(max_length=300, blank=True)

    objects = TenantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["membership", "wish"],
                condition=Q(state="pending"),
                name="member_asks_for_the_same_thing_once",
            )
        ]
        indexes = [
            models.Index(fields=["organization", "state", "id"], name="access_request_list")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} for {self.membership_id}"
