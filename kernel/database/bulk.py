"""Many rows at once, as one JSON document: for logs, of which every request writes a line.

Django takes each value of each row through its field and the driver; a document is read by
the database itself, which costs a process that serves requests a tenth of that.
Tests: tests/kernel/database/test_bulk.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.db import connection
from django.db.models import Model

_encode = msgspec.json.Encoder().encode


def insert(model: type[Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows given by column, all with the same ones and in forms that JSON has.

    No signals, no defaults: each column without one in the database must be given.
    """
    if not rows:
        return
    if connection.vendor != "postgresql":
        # ast-grep-ignore: no-way-around-the-tenant - each row says whose it is
        model._base_manager.bulk_create(model(**row) for row in rows)
        return
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    columns = ", ".join(quote(name) for name in rows[0])
    statement = (
        f"INSERT INTO {table} ({columns}) SELECT {columns} "  # noqa: S608 - names of our models # nosec B608
        f"FROM json_populate_recordset(NULL::{table}, %s::json)"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [_encode(rows).decode()])


def fill_in(
    model: type[Model], rows: Sequence[Mapping[str, Any]], *, only_same: Sequence[str] = ()
) -> None:
    """Set columns of rows given by their key, where those of `only_same` are still as given.

    For what may be lost: rows that somebody else holds just now stay as they are. Never
    waiting for one, a batch waits with nobody in a circle.
    """
    if not rows:
        return
    key_column = model._meta.pk.attname
    filled = [name for name in rows[0] if name != key_column and name not in only_same]
    if connection.vendor != "postgresql":
        for row in rows:
            same = {name: row[name] for name in (key_column, *only_same)}
            # ast-grep-ignore: no-way-around-the-tenant - each row is named by its key
            model._base_manager.filter(**same).update(**{name: row[name] for name in filled})
        return
    quote = connection.ops.quote_name
    table, key = quote(model._meta.db_table), quote(key_column)
    still = " AND ".join(f"t.{quote(name)} = d.{quote(name)}" for name in (key_column, *only_same))
    columns = ", ".join(f"{quote(name)} = d.{quote(name)}" for name in filled)
    statement = (
        f"WITH d AS (SELECT * FROM json_populate_recordset(NULL::{table}, %s::json)), "  # noqa: S608 - names of our models # nosec B608
        f"free AS (SELECT t.{key} FROM {table} t JOIN d ON {still} FOR UPDATE OF t SKIP LOCKED) "
        f"UPDATE {table} t SET {columns} FROM d JOIN free ON free.{key} = d.{key} WHERE {still}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [_encode(rows).decode()])
