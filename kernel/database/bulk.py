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
