"""Rows to be worked on by workers that fail: put in, and counted."""

import json
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

from kombu import Connection

from tests.chaos.house import House
from tests.chaos.jobs import TABLES
from tests.chaos.ledger import Ledger, Outcome


def make_tables(house: House) -> None:
    """Make the tables of the test jobs; whoever runs the service may use them."""
    house.execute(TABLES)
    house.execute("GRANT ALL ON chaos_start, chaos_effect TO PUBLIC")


def put(
    house: House, ledger: Ledger, kind: str, count: int = 1, **payload: Any
) -> list[str]:
    """Insert rows that are due now; each is an operation that was acknowledged by its commit."""
    made = []
    for _ in range(count):
        operation = ledger.begin(kind, **payload)
        insert(house, kind, {**payload, "op": operation.id})
        ledger.end(operation, Outcome.ACKED, 200, 0)
        made.append(operation.id)
    return made


def insert(house: House, kind: str, payload: Mapping[str, Any] | list[Any] | str) -> str:
    """Insert one row that is due now; return its id."""
    id_ = str(uuid.uuid4())
    house.execute(
        "INSERT INTO kernel_job (id, kind, payload, state, due_at, attempts, created_at, "
        "last_error) VALUES (%s, %s, %s, 'due', now(), 0, now(), '')",
        [id_, kind, json.dumps(payload)],
    )
    return id_


def effects(house: House, prefix: str) -> Counter[str]:
    """Count the effects by operation."""
    found = house.ask(
        "SELECT op, count(*) FROM chaos_effect WHERE op LIKE %s GROUP BY op", [f"{prefix}-%"]
    )
    return Counter(dict(found))


def starts(house: House, prefix: str) -> Counter[str]:
    """Count how often each operation was begun."""
    found = house.ask(
        "SELECT op, count(*) FROM chaos_start WHERE op LIKE %s GROUP BY op", [f"{prefix}-%"]
    )
    return Counter(dict(found))


def states(house: House, kind: str) -> Counter[str]:
    """Count the rows of a kind by their state."""
    return Counter(dict(house.ask(
        "SELECT state, count(*) FROM kernel_job WHERE kind = %s GROUP BY state", [kind]
    )))  # fmt: skip


def publish(house: House, body: Any, **options: Any) -> None:
    """Put a message on the workers' queue that the product never sends."""
    with Connection(f"redis://127.0.0.1:{house.redis_port}/0") as broker:
        broker.Producer().publish(body, routing_key="celery", **options)
