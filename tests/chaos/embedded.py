"""An installation on SQLite, for chaos tests."""

import contextlib
import sqlite3
from collections.abc import Sequence
from typing import Any

from tests.chaos.house import House


class EmbeddedHouse(House):
    """A house whose database is a file in its own directory."""

    def ask(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Ask the database file."""
        path = self.directory / "steward.sqlite3"
        with contextlib.closing(
            sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)
        ) as connection:
            return connection.execute(statement, values).fetchall()
