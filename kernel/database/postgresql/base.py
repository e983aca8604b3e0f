"""Django's PostgreSQL backend, with the scope told to the server in every transaction.

The policies of `kernel.database.walls` read a transaction-local setting. Before a statement
this backend makes sure that it says what `kernel.database.scope` says:

- The connection's driver stays in autocommit and this class says BEGIN itself, when a
  transaction's first statement comes, with the setting in the same round trip. So a scope
  costs `atomic` nothing.
- Inside a transaction a changed scope is told before the next statement. What was told
  before a savepoint that is rolled back is told again.
- A read outside of `atomic` gets a transaction all the same, because without one there is
  no setting and no row. A statement that the driver has prepared, which is one that it has
  seen some times, comes with all of it in one round trip: BEGIN, setting, statement, COMMIT
  (`cursors`). In a request other reads share a transaction, which `atomic` takes over where
  it begins, and which ends with the request, before a statement that cannot run in it, and
  after one that is not a plain SELECT: its effect is durable at once. Elsewhere each read
  has its own.
- Nobody's rows (`NOWHERE`) need no setting, hence no transaction.

The setting is only ever made by SET LOCAL: a plain SET would outlive its transaction and
serve the next request. Statements of this class pass beneath Django's cursors, so they are
neither logged nor counted as the application's queries.
"""

import re
import time
from contextlib import suppress
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import register_tzloader
from psycopg.pq import Format, TransactionStatus

from kernel.database import scope
from kernel.database.postgresql import cursors
from kernel.database.postgresql.cursors import Frame
from kernel.database.postgresql.driver import CHECK_SECONDS, driver, said
from kernel.database.walls import SETTING

_TIMESTAMPTZ_OID = psycopg.adapters.types["timestamptz"].oid

_LATELY_SECONDS = 1.0
"""So long after an answer a connection on which nothing came in counts as alive."""

