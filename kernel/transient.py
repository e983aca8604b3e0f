"""Database refusals that pass by themselves: tell them, and try the whole thing again.

Transactions that wait for each other in a circle, or that did not fit side by side, are
undone by the database, wholly. Whoever called can simply call again. That is done at the
outermost door of a change (`kernel.api.endpoint`, `orgs.doors.console`), never inside a
transaction: one that was undone cannot be gone on with. Jobs have attempts of their own.
Tests: tests/kernel/test_transient.py.
"""

import random
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from django.db import Error as DatabaseFailure
from django.db import InterfaceError, OperationalError, connection

T = TypeVar("T")

log = structlog.stdlib.get_logger(__name__)

ATTEMPTS = 4
"""The first one and three more."""
PATIENCE_SECONDS = 8.0
"""No attempt begins later than this: whoever waited out a lock's time-out is told so."""
RETRY_SECONDS = 1
"""What is said to whom it was refused all the same (Retry-After)."""
_PAUSE_SECONDS = 0.02

# serialization_failure, deadlock_detected, lock_not_available (PostgreSQL, appendix A).
_UNDONE = frozenset({"40001", "40P01", "55P03"})
_SQLITE_UNDONE = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def was_undone(exc: BaseException) -> bool:
    """Whether the database undid a transaction for the sake of another one.

    A connection that broke is not among them: what it asked for may have been done.
    """
    cause = exc.__cause__
    if isinstance(cause, sqlite3.OperationalError):
        # The low byte is the kind, the rest says more (SQLITE_BUSY_SNAPSHOT).
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SQLITE_UNDONE
    return getattr(cause, "sqlstate", None) in _UNDONE


def is_transient(exc: BaseException) -> bool:
    """Whether a database error can pass by itself.

    Locks, serialization failures, time-outs, lost connections and a full disk are; a
    table that does not exist (SQLite reports it as operational) is not.
    """
    if not isinstance(exc, OperationalError | InterfaceError):
        return False
    return not str(exc).startswith("no such ")


def again_if_undone(
    act: Callable[[], T], *, sleep: Callable[[float], object] = time.sleep
) -> T:
    """Return what `act` returns; call it again, at most three times, where it was undone.

    Between two calls lies a short pause, longer each time and by chance, so that those who
    met do not meet again. Inside a transaction the error goes up at once: the transaction
    as a whole is what must be repeated.
    """
    begun = time.monotonic()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return act()
        except DatabaseFailure as error:
            late = time.monotonic() - begun > PATIENCE_SECONDS
            if connection.in_atomic_block or not was_undone(error) or late or attempt == ATTEMPTS:
                raise
            log.info("undone_and_tried_again", attempt=attempt, error=str(error.__cause__)[:200])
        sleep(_PAUSE_SECONDS * 4**attempt * random.uniform(0.25, 1))  # noqa: S311 - no secret
    raise AssertionError  # pragma: no cover - the last attempt returned or raised
