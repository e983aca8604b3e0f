"""The two roles of a run on PostgreSQL: the service's, as which tests run, and the owner's.

The run connects as the owner (who may create databases) and takes the service's role at
once (`-c role=…`): what the server permits and shows is what it would to the service. Only
what a service never does (migrations, the flush between tests, planting what cannot be)
steps back into the owner's role.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from kernel.database import roles

SERVICE_ROLE = "steward_test_app"

TO_OWNER = "SET ROLE NONE"
TO_SERVICE = f"SET ROLE {SERVICE_ROLE}"


def become_the_service() -> str:
    """Make the role, and let every connection from now on have it; return the options before."""
    roles.create(connection, SERVICE_ROLE)
    options: dict[str, Any] = connection.settings_dict["OPTIONS"]
    before: str = options["options"]
    options["options"] = f"{before} -c role={SERVICE_ROLE}"
    connection.close()
    return before


def become_the_owner(options: str) -> None:
    """Undo `become_the_service`."""
    connection.close()
    connection.settings_dict["OPTIONS"]["options"] = options


@contextmanager
def as_owner() -> Iterator[None]:
    """Let this thread's connection be the owner's within the block, in its open transaction."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(TO_OWNER)
    try:
        yield
    finally:
        if not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute(TO_SERVICE)


@contextmanager
def ground() -> Iterator[None]:
    """Open the transaction in which tests of one module stand, and undo it at the end.

    To the product it is a test case's own, like the one around each test in it: what must
    not happen within a transaction (sending, for one) may happen here.
    """
    around: Any = transaction.atomic()
    around._from_testcase = True
    with around:
        yield
        transaction.set_rollback(True)