_BEFORE = r"(?:[\s(]|--[^\n]*\n|/\*.*?\*/)*"
_SELECT = re.compile(rf"{_BEFORE}SELECT\b", re.IGNORECASE | re.DOTALL)
_OF_ROWS = re.compile(
    rf"{_BEFORE}(?:SELECT|WITH|INSERT|UPDATE|DELETE|MERGE|COPY|VALUES|TABLE|EXPLAIN|DO)\b",
    re.IGNORECASE | re.DOTALL,
)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that keeps the server's idea of the scope equal to ours."""

    _told: str | None = ""
    """What the running transaction was told; None after a savepoint was rolled back."""
    _is_reading = False
    """Whether the open transaction is one of reads outside of `atomic`."""

    _answered_at = 0.0
    """When the server last answered, by `time.monotonic`."""

    Database = driver
    health_check_enabled: bool
    health_check_done: bool

    def get_connection_params(self) -> dict[str, Any]:
        """Return the driver's parameters, with cursors that tell the scope."""
        options = self.settings_dict["OPTIONS"]
        for name in ("pool", "isolation_level"):
            if options.get(name):
                raise ImproperlyConfigured(f"This backend does not know the option {name!r}.")
        params = super().get_connection_params()
        binds_on_server = options.get("server_side_binding") is True
        params["cursor_factory"] = (
            cursors.ServerBindingCursor if binds_on_server else cursors.Cursor
        )
        params["autocommit"] = True
        # A session of ours always has the setting; the walls let the tables' owner through
        # where it does not exist (see kernel.database.walls).
        params["options"] = f"{params.get('options', '')} -c {SETTING}=".strip()
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; nothing was told to a new connection."""
        self._told, self._is_reading = "", False
        connection = super().get_new_connection(conn_params)
        # Cursors find their way back by it, those that the driver makes by itself as well.
        connection.wrapper = self
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor; a named one outlives its statement's transaction in autocommit."""
        if name is None:
            return super().create_cursor()
        binds_on_server = self.settings_dict["OPTIONS"].get("server_side_binding") is True
        kind: Any = (
            cursors.ServerBindingServerSideCursor if binds_on_server else cursors.ServerSideCursor
        )
        cursor = kind(self.connection, name=name, scrollable=False, withhold=self.autocommit)
        loader = self.connection.adapters.get_loader(_TIMESTAMPTZ_OID, Format.TEXT)
        if self.timezone != loader.timezone:
            register_tzloader(self.timezone, cursor)
        return cursor

    # --- transactions ---------------------------------------------------------------------

    def _set_autocommit(self, autocommit: bool) -> None:  # noqa: FBT001 - Django's signature
        """Begin or end manual transactions; BEGIN itself waits for the first statement.

        Reads that share a transaction hand it over: nothing was written in it, and each
        statement of it sees what was committed by then (READ COMMITTED).
        """
        if not autocommit:
            self._is_reading = False

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc] # not in the stubs
        self._told = None

    def close(self) -> None:
        """Close the connection; the server rolls back what was open."""
        self._is_reading = False
        super().close()

    def end_reads(self) -> None:
        """End the transaction that reads outside of `atomic` share, if one is open.

        Nothing was written in it, so a connection that is lost just now loses nothing.
        """
        if not self._is_reading:
            return
        self._is_reading = False
        try:
            self._say(b"COMMIT")
        except psycopg.Error:
            self.close()

    # --- health ---------------------------------------------------------------------------

    def is_usable(self) -> bool:
        """Whether the server answers; the empty statement is the cheapest question."""
        if self.connection is None:
            return False
        try:
            self._say(b"", seconds=CHECK_SECONDS)
        except psycopg.Error:
            return False
        return True

    def close_if_health_check_failed(self) -> None:
        """Check a connection before its first use in a request.

        One that answered a moment ago is not asked; that the server ended it since, its
        socket says. Where a read comes next, BEGIN is the question: one round trip for both.
        """
        if self.connection is None or not self.health_check_enabled or self.health_check_done:
            return
        lately = time.monotonic() - self._answered_at < _LATELY_SECONDS
        if lately and self._is_quiet():
            self.health_check_done = True
            return
        wanted = scope.current()
        if not (self.autocommit and wanted.holds and wanted.value) or self._is_open():
            super().close_if_health_check_failed()
            return
        frame = Frame(_begin(wanted.value), wanted.value, is_of_reads=True)
        try:
            self._say(b";".join(frame.commands), seconds=CHECK_SECONDS)
            self.was_said(frame)
        except psycopg.Error:
            self.close()
        self.health_check_done = True

    # --- around each statement ------------------------------------------------------------

    def before(self, statement: Any) -> None:
        """Open a transaction and tell the scope, as far as the statement needs it."""
        frame = self.frame_of(statement)
        if frame:
            self._say(b";".join(frame.commands))
            self.was_said(frame)

    def frame_of(self, statement: Any) -> Frame | None:
        """Return what is to be said before a statement; None for nothing."""
        status = self.connection.pgconn.transaction_status
        wanted = scope.current().value
        if status == TransactionStatus.INTRANS:
            if self._is_reading and not _is_of_rows(statement):
                self.end_reads()
            elif wanted != self._told:
                return Frame((_set_local(wanted),), wanted)
        elif status == TransactionStatus.IDLE:
            is_of_reads = self.autocommit
            if not is_of_reads or (wanted and _is_of_rows(statement)):
                return Frame(_begin(wanted), wanted, is_of_reads)
        return None

    def was_said(self, frame: Frame) -> None:
        """Note what the server knows now, and whether a transaction of reads is open."""
        self._told = frame.value
        if frame.is_of_reads:
            self._is_reading = self._is_open()

    def after(self, statement: Any) -> None:
        """End a transaction of reads unless more of them may follow."""
        self._answered_at = time.monotonic()
        if self._is_reading and not (scope.current().holds and _is_select(statement)):
            self._is_reading = False
            self._say(b"COMMIT")

    def tell(self, value: str) -> None:
        """Tell the open transaction a scope that is not the running code's."""
        if self._is_open() and value != self._told:
            self._say(_set_local(value))
            self._told = value

    def failed(self) -> None:
        """End a transaction of reads whose statement failed."""
        if self._is_reading:
            self._is_reading = False
            with suppress(psycopg.Error):
                self._say(b"ROLLBACK")

    def _is_open(self) -> bool:
        return bool(self.connection.pgconn.transaction_status != TransactionStatus.IDLE)

    def _is_quiet(self) -> bool:
        """Whether the server has not hung up, as far as this machine knows.

        The first look may take in what it said at parting, the second meets the end. A poll
        would let other threads run in between, which costs more than both.
        """
        try:
            for _ in range(2):
                self.connection.pgconn.consume_input()
        except psycopg.Error:
            return False
        return True

    def _say(self, command: bytes, *, seconds: float | None = None) -> None:
        """Send a command of this class beneath all cursors; raise what the server says.

        Wait as long as the driver does, or so many seconds.
        """
        connection = self.connection
        with connection.lock:
            connection.wait(said(connection.pgconn, command), timeout=seconds)


def _begin(value: str) -> tuple[bytes, ...]:
    return (b"BEGIN", _set_local(value)) if value else (b"BEGIN",)


def _set_local(value: str) -> bytes:
    # `Scope.value` is an id's digits and dashes, a star or nothing: safe in quotes.
    return f"SET LOCAL {SETTING} = '{value}'".encode()


def _is_select(statement: Any) -> bool:
    return isinstance(statement, str) and (
        statement.startswith("SELECT") or _SELECT.match(statement) is not None
    )


def _is_of_rows(statement: Any) -> bool:
    """Whether a statement reads or writes rows; the others may refuse to run in a transaction."""
    if isinstance(statement, bytes):
        statement = statement.decode(errors="replace")
    elif not isinstance(statement, str):
        statement = statement.as_string(None)
    return statement.startswith("SELECT") or _OF_ROWS.match(statement) is not None
