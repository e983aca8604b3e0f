"""The relay: tell Celery which rows are due. Never called from a request.

A wake-up may be lost or doubled without harm; the claim decides. After one failure
the broker is left alone for a while, because a broker that hangs takes the whole
socket time-out for each message.
"""

import datetime as dt
import time

import structlog
from celery import current_app
from django.db.models import F, Q

from kernel.clock import now
from kernel.jobs.models import Job
from kernel.jobs.run import claimable

log = structlog.get_logger(__name__)

TASK = "kernel.jobs.run"
_AGAIN_AFTER = dt.timedelta(minutes=5)
_BROKER_REST_SECONDS = 5.0


class Relay:
    """Publishes wake-ups; remembers for how long to leave a failing broker alone."""

    def __init__(self) -> None:
        self._resting_until = 0.0

    def publish_due(self, *, limit: int = 500) -> int:
        """Send a wake-up for each due row that got none lately; return how many."""
        if time.monotonic() < self._resting_until:
            return 0
        moment = now()
        # Again at the end of a lease, and else seldom: without workers a queue of
        # repetitions would only grow, and the sweep finds what a lost wake-up left.
        stale = (
            Q(published_at=None)
            | Q(state=Job.State.RUNNING, published_at__lt=F("lease_until"))
            | Q(published_at__lt=moment - _AGAIN_AFTER)
        )
        waiting = list(
            Job.objects.filter(claimable(moment) & stale)
            .order_by("due_at")
            .values_list("pk", flat=True)[:limit]
        )
        sent = []
        try:
            for job_id in waiting:
                current_app.send_task(
                    TASK,
                    args=[str(job_id)],
                    retry=False,
                    ignore_result=True,
                    expires=_AGAIN_AFTER.total_seconds(),
                )
                sent.append(job_id)
        except Exception as error:  # noqa: BLE001 - whatever the transport raises, rows wait
            self._resting_until = time.monotonic() + _BROKER_REST_SECONDS
            log.warning("relay_broker_unreachable", error=type(error).__name__)
        Job.objects.filter(pk__in=sent).update(published_at=moment)
        return len(sent)
