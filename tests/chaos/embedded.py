"""An installation on SQLite, for chaos tests."""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.chaos.house import House
from tests.chaos.verdict import EVENTS


class EmbeddedHouse(House):
    """A house whose database is a file in its own directory, and which has no Redis."""

    @property
    def environment(self) -> dict[str, str]:
        """Return what the processes are told."""
        told = {**super().environment, "CELERY_BROKER_URL": "memory://localhost"}
        del told["REDIS_URL"]
        return told

    def ask(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Ask the database file."""
        path = self.directory / "steward.sqlite3"
        with contextlib.closing(
            sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)
        ) as connection:
            return connection.execute(statement, values).fetchall()

    def effects(self, prefix: str) -> Counter[str]:
        """Count the events that operations with ids of a prefix caused."""
        types = ", ".join("?" * len(EVENTS))
        # Whoever makes a team is placed in it by the same request.
        rows = self.ask(
            f"SELECT request_id FROM kernel_event WHERE request_id LIKE ? AND type IN ({types}) "
            "AND NOT (type = 'orgs.team_member.added' AND request_id IN "
            "(SELECT request_id FROM kernel_event WHERE type = 'orgs.team.created'))",
            [f"{prefix}-%", *EVENTS.values()],
        )
        return Counter(row[0] for row in rows)
