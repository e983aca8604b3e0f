"""One migration at a time: a second `migrate` waits until the first is through.

PostgreSQL: an advisory lock of a session of its own, which ends with that session, so a
`migrate` that is killed leaves nothing behind. It needs a direct connection: a pooler
that gives a session away after each transaction would give the lock away as well.
SQLite: a lock on a file beside the database's.
"""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

LOCK = 0x57E_3A2D
"""The advisory lock's number; every release must use the same."""

_AGAIN_SECONDS = 0.25


@contextmanager
def one_at_a_time(
    connection: BaseDatabaseWrapper, *, on_wait: Callable[[], None]
) -> Iterator[None]:
    """Hold the right to change the schema; call `on_wait` once if somebody else has it."""
    if connection.vendor == "postgresql":
        with _advisory_lock(connection, on_wait):
            yield
        return
    name = str(connection.settings_dict["NAME"])
    if not name or name == ":memory:" or "mode=memory" in name:
        yield
        return
    with _file_lock(Path(f"{name}.migrating"), on_wait):
        yield


@contextmanager
def _advisory_lock(connection: BaseDatabaseWrapper, on_wait: Callable[[], None]) -> Iterator[None]:
    holder: Any = connection.copy()
    try:
        with holder.cursor() as cursor:

            def take() -> bool:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
                return bool(cursor.fetchone()[0])

            _wait_for(take, on_wait)
        yield
    finally:
        holder.close()


@contextmanager
def _file_lock(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:

        def take() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        _wait_for(take, on_wait)
        yield


def _wait_for(take: Callable[[], bool], on_wait: Callable[[], None]) -> None:
    if take():
        return
    on_wait()
    while not take():
        time.sleep(_AGAIN_SECONDS)
