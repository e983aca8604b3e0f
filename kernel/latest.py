"""The latest of something for each of many, noted in memory and written in batches.

A write for each request would cost more than the request. A process keeps the latest value
of each name, and one thread writes what was noted every few seconds. A process that is
killed loses those seconds, so this is for "last used" and "last seen" and nothing that
counts. See docs/adr/0004.
"""

import atexit
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection
from django.db.models import Model, QuerySet

from kernel.database.scope import across

K = TypeVar("K", bound=Hashable)
M = TypeVar("M", bound=Model)
V = TypeVar("V")

log = structlog.stdlib.get_logger(__name__)

_AT_MOST = 10_000
_MANY = 2_000
"""So many are written before their time, or the rest of a burst would find no room."""


class LatestBuffer(Generic[K, V]):
    """Latest values by name; `write` stores a batch, in a transaction of its own.

    What was noted within the last `rest_seconds` is not noted again: so long a value may
    be old for the sake of fewer writes.
    """

    def __init__(self, write: Callable[[Mapping[K, V]], None], *, rest_seconds: float = 0) -> None:
        self._write = write
        self._rest_seconds = rest_seconds
        self._lock = threading.Lock()
        self._latest: dict[K, V] = {}
        self._noted_at: dict[K, float] = {}
        _all.append(self)

    def note(self, name: K, value: V) -> None:
        """Keep a value to be written; cheap, and bounded in memory."""
        with self._lock:
            if self._rest_seconds and self._is_resting(name):
                return
            if name in self._latest or len(self._latest) < _AT_MOST:
                self._latest[name] = value
            many = len(self._latest) >= _MANY
        _start_thread()
        if many:
            _wake.set()

    def flush(self) -> int:
        """Write what was noted; return how many names were."""
        with self._lock:
            latest, self._latest = self._latest, {}
        if latest:
            self._write(latest)
        return len(latest)

    def _is_resting(self, name: K) -> bool:
        moment = time.monotonic()
        if moment - self._noted_at.get(name, -self._rest_seconds) < self._rest_seconds:
            return True
        if len(self._noted_at) >= _AT_MOST:
            self._noted_at.clear()
        self._noted_at[name] = moment
        return False


def unheld(rows: QuerySet[M]) -> QuerySet[M]:
    """Narrow rows to those that nobody else holds just now.

    A batch holds many rows of many organizations, in no order that actions know. Never
    waiting for one, it waits with nobody in a circle; what is passed over is noted again.
    """
    free = rows.select_for_update(of=("self",), skip_locked=True).values("pk")
    return rows.filter(pk__in=free)


def flush_all() -> int:
    """Write what every buffer of this process holds; return how many names were."""
    return sum(buffer.flush() for buffer in _all)


_all: list[LatestBuffer] = []  # type: ignore[type-arg] # buffers of whatever names
_ending = threading.Event()
_wake = threading.Event()
_starting = threading.Lock()
_thread: threading.Thread | None = None


def _start_thread() -> None:
    global _thread  # noqa: PLW0603 - one thread of the process writes for all buffers
    if _thread is not None or not settings.STEWARD_USAGE_FLUSH_SECONDS:
        return
    with _starting:
        if _thread is None:
            _thread = threading.Thread(target=_loop, name="latest", daemon=True)
            _thread.start()
            atexit.register(_stop)


def _loop() -> None:
    while not _ending.is_set():
        _wake.wait(settings.STEWARD_USAGE_FLUSH_SECONDS)
        _wake.clear()
        if _ending.is_set():
            break
        close_old_connections()
        _try_to_flush()
    connection.close()


def _stop() -> None:
    _ending.set()
    _wake.set()
    _try_to_flush()


def _try_to_flush() -> None:
    for buffer in _all:
        try:
            with across("a batch notes what was used in many organizations"):
                buffer.flush()
        except DatabaseError as error:
            log.warning("latest_not_written", error=type(error).__name__)
