"""The driver, less patient than it comes: no wait for PostgreSQL is without end.

A server that is gone without a word (its machine stopped, a firewall forgot the connection)
leaves a client waiting for an answer for ever: `statement_timeout` is the server's own clock,
and keep-alive probes are answered by whatever lies between. So each wait for an answer has an end,
a little after the server would have ended the statement itself; a connection that stayed
silent until then is closed, and what was asked of it may have been done or not.
Tests: tests/kernel/test_silent_database.py.
"""

from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any, TypeVar

import psycopg
from psycopg import errors, generators
from psycopg.pq import ExecStatus

T = TypeVar("T")

ANSWER_SECONDS = 12.0
"""How long one answer may take; statements end after ten seconds (`config.settings`)."""
CHECK_SECONDS = 3.0
"""How long the answer to the question may take whether a connection is alive."""
_INTERVAL_SECONDS = 0.1
_FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE)


class Connection(psycopg.Connection[Any]):
    """A connection that does not wait for ever."""

    def wait(
        self, gen: Any, interval: float = _INTERVAL_SECONDS, timeout: float | None = None
    ) -> Any:
        """Wait for what a generator waits for; close the connection if it takes too long."""
        limit = ANSWER_SECONDS if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except errors._WaitTimeout:
            if timeout is not None:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(
                f"The server did not answer for {limit:g} seconds; the connection is closed."
            ) from None


def said(pgconn: Any, command: bytes) -> Iterator[Any]:
    """Send commands, in the driver's way of waiting; raise what the server says."""
    pgconn.send_query(command)
    results = yield from generators.execute(pgconn)
    require_done(pgconn, results)


def require_done(pgconn: Any, results: Iterable[Any]) -> None:
    """Raise what the server says of the first command that failed."""
    for result in results:
        if result.status in _FAILED:
            raise errors.error_from_result(result, encoding=pgconn._encoding)


driver: Any = SimpleNamespace(**{**vars(psycopg), "connect": Connection.connect})
"""What Django takes for the driver's module."""
