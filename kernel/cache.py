"""The shared cache, which does without Redis when Redis is gone.

Redis holds nothing here that cannot be done without: counters of rate limits, and what is read
faster from memory. When it fails, each process goes on with a memory of its own: limits are
then looser by the number of processes, but they hold, and no request fails or waits.

One failure is enough for all threads to leave Redis alone, so only what is under way in that
moment waits, for the time-out that `config.settings` keeps at a tenth of a second. No request
finds out whether Redis is back: a thread in the background does, by writing to it, because a
Redis whose memory is full still answers reads.
Tests: tests/kernel/test_cache.py.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

log = structlog.stdlib.get_logger(__name__)

PROBE_SECONDS = 0.5
"""How often a Redis that failed is tried again."""
_SPARE_ENTRIES = 20_000
_FAILURES = (RedisError, OSError)


class _Client(RedisCacheClient):
    """Django's client, which makes redis-py's anew for each call: that takes as long as the call.

    They are safe to share between threads; connections are the pool's.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._made: dict[bool, Any] = {}

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        """Return the client for reads or for writes."""
        made = self._made.get(write)
        if made is None:
            made = self._made[write] = super().get_client(key, write=write)
        return made


class SharedCache(RedisCache):
    """Django's cache in Redis, with the process's own memory to fall back on."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _Client
        self._name = str(server)
        options = {"MAX_ENTRIES": _SPARE_ENTRIES}
        self._spare = LocMemCache(f"spare of {server}", {**params, "OPTIONS": options})

    @property
    def guard(self) -> "Guard":
        """Return what decides whether Redis is asked: one for the server and process."""
        return _guard_of(self._name)

    def add(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> bool:
        """Store a value unless there is one; say whether it was stored."""
        return bool(self._either("add", key, value, *args, **kwargs))

    def get(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        """Return a value."""
        return self._either("get", key, *args, **kwargs)

    def set(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> None:
        """Store a value."""
        self._either("set", key, value, *args, **kwargs)

    def touch(self, key: Any, *args: Any, **kwargs: Any) -> bool:
        """Give a value another lifetime; say whether there is one."""
        return bool(self._either("touch", key, *args, **kwargs))

    def delete(self, key: Any, *args: Any, **kwargs: Any) -> bool:
        """Forget a value; say whether there was one."""
        return bool(self._either("delete", key, *args, **kwargs))

    def get_many(self, keys: Any, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        """Return the values that there are."""
        found: dict[Any, Any] = self._either("get_many", list(keys), *args, **kwargs)
        return found

    def has_key(self, key: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether there is a value."""
        return bool(self._either("has_key", key, *args, **kwargs))

    def incr(self, key: Any, *args: Any, **kwargs: Any) -> int:
        """Add to a number and return it; raise ValueError if there is none."""
        return int(self._either("incr", key, *args, **kwargs))

    def set_many(self, data: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Store values."""
        return list(self._either("set_many", data, *args, **kwargs) or [])

    def delete_many(self, keys: Any, *args: Any, **kwargs: Any) -> None:
        """Forget values."""
        self._either("delete_many", list(keys), *args, **kwargs)

    def clear(self) -> None:
        """Forget everything, here as well."""
        self._spare.clear()
        self._either("clear")

    def _either(self, what: str, *args: Any, **kwargs: Any) -> Any:
        """Do it in Redis, or here if that fails or is known to fail."""
        guard = self.guard
        if guard.lets_through(self._probe):
            try:
                return getattr(super(), what)(*args, **kwargs)
            except _FAILURES as error:
                guard.trip(error, self._probe)
        return getattr(self._spare, what)(*args, **kwargs)

    def _probe(self) -> None:
        """Raise if Redis cannot be written to."""
        client = self._cache.get_client(None, write=True)
        client.set(f"probe:{os.getpid()}", 1, px=1000)


class Guard:
    """Knows whether a server is to be asked, and finds out when it is back."""

    def __init__(self) -> None:
        self._is_open = True
        self._lock = threading.Lock()
        self._prober: threading.Thread | None = None

    @property
    def is_open(self) -> bool:
        """Whether the server answered lately."""
        return self._is_open

    def lets_through(self, probe: Callable[[], None]) -> bool:
        """Whether to ask the server."""
        if not self._is_open:
            # Whoever stopped the thread (a fork does) left the knowledge behind.
            self._watch(probe)
        return self._is_open

    def trip(self, error: Exception, probe: Callable[[], None]) -> None:
        """Leave the server alone until a probe succeeds."""
        if self._is_open:
            log.warning("cache_unreachable", error=type(error).__name__)
        self._is_open = False
        self._watch(probe)

    def _watch(self, probe: Callable[[], None]) -> None:
        """Let one thread try the server until it answers."""
        if self._prober is not None and self._prober.is_alive():
            return
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._prober = threading.Thread(
                target=self._try_until_back, args=(probe,), name="cache-probe", daemon=True
            )
            self._prober.start()
        finally:
            self._lock.release()

    def _try_until_back(self, probe: Callable[[], None]) -> None:
        while True:
            time.sleep(PROBE_SECONDS)
            try:
                probe()
            except _FAILURES:
                continue
            self._is_open = True
            log.warning("cache_back")
            return


_guards: dict[str, Guard] = {}


def _guard_of(name: str) -> Guard:
    return _guards.get(name) or _guards.setdefault(name, Guard())


def _forget() -> None:
    _guards.clear()


# A lock that another thread held at the fork would never be let go of in the child.
os.register_at_fork(after_in_child=_forget)
