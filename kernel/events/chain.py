"""The hash chain: how a link is made and how a chain is verified.

link = SHA-256(previous link ‖ canonical JSON of the row), canonical meaning sorted
keys, no white space, UTF-8. A change, deletion or insertion behind the log's back
breaks the chain at that row; a cut tail shows against the chain's head.
"""

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kernel.events.models import INSTANCE_CHAIN, ChainHead, Event

_COVERED = (
    "sequence",
    "type",
    "actor_kind",
    "actor_id",
    "actor_label",
    "credential_kind",
    "credential_id",
    "on_behalf_of",
    "ip",
    "user_agent",
    "request_id",
    "target_kind",
    "target_id",
    "target_label",
    "changes",
)


def link(event: Event) -> str:
    """Return the hexadecimal link of an event whose other fields are all set."""
    body: dict[str, Any] = {name: getattr(event, name) for name in _COVERED}
    body["id"] = str(event.pk)
    body["organization_id"] = str(event.organization_id)
    body["occurred_at"] = event.occurred_at.astimezone(dt.UTC).isoformat()
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256((event.previous_hash + canonical).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Break:
    """A place where a chain does not hold."""

    organization_id: uuid.UUID
    sequence: int
    what: str


def verify(organization_id: uuid.UUID = INSTANCE_CHAIN) -> Iterator[Break]:
    """Walk one chain from its first event and yield every break, in order.

    Events may be appended meanwhile: the head is read before the walk, so whatever it
    names must be found.
    """
    head = _head(organization_id)
    expected, previous, at_head = 1, "", ""
    rows = Event.objects.of(organization_id).order_by("sequence")
    for event in rows.iterator(chunk_size=2000):
        if event.sequence != expected:
            yield Break(
                organization_id,
                expected,
                f"events {expected} to {event.sequence - 1} are missing"
                if event.sequence > expected
                else f"event {event.sequence} stands out of order",
            )
        elif event.previous_hash != previous:
            yield Break(organization_id, event.sequence, "it does not continue the event before")
        if link(event) != event.hash:
            yield Break(organization_id, event.sequence, "its content was changed")
        expected, previous = event.sequence + 1, event.hash
        if event.sequence == head.sequence:
            at_head = event.hash
    if expected <= head.sequence:
        yield Break(organization_id, expected, f"events {expected} to {head.sequence} were cut off")
    elif at_head != head.hash:
        yield Break(organization_id, head.sequence, "the last event is not the one written last")
    elif expected - 1 > _head(organization_id).sequence:
        yield Break(organization_id, expected - 1, "events stand beyond the chain's head")


def _head(organization_id: uuid.UUID) -> ChainHead:
    found = ChainHead.objects.filter(pk=organization_id).first()
    return found or ChainHead(organization_id=organization_id)
