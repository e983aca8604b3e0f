"""What a migration would lock, and for how many rows: `manage.py migrate --plan`."""

import re
from collections.abc import Iterator

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

_ALTER = re.compile(r'^\s*ALTER TABLE (?:ONLY )?"?(\w+)"?', re.IGNORECASE)
_INDEX = re.compile(r'^\s*CREATE (?:UNIQUE )?INDEX .*? ON "?(\w+)"?', re.IGNORECASE | re.DOTALL)
_DROP = re.compile(r'^\s*DROP TABLE "?(\w+)"?', re.IGNORECASE)
_REWRITE = re.compile(r"^\s*(?:UPDATE|DELETE FROM) \"?(\w+)\"?", re.IGNORECASE)
_TRIGGER = re.compile(r'CREATE TRIGGER .*? ON "?(\w+)"?', re.IGNORECASE | re.DOTALL)

LOCKS = (
    (_DROP, "no reads, no writes"),
    (_ALTER, "no reads, no writes"),
    (_INDEX, "no writes"),
    (_TRIGGER, "no writes"),
    (_REWRITE, "the changed rows"),
)


def locks_of(connection: BaseDatabaseWrapper) -> Iterator[str]:
    """Yield a line for each table that a waiting migration would lock (PostgreSQL).

    The statements are those that Django would send; what a migration does in Python is
    not among them. The row counts are the server's estimates.
    """
    if connection.vendor != "postgresql":
        return
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    rows = _rows(connection)
    for migration, is_backwards in waiting:
        statements = executor.loader.collect_sql([(migration, is_backwards)])
        seen: dict[tuple[str, str], None] = {}
        for statement in statements:
            for pattern, lock in LOCKS:
                found = pattern.search(statement)
                if found and found.group(1) in rows and "CONCURRENTLY" not in statement:
                    seen[found.group(1), lock] = None
                    break
        for table, lock in seen:
            yield f"{migration}: {table} (about {rows[table]} rows): {lock} meanwhile"
        if not seen:
            yield f"{migration}: locks no table that is there"


def _rows(connection: BaseDatabaseWrapper) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, greatest(reltuples, 0)::bigint FROM pg_class "
            "WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
        )
        return dict(cursor.fetchall())
