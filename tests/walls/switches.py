"""The two walls between organizations, each with a switch: for tests that ask what the other holds.

    with scoping_off():     # `.of(organization)` returns every organization's rows
    with security_off():    # PostgreSQL's row policies let everything through

The first wall is `kernel.tenancy` (querysets), the second `kernel.database` (row-level
security). Any test may run its requests under one of them; the same answers must come back.
On SQLite there is no second wall, so there only `security_off` may be used, and does nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from kernel.prepared import Prepared
from kernel.tenancy import TenantQuerySet
from tests.database import as_owner


@contextmanager
def scoping_off() -> Iterator[None]:
    """Let the application forget whose rows it reads: `.of(anybody)` are all rows."""

    def everybodys(rows: Any, _organization: Any) -> Any:
        return rows.all()

    def unprepared(prepared: Prepared[Any], *values: Any) -> list[Any]:
        # What is prepared would keep its scoping, or lose it for the tests to come.
        return list(prepared._build(*values))

    with (
        mock.patch.object(TenantQuerySet, "of", everybodys),
        mock.patch.object(Prepared, "rows", unprepared),
    ):
        yield


@contextmanager
def security_off() -> Iterator[None]:
    """Let the database forget whose rows it shows: the owner here is a superuser."""
    with as_owner():
        yield
