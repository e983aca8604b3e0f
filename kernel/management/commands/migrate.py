"""`manage.py migrate`: Django's, made safe beside a running service.

One at a time; as the owner of the tables; a lock that is not to be had within seconds is
given up and tried again later, because whoever waits for a table's lock stops everybody
behind them.
"""

import random
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import OperationalError, connections, transaction

from kernel.upgrade.owner import as_owner
from kernel.upgrade.plan import locks_of
from kernel.upgrade.turns import one_at_a_time

_PAUSES_SECONDS = (0.5, 1, 2, 4, 8)
_GIVEN_UP = {
    "55P03": "a table was locked by somebody else",
    "57014": "a statement took longer than allowed",
    "40P01": "it stood in a circle of locks",
}


class Command(DjangoMigrate):
    """Migrates with an advisory lock, lock and statement time-outs, and retries."""

    _around: transaction.Atomic | None = None

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the two time-outs."""
        super().add_arguments(parser)  # type: ignore[arg-type] # Django's own parser is one
        parser.add_argument(
            "--lock-timeout", type=float, default=4, metavar="SECONDS",
            help="give up waiting for a table after this time and try again later (4)",
        )  # fmt: skip
        parser.add_argument(
            "--statement-timeout", type=float, default=5, metavar="SECONDS",
            help="the longest that one statement may hold its locks (5; 0: no limit). "
            "Migrations that run outside of a transaction have no limit.",
        )  # fmt: skip

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        """Leave out the checks that ask as the service's role: it may not exist yet."""
        return {**super().get_check_kwargs(options), "databases": []}

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, or say what would be done."""
        self._timeouts = options["lock_timeout"], options["statement_timeout"]
        self._alias = options["database"]
        with as_owner():
            if options["plan"] or options["check_unapplied"]:
                super().handle(*args, **options)
                if options["plan"]:
                    self._print_locks()
                return
            connection = connections[self._alias]
            with one_at_a_time(connection, on_wait=self._say_that_it_waits):
                try:
                    self._migrate(*args, **options)
                finally:
                    self._set_timeouts(None)

    def migration_progress_callback(
        self, action: str, migration: Any = None, fake: bool = False  # noqa: FBT001, FBT002
    ) -> None:
        """Print progress; give each migration the time-outs that fit it."""
        if action in ("apply_start", "unapply_start"):
            # Outside of a transaction are those that build an index CONCURRENTLY: they
            # take long and stop nobody.
            lock, statement = self._timeouts
            self._set_timeouts((lock, statement if migration.atomic else 0))
            if migration.atomic:
                self._begin()
        elif action in ("apply_success", "unapply_success") and migration.atomic:
            self._commit()
        super().migration_progress_callback(action, migration, fake)

    def _begin(self) -> None:
        """Begin the transaction in which a migration is applied, and noted as applied.

        Django notes it afterwards: whoever is killed in between could never migrate again.
        """
        connection = connections[self._alias]
        # SQLite looks at foreign keys at the end, and can be told so outside of a transaction.
        connection.disable_constraint_checking()
        self._around = transaction.atomic(using=self._alias)
        self._around.__enter__()

    def _commit(self) -> None:
        assert self._around is not None  # noqa: S101 - begun as the migration was
        self._around.__exit__(None, None, None)
        self._around = None
        connections[self._alias].enable_constraint_checking()

    def _migrate(self, *args: Any, **options: Any) -> None:
        for pause in (*_PAUSES_SECONDS, None):
            try:
                super().handle(*args, **options)
            except Exception as error:
                if self._around is not None or isinstance(error, OperationalError):
                    self._leave_transaction()
                reason = _GIVEN_UP.get(getattr(error.__cause__, "sqlstate", ""))
                if reason is None:
                    raise
                if pause is None:
                    raise CommandError(
                        f"Gave up after {len(_PAUSES_SECONDS) + 1} attempts: {reason}. What was "
                        "applied stays, the rest was rolled back. Run it again when less is going "
                        "on, or with a longer --lock-timeout or --statement-timeout."
                    ) from error
                self.stderr.write(f"Rolled back, because {reason}; trying again.")
                time.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311 - no secret
            else:
                return

    def _leave_transaction(self) -> None:
        """End the transaction of a migration that failed, and those that Django leaves open in it.

        Constraints are added as its schema editor ends, outside of what would undo them
        (`BaseDatabaseSchemaEditor.__exit__`).
        """
        self._around = None
        connection = connections[self._alias]
        if not connection.in_atomic_block:
            return
        connection.atomic_blocks.clear()
        connection.in_atomic_block = False
        connection.close()

    def _set_timeouts(self, seconds: tuple[float, float] | None) -> None:
        """Set the session's time-outs, or take back what was set."""
        connection = connections[self._alias]
        if connection.vendor != "postgresql":
            return
        if seconds is None and (connection.connection is None or connection.in_atomic_block):
            return
        with connection.cursor() as cursor:
            if seconds is None:
                cursor.execute("RESET lock_timeout; RESET statement_timeout")
                return
            lock, statement = (f"{int(value * 1000)}ms" for value in seconds)
            cursor.execute(
                "SELECT set_config('lock_timeout', %s, false), "
                "set_config('statement_timeout', %s, false)",
                [lock, statement],
            )

    def _say_that_it_waits(self) -> None:
        self.stdout.write("Another migration is running; waiting for its end.")

    def _print_locks(self) -> None:
        for line in locks_of(connections[self._alias]):
            self.stdout.write(line)
