"""The remembered answer of a POST that carried an Idempotency-Key."""

import datetime as dt
from typing import Any

from django.db import models

from kernel.clock import now
from kernel.crypto.fields import EncryptedTextField
from kernel.jobs.models import Job
from kernel.tenancy import Identified

LIFETIME = dt.timedelta(hours=24)


class IdempotencyKeyQuerySet(models.QuerySet["IdempotencyKey"]):
    """Reads over remembered answers."""

    def expired(self) -> "IdempotencyKeyQuerySet":
        """Return the answers that are no longer replayed."""
        return self.filter(expires_at__lte=now())


class IdempotencyKey(Identified):
    """One answered request.

    `digest` stands for principal, credential, method, path and key; `fingerprint` for the body that
    came with it. The answer is sealed, because a created key is shown in it.
    """

    wire_prefix = "idem"

    digest = models.CharField(max_length=64, unique=True)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    headers: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    body = EncryptedTextField(blank=True)
    expires_at = models.DateTimeField(db_index=True)

    objects = IdempotencyKeyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"answer {self.status} until {self.expires_at:%Y-%m-%d %H:%M}"


def forget_old(_job: Job) -> None:
    """Delete the answers that are no longer replayed (job)."""
    IdempotencyKey.objects.expired().delete()
