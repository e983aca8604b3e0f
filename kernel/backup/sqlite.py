"""SQLite: a copy by its online backup, and a copy that takes the database's place.

The copy is a snapshot: writers go on meanwhile. A restored file is migrated and checked
beside its place and moved there last.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import connection

from kernel.backup.refusal import Refusal
from kernel.clock import now

DATA = "database.sqlite3"


def copy_to(target: Path) -> None:
    """Write a snapshot of the database to a file."""
    # A connection of its own: one that is writing would wait for itself, for ever.
    place = str(connection.settings_dict["NAME"])
    with closing(sqlite3.connect(place)) as source, closing(sqlite3.connect(target)) as copy:
        # All pages in one step: in parts it would start again at each write of another process.
        source.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode=DELETE")
    require_whole(target)


def require_whole(path: Path) -> None:
    """Raise `Refusal` unless SQLite finds the file in order."""
    try:
        with closing(sqlite3.connect(path)) as database:
            (answer,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        answer = str(error)
    if answer != "ok":
        raise Refusal(f"SQLite finds the data damaged: {answer}.")


@contextmanager
def pointed_at(path: Path) -> Iterator[None]:
    """Let the default connection be that of another file within the block.

    At its end the file stands alone: nothing is left in a write-ahead log.
    """
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = str(path)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("PRAGMA journal_mode=DELETE")


def require_unused(path: Path) -> None:
    """Raise `Refusal` while a process has the database open."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=1)) as database:
            # Leaving the write-ahead log takes that nobody else is there.
            (mode,) = database.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError:
        mode = "in use"
    except sqlite3.DatabaseError:
        return
    if mode != "delete":
        raise Refusal(f"{path} is in use. Stop the service first.")


def put_in_place(path: Path, place: Path, *, keeps: bool) -> Path | None:
    """Move a restored file to its place; return where the old one went, if it is kept."""
    kept = None
    if keeps:
        kept = place.with_name(f"{place.name}.before-{now():%Y%m%dT%H%M%S}")
        place.rename(kept)
    path.replace(place)
    return kept
