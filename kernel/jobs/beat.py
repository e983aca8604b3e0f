"""Celery beat's scheduler: inserts slot rows and relays wake-ups.

It keeps no schedule of its own, so two beats at once do no harm and a beat without
a broker still inserts what is due.
"""

from typing import Any

import structlog
from celery.beat import Scheduler
from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import close_old_connections

from kernel.jobs.relay import Relay
from kernel.jobs.schedule import insert_due_slots

log = structlog.get_logger(__name__)

_TICK_SECONDS = 0.5


class RowScheduler(Scheduler):  # type: ignore[misc] # Celery ships no types
    """A scheduler whose state is the job table."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._relay = Relay()
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Take nothing over: the schedules are in `config/wiring.py`."""
        self.data.clear()

    def tick(self, *_args: Any, **_kwargs: Any) -> float:
        """Insert due slots, wake workers, and say how many seconds to sleep."""
        try:
            close_old_connections()
            insert_due_slots()
            if settings.STEWARD_RELAY:
                self._relay.publish_due()
        except DatabaseFailure as error:
            log.warning("beat_database_unreachable", error=type(error).__name__)
        return _TICK_SECONDS
