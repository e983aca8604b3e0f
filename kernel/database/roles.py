"""The service's own database role: it changes rows, owns nothing and passes no wall.

A superuser and a role with BYPASSRLS see through every policy, and the owner of a table may
take its policy away; so the service connects as neither. `create` makes such a role and
`grant` gives it what it needs; both may be repeated, and run beside each other.
"""

import random
import secrets
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import InternalError, OperationalError, ProgrammingError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import IntegrityError
from psycopg import sql

T = TypeVar("T")

APPEND_ONLY = ("kernel_event", "kernel_checkpoint")
"""Tables whose rows the service adds and never changes: the audit trail."""

READ_ONLY = ("django_migrations",)
"""Tables that the service only looks at."""

SETTINGS = {
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "15s",
}
"""What bounds each connection of the role, however it is made."""

_ATTRIBUTES = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"
_AT_MOST_TRIES = 8


class RoleRefused(Exception):
    """The role cannot be the service's; the text says why."""


def create(connection: BaseDatabaseWrapper, role: str, *, password: str | None = None) -> list[str]:
    """Make or mend the role, and grant it what it needs; return what was done, in sentences.

    Run it as the owner of the tables, who may create roles, or as a superuser. The server is
    sent the password's SCRAM verifier and never the password. Raises `RoleRefused`.
    """
    return _in_turn(lambda: _create(connection, role, password))


def grant(connection: BaseDatabaseWrapper, role: str) -> list[str]:
    """Grant the role what it needs on all tables, those of the future included."""
    return _in_turn(lambda: _grant(connection, role))


def new_password() -> str:
    """Return a password that needs no quoting in a URL."""
    return secrets.token_urlsafe(24)


def exists(connection: BaseDatabaseWrapper, role: str) -> bool:
    """Whether there is such a role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        return cursor.fetchone() is not None


def _create(connection: BaseDatabaseWrapper, role: str, password: str | None) -> list[str]:
    done = []
    name = sql.Identifier(role)
    with connection.cursor() as cursor:
        _refuse_owner(cursor, role)
        if not exists(connection, role):
            # ast-grep-ignore: no-formatted-sql - words of this file
            cursor.execute(sql.SQL("CREATE ROLE {} " + _ATTRIBUTES).format(name))
            done.append(f"Created the role {role}.")
        elif _mend_attributes(cursor, role):
            done.append(f"Took from {role} what passes walls or makes roles and databases.")
        if password is not None:
            verifier = _verifier(connection, role, password)
            cursor.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(verifier))
            )
            done.append(f"Set the password of {role}.")
        for setting, value in SETTINGS.items():
            if _setting_of(cursor, role, setting) != value:
                cursor.execute(
                    sql.SQL("ALTER ROLE {} SET {} = {}").format(
                        name, sql.Identifier(setting), sql.Literal(value)
                    )
                )
                done.append(f"Set {setting} of {role} to {value}.")
    return [*done, *_grant(connection, role)]


def _grant(connection: BaseDatabaseWrapper, role: str) -> list[str]:
    name = sql.Identifier(role)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), current_database()")
        schema_name, database_name = cursor.fetchone()
        schema, database = sql.Identifier(schema_name), sql.Identifier(database_name)
        tables = set(connection.introspection.table_names(cursor))
        for statement in (
            "GRANT CONNECT ON DATABASE {database} TO {role}",
            "REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role}",
            "GRANT USAGE ON SCHEMA {schema} TO {role}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
            "REVOKE TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA {schema} FROM {role}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} "
            "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} "
            "GRANT USAGE, SELECT ON SEQUENCES TO {role}",
        ):
            cursor.execute(
                sql.SQL(statement).format(role=name, schema=schema, database=database)
            )
        done = [f"Granted {role} the rows of {len(tables)} tables, and of those to come."]
        for names, privileges, what in (
            (APPEND_ONLY, "UPDATE, DELETE", "Revoked changing and deleting"),
            (READ_ONLY, "INSERT, UPDATE, DELETE", "Revoked writing"),
        ):
            for table in sorted(tables.intersection(names)):
                cursor.execute(
                    # ast-grep-ignore: no-formatted-sql - words of this file
                    sql.SQL("REVOKE " + privileges + " ON {} FROM PUBLIC, {}").format(
                        sql.Identifier(table), name
                    )
                )
                done.append(f"{what} in {table}.")
    return done


def _refuse_owner(cursor: Any, role: str) -> None:
    cursor.execute("SELECT current_user, session_user")
    if role in cursor.fetchone():
        raise RoleRefused(
            f"{role} is the role of this connection. The service needs one of its own: "
            "connect as the owner of the tables (STEWARD_MIGRATION_DATABASE_URL)."
        )
    cursor.execute("SELECT tablename FROM pg_tables WHERE tableowner = %s LIMIT 1", [role])
    owned = cursor.fetchone()
    if owned:
        raise RoleRefused(f"{role} owns tables ({owned[0]}); who owns a table can open its wall.")


def _mend_attributes(cursor: Any, role: str) -> bool:
    cursor.execute(
        "SELECT rolcanlogin AND NOT (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole "
        "OR rolreplication) FROM pg_roles WHERE rolname = %s",
        [role],
    )
    if cursor.fetchone()[0]:
        return False
    # ast-grep-ignore: no-formatted-sql - words of this file
    cursor.execute(sql.SQL("ALTER ROLE {} " + _ATTRIBUTES).format(sql.Identifier(role)))
    return True


def _setting_of(cursor: Any, role: str, setting: str) -> str:
    cursor.execute("SELECT unnest(rolconfig) FROM pg_roles WHERE rolname = %s", [role])
    found = dict(row[0].split("=", 1) for row in cursor.fetchall())
    return str(found.get(setting, ""))


def _verifier(connection: BaseDatabaseWrapper, role: str, password: str) -> str:
    connection.ensure_connection()
    driver: Any = connection.connection
    encrypted: bytes = driver.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    )
    return encrypted.decode()


def _in_turn(act: Callable[[], T]) -> T:
    """Do it again if somebody else changed the same roles meanwhile.

    Roles are shared by all databases of a server and no lock is, so two that start at once
    are told so by an error of the catalogue.
    """
    for again in range(_AT_MOST_TRIES):
        try:
            with transaction.atomic():
                return act()
        except (InternalError, IntegrityError, OperationalError, ProgrammingError) as error:
            state = getattr(error.__cause__, "sqlstate", "")
            # Concurrently updated; a twin of the role; taken in a circle.
            if state not in ("XX000", "23505", "42710", "40P01") or again == _AT_MOST_TRIES - 1:
                raise
            time.sleep(random.uniform(0.05, 0.3) * (again + 1))  # noqa: S311 - not a secret
    raise AssertionError
