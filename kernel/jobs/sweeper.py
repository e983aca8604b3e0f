"""The worker's own sweep: it runs rows without waiting for a broker.

In the embedded set-up it is the only way rows are run, in a thread of the worker; in
production it finds what no wake-up reached, in a process of its own.
"""

import threading
from typing import Any

import structlog
from celery import bootsteps
from django.conf import settings
from django.db import close_old_connections, connection

from kernel.jobs.sweep import sweep
from kernel.jobs.sweep_process import SweepProcess

log = structlog.get_logger(__name__)

_JOIN_SECONDS = 30
_EMBEDDED_JOIN_SECONDS = 3


class Sweeper(bootsteps.StartStopStep):  # type: ignore[misc] # Celery ships no types
    """A step of the worker's start and stop."""

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._ending = threading.Event()
        self._thread = threading.Thread(
            target=_sweep_until, args=(self._ending,), name="sweep", daemon=True
        )
        self._process = SweepProcess(_sweep_until)

    def start(self, _parent: Any) -> None:
        """Begin to sweep."""
        if settings.STEWARD_RELAY:
            self._process.start()
        else:
            self._thread.start()

    def stop(self, _parent: Any) -> None:
        """Finish the row at hand and end."""
        self._ending.set()
        self._process.stop(_JOIN_SECONDS)
        if self._thread.is_alive():
            # At a terminal Ctrl-C ends everything within seconds; what is cut off there
            # rolls back and runs again at the next start.
            self._thread.join(_EMBEDDED_JOIN_SECONDS)

    terminate = stop


def _sweep_until(ending: threading.Event) -> None:
    grace = settings.STEWARD_SWEEP_SECONDS if settings.STEWARD_RELAY else 0
    while not ending.wait(settings.STEWARD_SWEEP_SECONDS):
        try:
            close_old_connections()
            while sweep(limit=20, older_than_seconds=grace, is_ending=ending.is_set):
                pass
        except Exception as error:
            log.warning("sweep_failed", error=type(error).__name__, exc_info=error)
    connection.close()
