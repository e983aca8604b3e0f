"""Claim a row and run it."""

import datetime as dt
import random
import traceback
import uuid
from contextlib import AbstractContextManager

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from kernel import synchrony
from kernel.clock import now
from kernel.database.scope import across, within
from kernel.jobs.models import MAX_ATTEMPTS, Job
from kernel.redact import redact
from kernel.wiring import wiring

log = structlog.get_logger(__name__)

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
    synchrony.refresh()
    job = _claim(job_id)
    if job is None:
        return False
    # Whatever is logged or enqueued from here on belongs to the request that caused the row.
    with structlog.contextvars.bound_contextvars(request_id=job.request_id, job=job.wire_id):
        return _run(job)


def _run(job: Job) -> bool:
    if job.attempts > MAX_ATTEMPTS:
        _bury(job, job.last_error or "Its worker died at every attempt.")
        return False
    try:
        _perform(job)
    except LeaseLost:
        log.warning("job_lease_lost", kind=job.kind)
        return False
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is kept on its row
        _fail(job, error)
        return False
    log.info("job_done", kind=job.kind, attempt=job.attempts)
    return True


def _claim(job_id: uuid.UUID) -> Job | None:
    moment = now()
    with transaction.atomic():
        # Skipping what is locked: a row whose effect is about to commit after its lease
        # ran out would otherwise hold up every sweep until the lock time-out.
        rows = Job.objects.select_for_update(skip_locked=True).filter(claimable(moment), pk=job_id)
        job = rows.first()
        if job is None:
            return None
        job.state = Job.State.RUNNING
        job.attempts += 1
        job.lease_token = uuid.uuid4()
        job.lease_until = moment + dt.timedelta(seconds=settings.STEWARD_JOB_LEASE_SECONDS)
        job.save(update_fields=["state", "attempts", "lease_token", "lease_until"])
    return job


def _perform(job: Job) -> None:
    """Run it, within its organization if it has one."""
    kind = wiring().jobs[job.kind]
    if not kind.transactional:
        with _scope_of(job):
            kind.run(job)
        _finish(job)
        return
    with transaction.atomic():
        # The finish comes first: it holds the row, so a second worker whose lease
        # began meanwhile cannot commit the same effect.
        _finish(job)
        with _scope_of(job):
            kind.run(job)


def _scope_of(job: Job) -> AbstractContextManager[None]:
    """Return the block in which a job sees its organization's rows, or everybody's."""
    owner = job.organization_id
    return within(owner) if owner and owner.int else across(f"a job of all: {job.kind}")


def _finish(job: Job) -> None:
    finished = _held(job).update(
        state=Job.State.DONE, done_at=now(), lease_until=None, last_error=""
    )
    if not finished:
        raise LeaseLost


def _fail(job: Job, error: Exception) -> None:
    trace = str(redact("".join(traceback.format_exception(error))))
    if job.attempts >= MAX_ATTEMPTS:
        _bury(job, trace)
        return
    # A mail server may be away for half a day: the pauses grow until then.
    pauses = settings.STEWARD_JOB_PAUSES_SECONDS
    pause = pauses[min(job.attempts, len(pauses)) - 1] * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
    _held(job).update(
        state=Job.State.DUE,
        due_at=now() + dt.timedelta(seconds=pause),
        lease_until=None,
        published_at=None,
        last_error=trace,
    )
    log.warning("job_failed", kind=job.kind, attempt=job.attempts)


def _bury(job: Job, trace: str) -> None:
    """Note that a row is not tried again, and tell whoever waits for it, in one commit."""
    kind = wiring().jobs.get(job.kind)
    with transaction.atomic():
        buried = _held(job).update(
            state=Job.State.DEAD, done_at=now(), lease_until=None, last_error=trace
        )
        if buried and kind is not None and kind.died is not None:
            # A row must be buried even if what it was about cannot be read.
            try:
                with transaction.atomic():
                    kind.died(job)
            except Exception as error:
                log.exception("burial_not_told", error=type(error).__name__)
    log.error("job_dead", kind=job.kind, attempts=job.attempts)


def _held(job: Job) -> QuerySet[Job]:
    """Return the row as long as this worker's lease is the one that counts (fencing)."""
    return Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, lease_token=job.lease_token)


def retry(job: Job) -> None:
    """Give a dead job its attempts back and make it due now."""
    Job.objects.filter(pk=job.pk, state=Job.State.DEAD).update(
        state=Job.State.DUE, attempts=0, due_at=now(), done_at=None, published_at=None
    )
