"""The cursors of our connection: each has the scope told before its statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from django.db.backends.postgresql import base

from kernel.database import scope

if TYPE_CHECKING:
    from kernel.database.postgresql.base import DatabaseWrapper

DECLARE = "DECLARE"


class _Telling:
    """A cursor that has the scope told before its statements."""

    _conn: Any

    @property
    def wrapper(self) -> "DatabaseWrapper":
        """Return the connection that knows what was told."""
        wrapper: DatabaseWrapper = self._conn.wrapper
        return wrapper

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run a statement."""
        # Written out, because a context manager costs as much again as the check itself.
        self.wrapper.before(query)
        try:
            done = super().execute(query, params, **options)  # type: ignore[misc] # the driver's
        except BaseException:
            self.wrapper.failed()
            raise
        self.wrapper.after(query)
        return done

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        """Run a statement for many parameters."""
        with self._told(query):
            super().executemany(query, params_seq, **options)  # type: ignore[misc] # the driver's

    def stream(self, query: Any, params: Any = None, **options: Any) -> Iterator[Any]:
        """Run a statement and yield its rows as they come."""
        with self._told(query):
            yield from super().stream(query, params, **options)  # type: ignore[misc] # the driver's

    @contextmanager
    def copy(self, statement: Any, params: Any = None, **options: Any) -> Iterator[Any]:
        """Run COPY."""
        with self._told(statement), super().copy(statement, params, **options) as copy:  # type: ignore[misc] # the driver's
            yield copy

    @contextmanager
    def _told(self, statement: Any) -> Iterator[None]:
        self.wrapper.before(statement)
        try:
            yield
        except BaseException:
            self.wrapper.failed()
            raise
        self.wrapper.after(statement)


class _Lasting:
    """A named cursor: what it fetches later is of the scope under which it was opened.

    In autocommit it is held: its statement's transaction ends at once, so that the server
    has read all of it by then. In a transaction the scope is told again before a fetch.
    """

    _conn: Any
    _under = ""

    @property
    def wrapper(self) -> "DatabaseWrapper":
        """Return the connection that knows what was told."""
        wrapper: DatabaseWrapper = self._conn.wrapper
        return wrapper

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Open the cursor."""
        self.wrapper.before(query)
        self._under = scope.current().value
        try:
            done = super().execute(query, params, **options)  # type: ignore[misc] # the driver's
        except BaseException:
            self.wrapper.failed()
            raise
        self.wrapper.after(DECLARE)
        return done

    def fetchone(self) -> Any:
        """Fetch a row."""
        self.wrapper.tell(self._under)
        return super().fetchone()  # type: ignore[misc] # the driver's

    def fetchmany(self, size: int = 0) -> Any:
        """Fetch some rows."""
        self.wrapper.tell(self._under)
        return super().fetchmany(size)  # type: ignore[misc] # the driver's

    def fetchall(self) -> Any:
        """Fetch what is left."""
        self.wrapper.tell(self._under)
        return super().fetchall()  # type: ignore[misc] # the driver's


class Cursor(_Telling, base.Cursor):
    """A cursor whose parameters are bound here."""


class ServerBindingCursor(_Telling, base.ServerBindingCursor):
    """A cursor whose parameters are bound by the server."""


class ServerSideCursor(_Lasting, base.ServerSideCursor):
    """A named cursor whose parameters are bound here."""


class ServerBindingServerSideCursor(_Lasting, psycopg.ServerCursor[Any]):
    """A named cursor whose parameters are bound by the server."""
