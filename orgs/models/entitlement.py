"""What an organization was given, by whom: the sources of its limits and features."""


from django.db import models

from kernel.clock import now
from kernel.tenancy import Identified, TenantQuerySet


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
    updated_at = models.DateTimeField(default=now)

    objects = TenantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "source"], name="source_grants_once_per_organization"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} for {self.organization_id}"
