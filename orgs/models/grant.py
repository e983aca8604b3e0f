"""A role given beside the standing one, mostly for a time."""

import datetime as dt

from django.db import models
from django.db.models import Q

from kernel.clock import now
from kernel.tenancy import Identified, TenantQuerySet


class GrantQuerySet(TenantQuerySet["Grant"]):
    """Reads of grants."""

    def live(self, moment: dt.datetime) -> "GrantQuerySet":
        """Return grants that count at a moment: expiry is derived, not swept."""
        return self.filter(Q(until__isnull=True) | Q(until__gt=moment), ended_at__isnull=True)

    def system_lapsed(self, moment: dt.datetime) -> "GrantQuerySet":
        """Return grants whose time passed and whose end is not yet noted."""
        return self.filter(until__lte=moment, ended_at__isnull=True)


class Grant(Identified):
    """A role on the organization or on one team, for one member or service account."""

    wire_prefix = "grant"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="grants"
    )
    membership = models.ForeignKey(
        "orgs.Membership", on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    service_account = models.ForeignKey(
        "orgs.ServiceAccount",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="grants",
    )
    team = models.ForeignKey(
        "orgs.Team", on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    role = models.CharField(max_length=20)
    custom_role = models.ForeignKey(
        "orgs.Role", on_delete=models.RESTRICT, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=300)
    granted_by = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=now)
    until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="grant_has_exactly_one_holder",
                condition=Q(membership__isnull=False, service_account__isnull=True)
                | Q(membership__isnull=True, service_account__isnull=False),
            )
        ]
        indexes = [
            models.Index(fields=["organization", "id"], name="grant_list"),
            models.Index(
                fields=["until"], name="grant_by_end", condition=Q(ended_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} for {self.membership_id or self.service_account_id}"
