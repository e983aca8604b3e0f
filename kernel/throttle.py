"""Rate limits: how often something may happen in a time, for one caller.

Two counters of fixed windows make a sliding one: the window before counts by the share
of it that still lies within the last `window_seconds`. The counters are in Django's
cache, so that all processes share them. When Redis does not answer, each process counts
for itself (`kernel.cache`): a limit is then looser by the number of processes, but it holds.
"""

import hashlib
import math
from dataclasses import dataclass

from django.core.cache import cache

from kernel.clock import now
from kernel.counting.meters import count_throttled
from kernel.errors import Throttled


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


def _judge(scope: str, key: str, limit: int, window_seconds: int, *, count: bool) -> Verdict:
    if limit <= 0:
        return Verdict(True, 0, 0, window_seconds, window_seconds)  # noqa: FBT003 - first field
    moment = now().timestamp()
    window, passed = divmod(moment, window_seconds)
    share = 1 - passed / window_seconds
    name = f"throttle:{scope}:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
    current_name, before_name = f"{name}:{int(window)}", f"{name}:{int(window) - 1}"
    current, before = _read(current_name, before_name)
    carried = before * share
    allowed = current + carried + 1 <= limit
    if allowed and count:
        # The counter's own answer decides between those who read it at the same time.
        current = _increase(current_name, 2 * window_seconds)
        allowed = current + carried <= limit
    if not allowed:
        count_throttled(scope)
    reset = max(1, math.ceil(window_seconds - passed))
    return Verdict(
        allowed=allowed,
        limit=limit,
        remaining=max(0, int(limit - current - carried)) if allowed else 0,
        window_seconds=window_seconds,
        reset_seconds=reset,
        retry_after_seconds=0 if allowed else _wait(current, before, limit, window_seconds, passed),
    )


def _read(*names: str) -> list[int]:
    found = cache.get_many(names)
    return [int(found.get(name, 0)) for name in names]


def _increase(name: str, lifetime_seconds: int) -> int:
    try:
        return int(cache.incr(name))
    except ValueError:
        if cache.add(name, 1, lifetime_seconds):
            return 1
        return int(cache.incr(name))


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
