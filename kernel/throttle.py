"""Rate limits: how often something may happen in a time, for one caller.

Two counters of fixed windows make a sliding one: the window before counts by the share
of it that still lies within the last `window_seconds`. The counters are in Django's
cache, so that all processes share them. When the cache does not answer, each process
counts for itself and leaves the cache alone for a while: a limit is then looser by the
number of processes, but a request never fails or waits because Redis is gone. How long
the first one waits is bounded by the cache's own socket time-out, which
`config.settings` keeps under a second.
"""

import hashlib
import math
import threading
import time
from dataclasses import dataclass

import structlog
from django.core.cache import cache

from kernel.clock import now
from kernel.errors import Throttled

log = structlog.stdlib.get_logger(__name__)

_REST_SECONDS = 5.0
_MAX_LOCAL_COUNTERS = 20_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it may happen, and what to tell the caller about the limit."""

    allowed: bool
    limit: int
    remaining: int
    window_seconds: int
    reset_seconds: int
    retry_after_seconds: int = 0


def hit(scope: str, key: str, limit: int, window_seconds: int) -> Verdict:
    """Count one occurrence for a caller and say whether it is within the limit.

    What is refused is not counted, so a caller who keeps trying is let in again when
    older occurrences have passed. A limit of 0 means no limit.
    """
    return _judge(scope, key, limit, window_seconds, count=True)


def check(scope: str, key: str, limit: int, window_seconds: int) -> Verdict:
    """Say whether one more occurrence would be within the limit, and count nothing."""
    return _judge(scope, key, limit, window_seconds, count=False)


def require(scope: str, key: str, limit: int, window_seconds: int) -> Verdict:
    """Count one occurrence, or raise `Throttled`."""
    verdict = hit(scope, key, limit, window_seconds)
    if not verdict.allowed:
        raise Throttled(
            f"Too many attempts. Wait {verdict.retry_after_seconds} seconds.",
            retry_after_seconds=verdict.retry_after_seconds,
        )
    return verdict


class _SharedCounters:
    """Counters in the cache, left alone for a while after it failed once."""

    def __init__(self) -> None:
        self._resting_until = 0.0
        self._has_failed = False

    @property
    def is_resting(self) -> bool:
        return time.monotonic() < self._resting_until

    def rest(self) -> None:
        self._has_failed = True
        self._resting_until = time.monotonic() + _REST_SECONDS

    def begin(self) -> None:
        """Let one caller try a cache that failed; the others go on without it meanwhile."""
        if self._has_failed:
            self.rest()

    def succeed(self) -> None:
        if self._has_failed:
            self._has_failed, self._resting_until = False, 0.0

    def read(self, names: list[str]) -> list[int]:
        found = cache.get_many(names)
        return [int(found.get(name, 0)) for name in names]

    def increase(self, name: str, lifetime_seconds: int) -> int:
        try:
            return int(cache.incr(name))
        except ValueError:
            if cache.add(name, 1, lifetime_seconds):
                return 1
            return int(cache.incr(name))


class _LocalCounters:
    """Counters of this process, bounded in number."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}

    def read(self, names: list[str]) -> list[int]:
        return [self._counts.get(name, (0, 0.0))[0] for name in names]

    def increase(self, name: str, lifetime_seconds: int) -> int:
        with self._lock:
            count, ends = self._counts.get(name, (0, time.monotonic() + lifetime_seconds))
            self._counts[name] = (count + 1, ends)
            if len(self._counts) > _MAX_LOCAL_COUNTERS:
                self._drop_old()
            return count + 1

    def _drop_old(self) -> None:
        """Drop what has ended; if a flood of callers fills it still, the oldest half."""
        moment = time.monotonic()
        living = {name: kept for name, kept in self._counts.items() if kept[1] > moment}
        if len(living) > _MAX_LOCAL_COUNTERS:
            living = dict(list(living.items())[len(living) // 2 :])
        self._counts = living


_shared = _SharedCounters()
_local = _LocalCounters()


def _judge(scope: str, key: str, limit: int, window_seconds: int, *, count: bool) -> Verdict:
    if limit <= 0:
        return Verdict(True, 0, 0, window_seconds, window_seconds)  # noqa: FBT003 - first field
    if not _shared.is_resting:
        _shared.begin()
        try:
            verdict = _judge_by(_shared, scope, key, limit, window_seconds, count=count)
        except Exception as error:  # noqa: BLE001 - whatever a cache raises, the limit holds
            _shared.rest()
            log.warning("throttle_cache_unreachable", error=type(error).__name__)
        else:
            _shared.succeed()
            return verdict
    return _judge_by(_local, scope, key, limit, window_seconds, count=count)


def _judge_by(
    counters: _SharedCounters | _LocalCounters,
    scope: str,
    key: str,
    limit: int,
    window_seconds: int,
    *,
    count: bool,
) -> Verdict:
    moment = now().timestamp()
    window, passed = divmod(moment, window_seconds)
    share = 1 - passed / window_seconds
    name = f"throttle:{scope}:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
    current_name, before_name = f"{name}:{int(window)}", f"{name}:{int(window) - 1}"
    current, before = counters.read([current_name, before_name])
    carried = before * share
    allowed = current + carried + 1 <= limit
    if allowed and count:
        # The counter's own answer decides between those who read it at the same time.
        current = counters.increase(current_name, 2 * window_seconds)
        allowed = current + carried <= limit
    reset = max(1, math.ceil(window_seconds - passed))
    return Verdict(
        allowed=allowed,
        limit=limit,
        remaining=max(0, int(limit - current - carried)) if allowed else 0,
        window_seconds=window_seconds,
        reset_seconds=reset,
        retry_after_seconds=0 if allowed else _wait(current, before, limit, window_seconds, passed),
    )


def _wait(current: int, before: int, limit: int, window_seconds: int, passed: float) -> int:
    """Return after how many seconds one more will be within the limit.

    Within this window, once enough of the window before has slid out; otherwise in the
    next one, once enough of this one has.
    """
    left = window_seconds - passed
    if current + 1 <= limit and before:
        share = (limit - current - 1) / before
        return max(1, math.ceil(left - share * window_seconds))
    share = min(1.0, (limit - 1) / current)
    return max(1, math.ceil(left + (1 - share) * window_seconds))
