"""What is wrong with the second wall of a database: who connects, and which tables stand open."""

from collections.abc import Iterator
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from kernel.database.roles import APPEND_ONLY

UNWALLED: dict[str, str] = {}
"""Tables that have an organization's id and no wall, with the reason."""

_COLUMN = "organization_id"
_TENANT = "orgs_organization"

_ROLE = """
    SELECT who.rolname,
           who.rolsuper,
           who.rolbypassrls,
           (SELECT min(owned.tablename) FROM pg_tables owned
             WHERE owned.schemaname = current_schema()
               AND pg_has_role(who.rolname, owned.tableowner, 'MEMBER'))
      FROM pg_roles who
     WHERE who.rolname IN (current_user, session_user)
"""

_OPEN = """
    SELECT t.relname
      FROM pg_class t
     WHERE t.relkind IN ('r', 'p')
       AND t.relnamespace = current_schema()::regnamespace
       AND (t.relname = %s OR EXISTS (
             SELECT 1 FROM pg_attribute c
              WHERE c.attrelid = t.oid AND c.attname = %s AND NOT c.attisdropped))
       AND NOT (t.relrowsecurity AND t.relforcerowsecurity
                AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = t.oid))
     ORDER BY t.relname
"""

_CHANGEABLE = """
    SELECT tablename FROM pg_tables
     WHERE schemaname = current_schema() AND tablename = ANY(%s)
       AND has_table_privilege(current_user, quote_ident(tablename), 'UPDATE, DELETE, TRUNCATE')
     ORDER BY tablename
"""


def faults_of(connection: BaseDatabaseWrapper) -> list[str]:
    """Return what keeps the wall from holding for this connection, in sentences."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        return [*_of_role(cursor), *_of_tables(cursor), *_of_trail(cursor)]


def open_tables(cursor: Any) -> list[str]:
    """Return the tenants' tables without a forced policy, and without a reason for that."""
    cursor.execute(_OPEN, [_TENANT, _COLUMN])
    return [name for (name,) in cursor.fetchall() if name not in UNWALLED]


def _of_role(cursor: Any) -> Iterator[str]:
    cursor.execute(_ROLE)
    for name, is_superuser, bypasses, owned in cursor.fetchall():
        if is_superuser:
            yield f"The database role {name} is a superuser and sees through every wall."
        elif bypasses:
            yield f"The database role {name} has BYPASSRLS and sees through every wall."
        elif owned:
            yield f"The database role {name} owns tables ({owned}) and may open their walls."


def _of_tables(cursor: Any) -> Iterator[str]:
    found = open_tables(cursor)
    if found:
        yield f"No row-level security is forced on: {', '.join(found)}."


def _of_trail(cursor: Any) -> Iterator[str]:
    cursor.execute(_CHANGEABLE, [list(APPEND_ONLY)])
    found = [name for (name,) in cursor.fetchall()]
    if found:
        yield f"The database role may change the audit trail ({', '.join(found)})."
