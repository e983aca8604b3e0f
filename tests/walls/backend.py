"""What tests of the database backend ask of the connection, and beneath it."""

from typing import Any

from django.db import connection
from psycopg.pq import TransactionStatus

from orgs.models import Team


def seen() -> set[Any]:
    """Return whose teams the database shows; the query itself names nobody."""
    return set(Team._base_manager.values_list("organization_id", flat=True))


def status() -> TransactionStatus:
    """Return what the server says of the connection's transaction."""
    return TransactionStatus(connection.connection.pgconn.transaction_status)


def told() -> str:
    """Return what the setting is just now, asked beneath the backend."""
    result = connection.connection.pgconn.exec_(b"SHOW steward.organization")
    return str(result.get_value(0, 0).decode())


def plainly() -> dict[str, Any]:
    """Return how another program connects to the database: as its owner, without our backend."""
    at = connection.settings_dict
    return {
        "dbname": at["NAME"],
        "user": at["USER"],
        "host": at["HOST"],
        "port": at["PORT"],
        "password": at["PASSWORD"] or None,
    }
