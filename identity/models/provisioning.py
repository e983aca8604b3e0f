"""Who provisions an organization, what it may, and what it did."""

import datetime as dt

from django.db import models

from kernel.clock import now
from kernel.tenancy import Identified, TenantQuerySet, Versioned

ENTRIES_KEPT = dt.timedelta(days=30)
LONGEST_LABEL = 254


class ProvisioningConnection(Identified, Versioned):
    """An identity provider that keeps the organization's people over SCIM.

    It acts as a service account of its own, whose keys are the connection's tokens and work
    nowhere else. It ends with the account.
    """

    wire_prefix = "pco"

    class Provider(models.TextChoices):
        """Whose set-up page is shown."""

        OKTA = "okta", "Okta"
        ENTRA = "entra", "Microsoft Entra ID"
        ONELOGIN = "onelogin", "OneLogin"
        JUMPCLOUD = "jumpcloud", "JumpCloud"
        GOOGLE = "google", "Google Workspace"
        OTHER = "other", "Another provider"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    service_account = models.OneToOneField(
        "orgs.ServiceAccount", on_delete=models.CASCADE, related_name="+"
    )
    name = models.CharField(max_length=64)
    provider = models.CharField(max_length=12, choices=Provider, default=Provider.OTHER)
    created_at = models.DateTimeField(default=now)
    created_by = models.CharField(max_length=200, blank=True)

    objects = TenantQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["organization", "id"], name="connection_list")]

    def __str__(self) -> str:
        return self.name


class ProvisionedAccount(models.Model):
    """An account that an organization's provisioning made.

    That organization may bring the person back and change the account's name without asking
    them; of every other account it first needs their word, or the proof of their domain.
    """

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="+"
    )
    user = models.OneToOneField("orgs.User", on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=now)

    objects = TenantQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.user_id)


class VerifiedDomain(models.Model):
    """A mail domain that an organization has shown to be its own; nobody else's then."""

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="+"
    )
    domain = models.CharField(max_length=253, unique=True)
    verified_at = models.DateTimeField(default=now)
    verified_by = models.CharField(max_length=200, blank=True)

    objects = TenantQuerySet.as_manager()

    def __str__(self) -> str:
        return self.domain


class ProvisioningEntry(Identified):
    """One request over SCIM and what came of it; kept for 30 days.

    Bodies are as they came, without secrets, cut at a length. `changes` maps attributes to
    `[before, after]`.
    """

    wire_prefix = "pen"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    connection = models.ForeignKey(
        ProvisioningConnection, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField(default=now)
    caller = models.CharField(max_length=200)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=500)
    query = models.CharField(max_length=2000, blank=True)
    resource_type = models.CharField(max_length=10, blank=True)
    resource_id = models.CharField(max_length=64, blank=True)
    resource_name = models.CharField(max_length=LONGEST_LABEL, blank=True)
    action = models.CharField(max_length=12, blank=True)
    status = models.PositiveSmallIntegerField()
    scim_type = models.CharField(max_length=30, blank=True)
    detail = models.CharField(max_length=1000, blank=True)
    changes = models.JSONField(default=dict)
    request_body = models.TextField(blank=True)
    response_body = models.TextField(blank=True)
    milliseconds = models.PositiveIntegerField(default=0)
    ip = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    objects = TenantQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "id"], name="provisioning_log"),
            models.Index(fields=["organization", "status", "id"], name="provisioning_log_status"),
            models.Index(fields=["organization", "resource_id", "id"], name="provisioning_log_of"),
            models.Index(fields=["at"], name="provisioning_log_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.status}"

    @property
    def has_failed(self) -> bool:
        """Whether the request was refused, or failed on our side."""
        return self.status >= _FIRST_ERROR


_FIRST_ERROR = 400
