"""When a key was last used: noted in memory, written in batches.

A write for each request would cost more than the request. Each process keeps the latest
use of each key and a thread of it writes them every few seconds; a process that is killed
loses those seconds, which only makes "last used" a little old.
"""

import atexit
import datetime as dt
import threading
import uuid
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.db.models import Q

from identity.models import APIKey
from kernel.clock import now
from kernel.principal import Origin

log = structlog.stdlib.get_logger(__name__)

_AT_MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class _Use:
    at: dt.datetime
    ip: str
    agent: str


class UsageBuffer:
    """The latest use of each key since the last flush."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: dict[uuid.UUID, _Use] = {}
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    def note(self, key: APIKey, origin: Origin) -> None:
        """Remember a use; cheap, and bounded in memory."""
        use = _Use(now(), origin.ip[:45], origin.user_agent[:200])
        with self._lock:
            if key.pk in self._latest or len(self._latest) < _AT_MOST_WAITING:
                self._latest[key.pk] = use
            if self._thread is None and settings.STEWARD_USAGE_FLUSH_SECONDS:
                self._thread = threading.Thread(target=self._loop, name="key-usage", daemon=True)
                self._thread.start()
                atexit.register(self._stop)

    def flush(self) -> int:
        """Write what was noted; return how many keys were. Later uses are never overwritten."""
        with self._lock:
            latest, self._latest = self._latest, {}
        if not latest:
            return 0
        with transaction.atomic():
            # In the order of the keys, so that two processes never wait for each other.
            for key_id, use in sorted(latest.items()):
                APIKey.objects.system_all().filter(
                    Q(last_used_at__isnull=True) | Q(last_used_at__lt=use.at), pk=key_id
                ).update(last_used_at=use.at, last_used_ip=use.ip, last_used_agent=use.agent)
        return len(latest)

    def _loop(self) -> None:
        while not self._ending.wait(settings.STEWARD_USAGE_FLUSH_SECONDS):
            try:
                close_old_connections()
                self.flush()
            except DatabaseError as error:
                log.warning("key_usage_not_written", error=type(error).__name__)
        connection.close()

    def _stop(self) -> None:
        self._ending.set()
        try:
            self.flush()
        except DatabaseError:
            log.warning("key_usage_not_written_at_exit")


buffer = UsageBuffer()


def note_use(key: APIKey, origin: Origin) -> None:
    """Remember that a key was used just now."""
    buffer.note(key, origin)
