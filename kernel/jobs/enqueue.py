"""Insert job rows, in the caller's transaction."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from kernel.clock import now
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
    cause has one effect.
    """
    moment = now()
    job = Job(
        kind=kind,
        payload=dict(payload),
        organization_id=organization_id,
        unique_key=unique_key,
        due_at=due_at or moment,
        created_at=moment,
    )
    if unique_key is None:
        job.save(force_insert=True)
    else:
        Job.objects.bulk_create([job], ignore_conflicts=True)
