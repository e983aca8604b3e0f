"""Insert job rows, in the caller's transaction."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

import structlog

from kernel.clock import now
from kernel.database.scope import for_rows_of
from kernel.jobs.models import Job


def enqueue(
    kind: str,
    payload: Mapping[str, Any],
    *,
    organization_id: uuid.UUID | None = None,
    due_at: dt.datetime | None = None,
    unique_key: str | None = None,
) -> None:
    """Insert a job that is due now, or at `due_at`.

    With a `unique_key` a second call inserts nothing: that is how a repeated
    cause has one effect. The row carries the id of the request (or of the job's own
    request) that inserts it.
    """
    moment = now()
    job = Job(
        kind=kind,
        payload=dict(payload),
        organization_id=organization_id,
        request_id=structlog.contextvars.get_contextvars().get("request_id"),
        unique_key=unique_key,
        due_at=due_at or moment,
        created_at=moment,
    )
    with for_rows_of(organization_id):
        if unique_key is None:
            job.save(force_insert=True)
        else:
            Job.objects.bulk_create([job], ignore_conflicts=True)
