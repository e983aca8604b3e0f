"""Custom roles, and the permissions that a platform registered for itself."""


from django.db import models

from kernel.clock import now
from kernel.tenancy import Identified, TenantQuerySet, Versioned


class Role(Identified, Versioned):
    """A role of an organization's own: a built-in one with permissions added or removed."""

    wire_prefix = "role"

    class Scope(models.TextChoices):
        """Where the role can be given."""

        ORGANIZATION = "organization", "Organization"
        TEAM = "team", "Team"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="roles"
    )
    name = models.CharField(max_length=60)
    name_key = models.CharField(max_length=60)
    description = models.CharField(max_length=300, blank=True)
    scope = models.CharField(max_length=15, choices=Scope)
    inherits = models.CharField(max_length=20)
    added = models.JSONField(default=list, blank=True)
    removed = models.JSONField(default=list, blank=True)
    external_id = models.CharField(max_length=254, blank=True, default="", db_default="")
    created_at = models.DateTimeField(default=now)

    objects = TenantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "scope", "name_key"],
                name="role_name_is_unique_in_its_organization",
            )
        ]

    def __str__(self) -> str:
        return self.name


class PlatformPermission(models.Model):
    """A permission that the platform behind Steward asks about, such as `run.write`.

    It belongs to the instance; `team_roles` are the built-in team roles that hold it.
    """

    name = models.CharField(max_length=64, primary_key=True)
    description = models.CharField(max_length=200)
    team_roles = models.JSONField(default=list)
    is_read = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name
