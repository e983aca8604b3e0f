"""What takes rights away from a whole organization for a time."""

from django.db import models

from kernel.clock import now
from kernel.tenancy import Identified, TenantQuerySet


class Restriction(Identified):
    """One reason for which an organization may do less."""

    wire_prefix = "rst"

    class Kind(models.TextChoices):
        """What the restriction does."""

        SUSPENDED = "suspended", "Suspended"
        READ_ONLY = "read_only", "Read-only"
        OVER_QUOTA = "over_quota", "Over quota"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="restrictions"
    )
    kind = models.CharField(max_length=20, choices=Kind)
    subject = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=500)
    imposed_at = models.DateTimeField(default=now)

    objects = TenantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "subject"], name="restriction_is_imposed_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"
