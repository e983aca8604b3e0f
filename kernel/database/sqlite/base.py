"""Django's SQLite backend, whose transactions wait for their turn before they begin.

Only those of `atomic`, which begin IMMEDIATE (`config.settings.base.sqlite`): a statement
outside of it takes SQLite's own lock for its moment.
"""

from pathlib import Path

from django.db import OperationalError
from django.db.backends.sqlite3 import base

from kernel.database.sqlite.turns import Turns, turns_at

_DEFAULT_SECONDS = 5.0


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that holds the turn from BEGIN to the end of its transaction."""

    _turns: Turns | None = None
    """Whose turn is held, while it is."""

    def _start_transaction_under_autocommit(self) -> None:
        turns = self._turns_of_file()
        if turns is not None:
            seconds = float(self.settings_dict["OPTIONS"].get("timeout", _DEFAULT_SECONDS))
            if not turns.take(seconds):
                raise OperationalError("database is locked: others wrote for too long")
        self._turns = turns
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc] # not in the stubs
        except BaseException:
            self._give_turn()
            raise

    def _set_autocommit(self, autocommit: bool) -> None:  # noqa: FBT001 - Django's signature
        """End manual transactions; every way out of `atomic` comes by here, or closes."""
        super()._set_autocommit(autocommit)  # type: ignore[misc] # not in the stubs
        if autocommit:
            self._give_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc] # not in the stubs
        finally:
            self._give_turn()

    def _give_turn(self) -> None:
        held, self._turns = self._turns, None
        if held is not None:
            held.give()

    def _turns_of_file(self) -> Turns | None:
        """Return the turns of the file; None for a database in memory, which is one process's."""
        if self.is_in_memory_db():
            return None
        return turns_at(Path(str(self.settings_dict["NAME"])).resolve())
