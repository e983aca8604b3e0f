"""Signed checkpoints: what an outsider can hold against whoever rules the database.

A checkpoint states where a chain stood at a time, signed with Ed25519. It is made every
hour for each chain that moved, on request, and whenever the log is exported; kept in a
table, written to the log stream and appended to a file outside of the database. What is
signed is `Statement.text`, so anybody can verify it with the public key alone.
"""

import datetime as dt
import json
import os
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from kernel.clock import now
from kernel.crypto.signing import signing_ring
from kernel.events.chain import Break, Mark
from kernel.events.models import ChainHead, Checkpoint
from kernel.jobs.models import Job

log = structlog.stdlib.get_logger(__name__)

_KIND = "steward-audit-checkpoint-1"
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Statement:
    """Where a chain stood when, with the signature under it."""

    organization_id: uuid.UUID
    sequence: int
    hash: str
    made_at: dt.datetime
    key_id: str
    signature: str

    @classmethod
    def of(cls, row: Checkpoint) -> "Statement":
        """Return what a row states."""
        return cls(
            row.organization_id, row.sequence, row.hash, row.made_at, row.key_id, row.signature
        )

    @property
    def text(self) -> str:
        """Return exactly what is signed: JSON with sorted keys and without white space."""
        return _text(self.organization_id, self.sequence, self.hash, self.made_at)

    @property
    def line(self) -> str:
        """Return the statement as a line of the file."""
        return _dense(
            {**json.loads(self.text), "key_id": self.key_id, "signature": self.signature}
        )

    @property
    def is_genuine(self) -> bool:
        """Whether a key of the ring signed it."""
        return signing_ring().verifies(self.key_id, self.signature, self.text.encode())

    @property
    def mark(self) -> Mark:
        """Return the statement as a place that a chain has to pass."""
        when = self.made_at.astimezone(dt.UTC).isoformat(timespec="seconds")
        return Mark(self.sequence, self.hash, f"the checkpoint of {when}")


def make(organization_ids: Iterable[uuid.UUID] | None = None) -> list[Checkpoint]:
    """Sign the heads that moved since they were signed last; return the new checkpoints.

    Not to be called in a transaction that appended to a chain: what is signed and written
    to the file must be there for good. The file comes first, so a crash leaves it ahead.
    """
    heads = _unsigned()
    if organization_ids is not None:
        heads = heads.filter(pk__in=list(organization_ids))
    made: list[Checkpoint] = []
    while batch := list(heads.order_by("pk")[:_AT_ONCE]):
        rows = [_sign(head) for head in batch]
        _publish(rows)
        # Whoever signed the same place just now has said the same.
        Checkpoint.objects.bulk_create(rows, ignore_conflicts=True)
        made += rows
        heads = heads.filter(pk__gt=batch[-1].pk)
    return made


def make_due(_job: Job) -> None:
    """Sign what moved (job of every hour)."""
    make()


def latest(organization_id: uuid.UUID) -> Checkpoint | None:
    """Return the newest checkpoint of a chain."""
    return Checkpoint.objects.of(organization_id).order_by("-sequence", "-pk").first()


def known(
    organization_id: uuid.UUID,
    *,
    elsewhere: Iterable[Statement] = (),
    newest: int | None = None,
) -> tuple[list[Mark], list[Break]]:
    """Return what vouches for a chain, and a break for each statement that nobody signed.

    Joins the table's checkpoints (all, or the `newest` so many) with statements found
    `elsewhere`, in the file or in somebody's hands.
    """
    rows = Checkpoint.objects.of(organization_id).order_by("-sequence", "-pk")
    stated = {Statement.of(row) for row in (rows if newest is None else rows[:newest])}
    stated |= {found for found in elsewhere if found.organization_id == organization_id}
    marks, breaks = [], []
    for statement in sorted(stated, key=lambda found: (found.sequence, found.made_at)):
        if statement.is_genuine:
            marks.append(statement.mark)
        else:
            why = (
                "its signature is not valid"
                if signing_ring().knows(statement.key_id)
                else f"its key {statement.key_id} is not in STEWARD_CHECKPOINT_KEYS"
            )
            breaks.append(
                Break(organization_id, statement.sequence, f"{statement.mark.said_by}: {why}")
            )
    return marks, breaks


