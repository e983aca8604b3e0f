"""Django's PostgreSQL backend, with the scope told to the server in every transaction.

The policies of `kernel.database.walls` read a transaction-local setting. Before a statement
this backend makes sure that it says what `kernel.database.scope` says:

- The connection's driver stays in autocommit and this class says BEGIN itself, when a
  transaction's first statement comes, with the setting in the same round trip. So a scope
  costs `atomic` nothing.
- Inside a transaction a changed scope is told before the next statement. What was told
  before a savepoint that is rolled back is told again.
- A read outside of `atomic` gets a transaction all the same, because without one there is
  no setting and no row. In a request such reads share one, which `atomic` takes over where it
  begins, and which ends with the request, before a statement that cannot run in it, and
  after one that is not a plain SELECT: its effect is durable at once. Elsewhere each read
  has its own.
- Nobody's rows (`NOWHERE`) need no setting, hence no transaction.

The setting is only ever made by SET LOCAL: a plain SET would outlive its transaction and
serve the next request. Statements of this class pass beneath Django's cursors, so they are
neither logged nor counted as the application's queries.
"""

import re
from contextlib import suppress
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import register_tzloader
from psycopg import errors, generators
from psycopg.pq import ExecStatus, Format, TransactionStatus

from kernel.database import scope
from kernel.database.postgresql import cursors
from kernel.database.postgresql.driver import CHECK_SECONDS, driver
from kernel.database.walls import SETTING

_TIMESTAMPTZ_OID = psycopg.adapters.types["timestamptz"].oid
_FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE)

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

        Where a read comes next, BEGIN is the question: one round trip for both.
        """
        if self.connection is None or not self.health_check_enabled or self.health_check_done:
            return
        wanted = scope.current()
        if not (self.autocommit and wanted.holds and wanted.value) or self._is_open():
            super().close_if_health_check_failed()
            return
        try:
            self._begin(wanted.value, seconds=CHECK_SECONDS)
            self._is_reading = True
        except psycopg.Error:
            self.close()
        self.health_check_done = True

    # --- around each statement ------------------------------------------------------------

    def before(self, statement: Any) -> None:
        """Open a transaction and tell the scope, as far as the statement needs it."""
        status = self.connection.pgconn.transaction_status
        wanted = scope.current().value
        if status == TransactionStatus.INTRANS:
            if self._is_reading and not _is_of_rows(statement):
                self.end_reads()
            elif wanted != self._told:
                self._say(_set_local(wanted))
                self._told = wanted
        elif status == TransactionStatus.IDLE:
            if not self.autocommit:
                self._begin(wanted)
            elif wanted and _is_of_rows(statement):
                self._begin(wanted)
                self._is_reading = True

    def after(self, statement: Any) -> None:
        """End a transaction of reads unless more of them may follow."""
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

    def _begin(self, value: str, *, seconds: float | None = None) -> None:
        self._say(b"BEGIN;" + _set_local(value) if value else b"BEGIN", seconds=seconds)
        self._told = value

    def _say(self, command: bytes, *, seconds: float | None = None) -> None:
        """Send a command of this class beneath all cursors; raise what the server says.

        Wait as long as the driver does, or so many seconds.
        """
        connection = self.connection
        with connection.lock:
            connection.pgconn.send_query(command)
            results = connection.wait(generators.execute(connection.pgconn), timeout=seconds)
        for result in results:
            if result.status in _FAILED:
                raise errors.error_from_result(result, encoding=connection.pgconn._encoding)


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
