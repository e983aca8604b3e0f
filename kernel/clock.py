"""The one source of time, so that tests can move it and decisions agree.

Leases, expiries and limits are compared among processes on many machines; the database's
clock is the one that they share. `follow` ties this process to it: from then on time is
the database's at that moment plus what the monotonic clock has counted since, whatever
this machine's own clock says or jumps to. `kernel.synchrony` calls it.
"""

import datetime as dt
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Anchor:
    """What the database's clock said (`moment`) when the monotonic clock stood at `at`."""

    moment: dt.datetime
    at: float

    def now(self) -> dt.datetime:
        """Return the database's time, reckoned."""
        return self.moment + dt.timedelta(seconds=time.monotonic() - self.at)


STEADY_SECONDS = 0.05
"""Differences below this are the network's: time would only jitter, and run backwards."""

_anchor: Anchor | None = None


def now() -> dt.datetime:
    """Return the current moment, aware and in UTC."""
    return system_now() if _anchor is None else _anchor.now()


def system_now() -> dt.datetime:
    """Return what this machine's clock says: for the logs, never for a decision."""
    return dt.datetime.now(tz=dt.UTC)  # noqa: TID251 - the one place


def moment_of(epoch_seconds: float) -> dt.datetime:
    """Return the moment so many seconds after the epoch."""
    return dt.datetime.fromtimestamp(epoch_seconds, tz=dt.UTC)


def follow(anchor: Anchor | None) -> None:
    """Go by a measurement of the database's clock from now on; None: by this machine's."""
    global _anchor  # noqa: PLW0603 - a process has one time
    if anchor is not None and _anchor is not None:
        drift = (anchor.now() - _anchor.now()).total_seconds()
        if abs(drift) < STEADY_SECONDS:
            return
    _anchor = anchor


def skew_seconds() -> float:
    """Return how far this machine's clock is ahead of the time that we go by."""
    return (system_now() - now()).total_seconds()
