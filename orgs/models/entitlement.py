"""What an organization was given, by whom: the sources of its limits and features."""

import datetime as dt

from django.db import models
from django.db.models import Q

from kernel.clock import now
from kernel.tenancy import Identified, TenantQuerySet


class EntitlementQuerySet(TenantQuerySet["Entitlement"]):
    """Reads of entitlements."""

    def live(self, moment: dt.datetime) -> "EntitlementQuerySet":
        """Return entitlements that count at a moment."""
        return self.filter(Q(until__isnull=True) | Q(until__gt=moment))

    def system_lapsed(self, moment: dt.datetime) -> "EntitlementQuerySet":
        """Return entitlements whose time passed and whose end is not yet noted."""
        return self.filter(until__lte=moment, lapse_noted=False)


class Entitlement(Identified):
    """What one source grants. The effective value is the best of the live sources."""

    wire_prefix = "ent"

    class Source(models.TextChoices):
        """Who may grant."""

        SUBSCRIPTION = "subscription"
        LICENSE = "license"
        MANUAL = "manual"
        ACADEMIC = "academic"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="entitlements"
    )
    source = models.CharField(max_length=20, choices=Source)
    seats = models.JSONField(default=dict)
    features = models.JSONField(default=list)
    limits = models.JSONField(default=dict)
    until = models.DateTimeField(null=True, blank=True)
    lapse_noted = models.BooleanField(default=False)
    updated_at = models.DateTimeField(default=now)

    objects = EntitlementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "source"], name="source_grants_once_per_organization"
            )
        ]
        indexes = [
            models.Index(
                fields=["until"], name="entitlement_by_end", condition=Q(lapse_noted=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} for {self.organization_id}"
