"""The ledger: what was asked of the service, written down before it was sent.

An append-only file, synchronised to the disk before each request leaves, so that whatever
dies afterwards it is known what may have happened. After the answer a second line tells the
outcome: acked (2xx), refused (4xx) or unknown (5xx, reset, time-out). An operation without
an outcome is unknown. When an operation is sent again its newest outcome counts.
"""

import json
import os
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Outcome(StrEnum):
    """What the caller was told."""

    ACKED = "acked"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Operation:
    """One thing asked. Its id is the Idempotency-Key, the request id, and in what it makes."""

    id: str
    kind: str
    arguments: Mapping[str, Any]
    outcome: Outcome = Outcome.UNKNOWN
    sent: int = 1
    answers: list[int] = field(default_factory=list)
    """The statuses in their order; 0 stands for no answer."""


class Ledger:
    """Operations under one prefix of ids; safe for many threads."""

    def __init__(self, path: Path, *, prefix: str = "") -> None:
        self.prefix = prefix or f"op{secrets.token_hex(3)}"
        self.path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()
        self._count = 0

    def begin(self, kind: str, **arguments: Any) -> Operation:
        """Write down a new operation; on return it is on the disk and may be sent."""
        with self._lock:
            self._count += 1
            operation = Operation(f"{self.prefix}-{self._count:05}", kind, arguments)
        self._write(op=operation.id, kind=kind, arguments=arguments)
        return operation

    def begin_again(self, operation: Operation) -> None:
        """Write down that an operation is sent once more, under the same id."""
        operation.sent += 1
        self._write(op=operation.id, again=operation.sent)

    def end(self, operation: Operation, outcome: Outcome, status: int, seconds: float) -> None:
        """Write down what the caller was told; status 0 is no answer."""
        operation.outcome = outcome
        operation.answers.append(status)
        line = {"op": operation.id, "outcome": outcome, "status": status}
        self._write(**line, seconds=round(seconds, 4))

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _write(self, **line: Any) -> None:
        os.write(self._descriptor, json.dumps(line).encode() + b"\n")
        os.fdatasync(self._descriptor)


def read(path: Path) -> dict[str, Operation]:
    """Return the operations of a ledger's file by id, each with its newest outcome.

    A last line that was cut off (the writer was killed) is left out: its operation had not
    been sent, or its outcome is unknown.
    """
    operations: dict[str, Operation] = {}
    for text in path.read_text().splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            continue
        if "kind" in line:
            operations[line["op"]] = Operation(line["op"], line["kind"], line["arguments"])
            continue
        operation = operations[line["op"]]
        if "again" in line:
            operation.sent = line["again"]
        else:
            operation.outcome = Outcome(line["outcome"])
            operation.answers.append(line["status"])
    return operations