def read(path: Path) -> Iterator[Statement]:
    """Yield the statements of a file, line by line. Raises `ValueError` for a bad line."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            # A crash in the middle of a write leaves an unfinished last line.
            if line.strip() and line.endswith("\n"):
                yield _parse(line, f"{path}, line {number}")


def by_organization(statements: Iterable[Statement]) -> Mapping[uuid.UUID, list[Statement]]:
    """Group statements by their chain."""
    grouped: dict[uuid.UUID, list[Statement]] = defaultdict(list)
    for statement in statements:
        grouped[statement.organization_id].append(statement)
    return grouped


def newest_in_file() -> Mapping[uuid.UUID, list[Statement]]:
    """Return each chain's newest statement in the installation's own file, if there is one."""
    newest: dict[uuid.UUID, Statement] = {}
    path = own_file()
    for statement in read(path) if path else ():
        before = newest.get(statement.organization_id)
        if before is None or before.sequence <= statement.sequence:
            newest[statement.organization_id] = statement
    return {organization_id: [statement] for organization_id, statement in newest.items()}


def own_file() -> Path | None:
    """Return the file that this installation appends to, if it is set and there."""
    path = Path(settings.STEWARD_CHECKPOINT_FILE) if settings.STEWARD_CHECKPOINT_FILE else None
    return path if path is not None and path.exists() else None


def _unsigned() -> QuerySet[ChainHead]:
    signed = Checkpoint.objects.system_all().filter(
        organization_id=OuterRef("pk"), sequence=OuterRef("sequence"), hash=OuterRef("hash")
    )
    return ChainHead.objects.filter(~Exists(signed), sequence__gt=0)


def _sign(head: ChainHead) -> Checkpoint:
    ring, moment = signing_ring(), now()
    text = _text(head.organization_id, head.sequence, head.hash, moment)
    return Checkpoint(
        organization_id=head.organization_id,
        sequence=head.sequence,
        hash=head.hash,
        made_at=moment,
        key_id=ring.primary_id,
        signature=ring.sign(text.encode()),
    )


def _publish(rows: Iterable[Checkpoint]) -> None:
    lines = []
    for row in rows:
        log.info(
            "audit_checkpoint",
            organization=str(row.organization_id),
            sequence=row.sequence,
            hash=row.hash,
            time=row.made_at.isoformat(),
            key_id=row.key_id,
            signed=row.signature,
        )
        lines.append(Statement.of(row).line + "\n")
    if settings.STEWARD_CHECKPOINT_FILE:
        try:
            _append(Path(settings.STEWARD_CHECKPOINT_FILE), "".join(lines).encode())
        except OSError as error:
            # The table and the log stream still get it; a full disk stops no export.
            log.error("audit_checkpoint_file_not_written", error=type(error).__name__)  # noqa: TRY400


def _append(path: Path, content: bytes) -> None:
    """Append in one write, so that two processes never mix their lines, and see it on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        os.write(file, content)
        os.fsync(file)
    finally:
        os.close(file)


def _text(organization_id: uuid.UUID, sequence: int, link: str, made_at: dt.datetime) -> str:
    return _dense(
        {
            "hash": link,
            "kind": _KIND,
            "organization_id": str(organization_id),
            "sequence": sequence,
            "time": made_at.astimezone(dt.UTC).isoformat(),
        }
    )


def _dense(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def _parse(line: str, where: str) -> Statement:
    try:
        found = json.loads(line)
        return Statement(
            uuid.UUID(found["organization_id"]),
            int(found["sequence"]),
            str(found["hash"]),
            dt.datetime.fromisoformat(found["time"]),
            str(found["key_id"]),
            str(found["signature"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where} is not a checkpoint.") from error
