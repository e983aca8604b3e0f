"""Claim a row and run it."""

import datetime as dt
import random
import traceback
import uuid

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from kernel.clock import now
from kernel.jobs.models import MAX_ATTEMPTS, Job
from kernel.redact import redact
from kernel.wiring import wiring

log = structlog.get_logger(__name__)

_LONGEST_PAUSE_SECONDS = 3600


class LeaseLost(Exception):
    """Another worker took the row over because this one held it for too long."""


def claimable(moment: dt.datetime) -> Q:
    """Return the condition under which a row may be claimed at a moment."""
    return Q(state=Job.State.DUE, due_at__lte=moment) | Q(
        state=Job.State.RUNNING, lease_until__lt=moment
    )


def run(job_id: uuid.UUID) -> bool:
    """Claim the row and run it; return whether it is done now.

    A row that is not due, done, dead or held by another worker is left alone, so
    any number of wake-ups for one row do no harm.
    """
    job = _claim(job_id)
    if job is None:
        return False
    if job.attempts > MAX_ATTEMPTS:
        _bury(job, job.last_error or "Its worker died at every attempt.")
        return False
    try:
        _perform(job)
    except LeaseLost:
        log.warning("job_lease_lost", job=job.wire_id, kind=job.kind)
        return False
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is kept on its row
        _fail(job, error)
        return False
    return True


def _claim(job_id: uuid.UUID) -> Job | None:
    moment, token = now(), uuid.uuid4()
    lease = dt.timedelta(seconds=settings.STEWARD_JOB_LEASE_SECONDS)
    claimed = Job.objects.filter(claimable(moment), pk=job_id).update(
        state=Job.State.RUNNING,
        attempts=F("attempts") + 1,
        lease_token=token,
        lease_until=moment + lease,
    )
    if not claimed:
        return None
    return Job.objects.filter(pk=job_id, lease_token=token).first()


def _perform(job: Job) -> None:
    kind = wiring().jobs[job.kind]
    if not kind.transactional:
        kind.run(job)
        _finish(job)
        return
    with transaction.atomic():
        # The finish comes first: it holds the row, so a second worker whose lease
        # began meanwhile cannot commit the same effect.
        _finish(job)
        kind.run(job)


def _finish(job: Job) -> None:
    finished = Job.objects.filter(
        pk=job.pk, state=Job.State.RUNNING, lease_token=job.lease_token
    ).update(state=Job.State.DONE, done_at=now(), lease_until=None, last_error="")
    if not finished:
        raise LeaseLost


def _fail(job: Job, error: Exception) -> None:
    trace = str(redact("".join(traceback.format_exception(error))))
    if job.attempts >= MAX_ATTEMPTS:
        _bury(job, trace)
        return
    pause = min(2**job.attempts, _LONGEST_PAUSE_SECONDS) * random.uniform(0.75, 1.25)  # noqa: S311
    Job.objects.filter(pk=job.pk, lease_token=job.lease_token).update(
        state=Job.State.DUE,
        due_at=now() + dt.timedelta(seconds=pause),
        lease_until=None,
        published_at=None,
        last_error=trace,
    )
    log.warning("job_failed", job=job.wire_id, kind=job.kind, attempt=job.attempts)


def _bury(job: Job, trace: str) -> None:
    Job.objects.filter(pk=job.pk, lease_token=job.lease_token).update(
        state=Job.State.DEAD, done_at=now(), lease_until=None, last_error=trace
    )
    log.error("job_dead", job=job.wire_id, kind=job.kind, attempts=job.attempts)


def retry(job: Job) -> None:
    """Give a dead job its attempts back and make it due now."""
    Job.objects.filter(pk=job.pk, state=Job.State.DEAD).update(
        state=Job.State.DUE, attempts=0, due_at=now(), done_at=None, published_at=None
    )
