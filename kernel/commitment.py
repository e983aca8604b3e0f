"""Nothing leaves the house while a transaction is open.

A far end that hangs would hold the row locks, and a mail or request that was sent stays
sent when the transaction is undone. The rule `no-network-in-a-transaction` finds this in
the text; this finds the calls that go through other functions.
"""

from typing import Any

from django.db import connections

from kernel.database import scope


class SentTooEarly(RuntimeError):
    """Something was to be sent from within a transaction: a fault of the program."""


def require_committed(what: str) -> None:
    """Raise `SentTooEarly` while this thread has a transaction open in any database.

    The transaction that a request's reads share holds nothing worth keeping; it ends here.
    Transactions that a test case opens around the whole test do not count: what the test
    calls sees them as the ground it stands on.
    """
    scope.end_reads()
    for connection in connections.all(initialized_only=True):
        blocks: list[Any] = connection.atomic_blocks
        blocks = [block for block in blocks if not block._from_testcase]
        if blocks:
            raise SentTooEarly(
                f"{what} from within a transaction of {connection.alias}. "
                "Insert a job row in the transaction and send from the job."
            )
