"""Every row of a database as text, to compare what was with what is."""

import sqlite3
from collections import Counter
from contextlib import closing
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from tests.operations.installation import Installation

Table = tuple[list[str], Counter[tuple[str, ...]]]


def all_rows(installation: Installation) -> dict[str, Table]:
    """Return each table's columns and rows."""
    if not installation.database_url:
        with closing(sqlite3.connect(installation.folder / "steward.sqlite3")) as database:
            names = database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
            return {
                name: _read(database, f'SELECT * FROM "{name}"') for (name,) in names.fetchall()
            }
    with psycopg.connect(installation.database_url) as database:
        names = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {
            name: _read(database, SQL("SELECT * FROM {}").format(Identifier(name)))
            for (name,) in names.fetchall()
        }


def narrowed(table: Table, columns: list[str]) -> Counter[tuple[str, ...]]:
    """Return a table's rows with these columns only, in this order."""
    places = [table[0].index(column) for column in columns]
    narrow: Counter[tuple[str, ...]] = Counter()
    for row, count in table[1].items():
        narrow[tuple(row[place] for place in places)] += count
    return narrow


def _read(database: Any, query: Any) -> Table:
    cursor = database.execute(query)
    columns = [column[0] for column in cursor.description]
    return columns, Counter(tuple(map(repr, row)) for row in cursor.fetchall())
