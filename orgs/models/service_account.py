"""Machines' identities."""

from django.db import models
from django.db.models import Q

from kernel.clock import now
from kernel.tenancy import Identified, TenantQuerySet, Versioned


class ServiceAccount(Identified, Versioned):
    """A machine's identity: one team's, or the organization's where `team` is empty.

    `role` is a team role for a team's account and an organization role (never owner)
    for the organization's; it takes no seat.
    """

    wire_prefix = "sa"

    class Kind(models.TextChoices):
        """How the account proves itself."""

        BUILT_IN = "built_in", "Built-in (API keys)"
        EXTERNAL = "external", "External (identity federation)"
        SCIM = "scim", "Provisioning (SCIM)"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="service_accounts"
    )
    team = models.ForeignKey(
        "orgs.Team",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="service_accounts",
    )
    name = models.CharField(max_length=64)
    name_key = models.CharField(max_length=64)
    description = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.BUILT_IN)
    role = models.CharField(max_length=20, default="member")
    custom_role = models.ForeignKey(
        "orgs.Role", on_delete=models.RESTRICT, null=True, blank=True, related_name="+"
    )
    created_by = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=now)
    disabled_at = models.DateTimeField(null=True, blank=True)

    objects = TenantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "name_key"],
                condition=Q(team__isnull=False),
                name="service_account_name_is_unique_in_its_team",
            ),
            models.UniqueConstraint(
                fields=["organization", "name_key"],
                condition=Q(team__isnull=True),
                name="service_account_name_is_unique_in_its_organization",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "id"], name="service_account_list")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def role_name(self) -> str:
        """Return the role's name for people."""
        return self.custom_role.name if self.custom_role else self.role

    @property
    def is_disabled(self) -> bool:
        """Whether the account's keys are refused."""
        return self.disabled_at is not None
