"""The relay: tell Celery which rows are due. Never called from a request.

A wake-up may be lost or doubled without harm; the claim decides. After one failure
the broker is left alone for a while, because a broker that hangs takes the whole
socket time-out for each message. Some waits of the broker's clients know no time-out, so
messages are sent from a thread of their own: what hangs there never stops the beat.
"""

import datetime as dt
import threading
import time
import uuid

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
_SEND_SECONDS = 6.0
"""How long sending may take before the broker counts as hung."""
_HUNG_SECONDS = 60.0
"""How long a broker is left alone in which a sender hangs without end."""


class Relay:
    """Publishes wake-ups; remembers for how long to leave a failing broker alone."""

    def __init__(self) -> None:
        self._resting_until = 0.0
        self._sender: threading.Thread | None = None

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
        sent = self._send(waiting)
        Job.objects.filter(pk__in=sent).update(published_at=moment)
        return len(sent)

    def _send(self, waiting: list[uuid.UUID]) -> list[uuid.UUID]:
        """Send the wake-ups from a thread; return those that were sent in time."""
        if not waiting:
            return []
        if self._sender is not None and self._sender.is_alive():
            # It hung before, and a long rest has passed: it keeps its connection, we try anew.
            log.warning("relay_sender_hangs")
        sent: list[uuid.UUID] = []
        failures: list[Exception] = []
        app = current_app._get_current_object()

        def send() -> None:
            try:
                for job_id in waiting:
                    app.send_task(
                        TASK,
                        args=[str(job_id)],
                        retry=False,
                        ignore_result=True,
                        expires=_AGAIN_AFTER.total_seconds(),
                    )
                    sent.append(job_id)
            except Exception as error:  # noqa: BLE001 - whatever the transport raises, rows wait
                failures.append(error)

        self._sender = threading.Thread(target=send, name="relay", daemon=True)
        self._sender.start()
        self._sender.join(_SEND_SECONDS)
        if self._sender.is_alive():
            self._rest(_HUNG_SECONDS, "NoAnswer")
        elif failures:
            self._rest(_BROKER_REST_SECONDS, type(failures[0]).__name__)
        return list(sent)

    def _rest(self, seconds: float, why: str) -> None:
        self._resting_until = time.monotonic() + seconds
        log.warning("relay_broker_unreachable", error=why)
