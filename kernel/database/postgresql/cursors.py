"""The cursors of our connection: each has the scope told before its statement.

A round trip costs both sides as much as a small statement does. A prepared statement is
therefore sent together with what is to be said before it, and with the COMMIT behind it,
in libpq's pipeline mode (https://www.postgresql.org/docs/current/libpq-pipeline-mode.html).
The driver has no such thing for one statement: `_maybe_prepare_gen` is a part of its inside,
so its version is bound closely (pyproject.toml), and a frame that was not sent is an error.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import psycopg
from django.db.backends.postgresql import base
from psycopg import generators
from psycopg._preparing import Prepare
from psycopg.waiting import Wait

from kernel.database import scope
from kernel.database.postgresql.driver import require_done, said

DECLARE = "DECLARE"


class Frame(NamedTuple):
    """What is said before a statement, and the scope that it tells.

    `is_of_reads` says that it opens a transaction outside of `atomic`, for reads in the main.
    """

    commands: tuple[bytes, ...]
    value: str
    is_of_reads: bool = False


class Backend(Protocol):
    """What a cursor asks of the connection that it belongs to (`base.DatabaseWrapper`)."""

    def frame_of(self, statement: Any) -> Frame | None:
        """Return what is to be said before a statement; None for nothing."""

    def was_said(self, frame: Frame) -> None:
        """Note what the server knows now."""

    def before(self, statement: Any) -> None:
        """Say at once what is to be said before a statement."""

    def after(self, statement: Any) -> None:
        """Note that a statement succeeded."""

    def failed(self) -> None:
        """Note that a statement failed."""

    def tell(self, value: str) -> None:
        """Tell the open transaction a scope that is not the running code's."""


class _Telling:
    """A cursor that has the scope told before its statements."""

    _conn: Any
    _pgconn: Any
    _frame: Frame | None = None

    @property
    def wrapper(self) -> Backend:
        """Return the connection that knows what was told."""
        wrapper: Backend = self._conn.wrapper
        return wrapper

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run a statement."""
        # Written out, because a context manager costs as much again as the check itself.
        wrapper = self.wrapper
        self._frame = wrapper.frame_of(query)
        try:
            done = super().execute(query, params, **options)  # type: ignore[misc] # the driver's
        except BaseException:
            self._frame = None
            wrapper.failed()
            raise
        if self._frame is not None:
            raise psycopg.InternalError("The scope was not told: is this another driver?")
        wrapper.after(query)
        return done

    def _maybe_prepare_gen(
        self, pgq: Any, *, prepare: bool | None = None, binary: bool | None = None
    ) -> Iterator[Any]:
        """Send a statement, and what is to be said around it."""
        frame, self._frame = self._frame, None
        if frame is not None:
            prepared, name = self._get_prepared(pgq, prepare)  # type: ignore[attr-defined] # the driver's
            if prepared is Prepare.YES:
                yield from self._framed(frame, pgq, name, binary)
                return
            yield from said(self._pgconn, b";".join(frame.commands))
            self.wrapper.was_said(frame)
        yield from super()._maybe_prepare_gen(pgq, prepare=prepare, binary=binary)  # type: ignore[misc] # the driver's

    def _framed(self, frame: Frame, pgq: Any, name: bytes, binary: bool | None) -> Iterator[Any]:  # noqa: FBT001 - the driver's
        """Send a prepared statement and all around it at once; take the answers apart."""
        cursor: Any = self
        connection = self._pgconn
        behind = (b"COMMIT",) if frame.is_of_reads else ()
        try:
            connection.enter_pipeline_mode()
            for command in frame.commands:
                connection.send_query_params(command, None)
            cursor._send_query_prepared(name, pgq, binary=binary)
            for command in behind:
                connection.send_query_params(command, None)
            connection.pipeline_sync()
            yield from generators.send(connection)
            answers = yield from _answers(connection, len(frame.commands) + 1 + len(behind))
            connection.exit_pipeline_mode()
        except BaseException:
            # What else is on its way would be taken for the answers to the next statement.
            connection.finish()
            raise
        self.wrapper.was_said(frame)
        require_done(connection, answers)
        cursor._conn._prepared.maybe_add_to_cache(pgq, Prepare.YES, name)
        cursor._set_results([answers[len(frame.commands)]])

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


def _answers(connection: Any, number: int) -> Generator[Any, Any, list[Any]]:
    """Take the answers of a pipeline of so many statements, up to its end."""
    answers = []
    # Behind each statement's answer comes a None, and behind all of them the end.
    for _ in range(2 * number + 1):
        while connection.is_busy():
            if (yield Wait.R):
                connection.consume_input()
        answer = connection.get_result()
        if answer is not None:
            answers.append(answer)
    return answers[:number]


class _Lasting:
    """A named cursor: what it fetches later is of the scope under which it was opened.

    In autocommit it is held: its statement's transaction ends at once, so that the server
    has read all of it by then. In a transaction the scope is told again before a fetch.
    """

    _conn: Any
    _under = ""

    @property
    def wrapper(self) -> Backend:
        """Return the connection that knows what was told."""
        wrapper: Backend = self._conn.wrapper
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
