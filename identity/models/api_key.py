"""API keys of people and of service accounts."""

import datetime as dt
import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from kernel.clock import now
from kernel.tenancy import Identified, TenantQuerySet, Versioned
from orgs.models import ServiceAccount, User

EXPIRES_SOON = dt.timedelta(days=14)


class APIKeyQuerySet(TenantQuerySet["APIKey"]):
    """Reads of keys."""

    def live(self, moment: dt.datetime) -> "APIKeyQuerySet":
        """Return keys that still work at a moment, whoever they belong to."""
        return self.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=moment),
            Q(ends_at__isnull=True) | Q(ends_at__gt=moment),
            revoked_at__isnull=True,
        )

    def with_owner(self) -> "APIKeyQuerySet":
        """Fetch the owner along."""
        return self.select_related("user", "service_account", "service_account__team")

    def owned_by(self, principal_id: uuid.UUID | None) -> "APIKeyQuerySet":
        """Return the keys of one person or service account."""
        return self.filter(Q(user_id=principal_id) | Q(service_account_id=principal_id))

    def system_with_key_id(self, key_id: str) -> "APIKeyQuerySet":
        """Find a key by the public id inside it: the secret proves the right to use it."""
        return self.filter(key_id=key_id)

    def system_with_digest(self, digests: list[str]) -> "APIKeyQuerySet":
        """Find a key by its digest; this is how every request's key is looked up."""
        return self.filter(digest__in=digests)

    def system_lapsed(self, moment: dt.datetime) -> "APIKeyQuerySet":
        """Return keys whose time passed and whose end is not yet in the trail."""
        return self.filter(
            Q(expires_at__lte=moment) | Q(ends_at__lte=moment),
            revoked_at__isnull=True,
            end_noted=False,
        )

    def system_expiring(self, start: dt.datetime, end: dt.datetime) -> "APIKeyQuerySet":
        """Return living keys whose expiry lies in a span: to remind whoever keeps them."""
        return self.live(now()).filter(expires_at__gte=start, expires_at__lt=end, ends_at=None)

    def system_of_user(self, user_id: Any) -> "APIKeyQuerySet":
        """Return a person's keys everywhere: for what the person does alone."""
        return self.filter(user_id=user_id)


class APIKey(Identified, Versioned):
    """A key: its secret was shown once, only a digest is kept.

    `organization` is empty for a personal key that works in all of the person's
    organizations. `ends_at` is set by a rotation: the old key works until then. State is
    derived from the times, so that a key dies on the second and not when a task runs.
    """

    wire_prefix = "key"

    organization = models.ForeignKey(
        "orgs.Organization",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="api_keys",
    )
    user = models.ForeignKey(
        "orgs.User", on_delete=models.CASCADE, null=True, blank=True, related_name="api_keys"
    )
    service_account = models.ForeignKey(
        "orgs.ServiceAccount",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="api_keys",
    )
    name = models.CharField(max_length=80)
    key_id = models.CharField(max_length=10, unique=True)
    last_four = models.CharField(max_length=4)
    digest = models.CharField(max_length=64, unique=True)
    is_legacy = models.BooleanField(default=False)
    scopes = models.JSONField(null=True, blank=True)
    allowed_networks = models.JSONField(default=list, blank=True)
    on_behalf_of = models.ForeignKey(
        "orgs.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_by = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_ip = models.CharField(max_length=45, blank=True)
    last_used_agent = models.CharField(max_length=200, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=200, blank=True)
    revoked_because = models.CharField(max_length=200, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    replaced_by = models.ForeignKey(
        "identity.APIKey",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="replaces",
    )
    end_noted = models.BooleanField(default=False)

    objects = APIKeyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="api_key_has_exactly_one_owner",
                condition=Q(user__isnull=False, service_account__isnull=True)
                | Q(user__isnull=True, service_account__isnull=False),
            ),
            models.CheckConstraint(
                name="service_account_key_has_an_organization",
                condition=Q(service_account__isnull=True) | Q(organization__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "id"], name="api_key_list"),
            models.Index(
                fields=["expires_at"], name="api_key_by_expiry", condition=Q(end_noted=False)
            ),
            models.Index(fields=["ends_at"], name="api_key_by_end", condition=Q(end_noted=False)),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    @property
    def prefix(self) -> str:
        """Return the part of the key that is always visible."""
        return "legacy" if self.is_legacy else f"stw_{self.key_id}"

    @property
    def hint(self) -> str:
        """Return how the key is shown in lists: prefix and last four characters."""
        return f"{self.prefix}…{self.last_four}"

    @property
    def owner(self) -> User | ServiceAccount:
        """Return the person or machine that the key proves."""
        owner = self.service_account or self.user
        assert owner is not None  # noqa: S101 - the check constraint says so
        return owner

    @property
    def state(self) -> str:
        """Return `active`, `rotating`, `expired`, `revoked` or `rotated_out`."""
        moment = now()
        if self.revoked_at:
            return "revoked"
        if self.ends_at and self.ends_at <= moment:
            return "rotated_out"
        if self.expires_at and self.expires_at <= moment:
            return "expired"
        return "rotating" if self.ends_at else "active"

    @property
    def is_live(self) -> bool:
        """Whether the key itself works now (its owner may still be refused)."""
        return self.state in ("active", "rotating")

    @property
    def expires_soon(self) -> bool:
        """Whether a living key expires within two weeks."""
        return bool(self.is_live and self.expires_at and self.expires_at - now() < EXPIRES_SOON)

    @property
    def was_used_after_rotation(self) -> bool:
        """Whether a rotated key was used after its successor was made."""
        return bool(
            self.state == "rotating"
            and self.replaced_by
            and self.last_used_at
            and self.last_used_at > self.replaced_by.created_at
        )
