"""Keeps `kernel.clock` in step with the database's clock.

Measured with every new connection, before its first statement, and again every half minute
where a request or a loop begins: one small round trip on a connection that is open anyway.
Installed by the setting STEWARD_DATABASE_TIME; SQLite has no clock of its own.
Tests: tests/kernel/test_synchrony.py, tests/chaos/test_f09_clocks.py.
"""

import time
from contextlib import suppress
from typing import Any

import psycopg
import structlog
from django.conf import settings
from django.core.signals import request_started
from django.db import Error as DatabaseFailure
from django.db import connection as default_connection
from django.db.backends.signals import connection_created

from kernel import clock

log = structlog.stdlib.get_logger(__name__)

EVERY_SECONDS = 30.0
TOLERATED_SKEW_SECONDS = 60.0
NOTABLE_SECONDS = 2.0

_NEVER = float("-inf")

_measured_at = _NEVER
_wall_minus_monotonic = 0.0
_told_skew = False


def install() -> None:
    """Measure whenever a connection is made or a request begins, if the settings say so."""
    if settings.STEWARD_DATABASE_TIME:
        connection_created.connect(_on_connection, dispatch_uid="kernel.synchrony")
        request_started.connect(_on_request, dispatch_uid="kernel.synchrony")


def refresh() -> None:
    """Measure if that was never done or is a while ago; for starts and the turns of loops.

    Does nothing inside a transaction, nor while the database does not answer.
    """
    if not settings.STEWARD_DATABASE_TIME or default_connection.vendor != "postgresql":
        return
    if _measured_at == _NEVER and default_connection.connection is None:
        with suppress(DatabaseFailure):
            default_connection.ensure_connection()  # which measures
        return
    _refresh_on_open_connection()


def measure(connection: Any) -> bool:
    """Go by the database's clock as it is now; return whether it could be asked."""
    global _measured_at, _wall_minus_monotonic
    driver = connection.connection
    if connection.vendor != "postgresql" or driver is None:
        return False
    try:
        # A plain cursor of the driver: no transaction, no scope, not a query of the
        # application's.
        with psycopg.Cursor(driver) as cursor:
            before = time.monotonic()
            row = cursor.execute("SELECT extract(epoch FROM clock_timestamp())").fetchone()
            after = time.monotonic()
    except psycopg.Error:
        return False  # whoever uses the connection next will be told
    assert row is not None  # noqa: S101 - a SELECT of one row
    moment = clock.moment_of(float(row[0]))
    clock.follow(clock.Anchor(moment, at=(before + after) / 2))
    _measured_at, _wall_minus_monotonic = after, time.time() - after
    _tell()
    return True


def _is_old() -> bool:
    """Whether it is time again, or this machine's clock was set, or slept, meanwhile."""
    moment = time.monotonic()
    jumped = abs(time.time() - moment - _wall_minus_monotonic) > NOTABLE_SECONDS
    return moment - _measured_at > EVERY_SECONDS or jumped


def _on_connection(connection: Any, **_kwargs: Any) -> None:
    if connection.alias == default_connection.alias:
        measure(connection)


def _on_request(**_kwargs: Any) -> None:
    # Without a connection: the first one that is opened measures. A probe of the process
    # alone must not wait for a database.
    _refresh_on_open_connection()


def _refresh_on_open_connection() -> None:
    if _is_old() and not default_connection.in_atomic_block:
        measure(default_connection)


def _tell() -> None:
    """Say once when this machine's clock goes wrong, and once when it is right again."""
    global _told_skew  # noqa: PLW0603 - said once a process
    skew = clock.skew_seconds()
    is_skewed = abs(skew) > NOTABLE_SECONDS
    if is_skewed != _told_skew:
        _told_skew = is_skewed
        level = log.warning if is_skewed else log.info
        level("clock_differs_from_database", seconds=round(skew, 1), is_skewed=is_skewed)
