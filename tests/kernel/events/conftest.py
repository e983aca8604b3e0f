"""What the tests of the event log share."""

import pytest
from django.db import connection

from tests.database import as_owner


@pytest.fixture
def behind_its_back():
    """Rule the database, and do away with its triggers; all rolled back with the test."""
    with as_owner(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL row_security = off")
            for table in ("kernel_event", "kernel_checkpoint"):
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TRIGGER {name}")
        yield
