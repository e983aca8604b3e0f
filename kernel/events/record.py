"""Write one event: the audit row, its reactions within, its job rows for after."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from kernel.clock import now
from kernel.database.scope import for_rows_of
from kernel.events.chain import link
from kernel.events.models import INSTANCE_CHAIN, ChainHead, Event
from kernel.jobs.enqueue import enqueue
from kernel.principal import Principal
from kernel.redact import redact
from kernel.wiring import Reactions, wiring


@dataclass(frozen=True, slots=True)
class Target:
    """What an event is about: a kind, a wire id and a name for people."""

    kind: str
    id: str
    label: str = ""

    @classmethod
    def of(cls, row: Any) -> "Target":
        """Describe a model row by its class, wire id and text."""
        return cls(kind=row._meta.model_name, id=row.wire_id, label=str(row)[:200])


class UnknownEvent(LookupError):
    """The event type has no line in the catalogue."""


def record(
    *,
    type: str,  # noqa: A002 - the field's word
    actor: Principal,
    organization: Any,
    target: Target,
    changes: Mapping[str, Any] | None = None,
) -> Event:
    """Append an event to its organization's chain, in the caller's transaction.

    `organization` is an Organization, its id, or None for the instance's own chain.
    `changes` maps a field to `[before, after]`, or holds further facts; secrets in
    it are redacted. Runs the reactions listed as `within`, then locks the chain's head
    (the last lock of all, so call it last), appends, and inserts one job row for each
    listed as `after`. A reaction sees the event without its place in the chain.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("An event is recorded inside the transaction of its change.")
    plan = wiring()
    if type not in plan.events:
        raise UnknownEvent(f"{type} is not in the event catalogue.")
    reactions = plan.reactions.get(type, Reactions())
    organization_id = getattr(organization, "pk", organization) or INSTANCE_CHAIN
    event = Event(
        organization_id=organization_id,
        occurred_at=now(),
        type=type,
        actor_kind=actor.kind,
        actor_id=str(actor.id or ""),
        actor_label=actor.label[:200],
        credential_kind=actor.credential.kind,
        credential_id=actor.credential.id[:64],
        on_behalf_of=actor.on_behalf_of[:200],
        ip=actor.origin.ip[:45],
        user_agent=actor.origin.user_agent[:400],
        request_id=actor.origin.request_id[:64],
        target_kind=target.kind,
        target_id=target.id,
        target_label=target.label[:200],
        changes=_plain(changes or {}),
        follow_ups=" ".join(reactions.after) or None,
    )
    for react in reactions.within:
        react(event)
    with for_rows_of(organization_id):
        _append(event)
        for kind in reactions.after:
            enqueue(
                kind,
                {"event": str(event.pk)},
                organization_id=organization_id,
                unique_key=f"{kind}:{event.pk}",
            )
    return event


def _append(event: Event) -> None:
    head = _lock_head(event.organization_id)
    event.sequence, event.previous_hash = head.sequence + 1, head.hash
    event.hash = link(event)
    event.save(force_insert=True)
    head.sequence, head.hash = event.sequence, event.hash
    head.save(update_fields=["sequence", "hash"])


def _lock_head(organization_id: uuid.UUID) -> ChainHead:
    locked = ChainHead.objects.select_for_update()
    head = locked.filter(pk=organization_id).first()
    if head is None:
        ChainHead.objects.bulk_create(
            [ChainHead(organization_id=organization_id)], ignore_conflicts=True
        )
        head = locked.get(pk=organization_id)
    return head


def _plain(changes: Mapping[str, Any]) -> Any:
    """Return changes as JSON that comes back from every database as it went in.

    Fractions become texts: a database that writes 1e22 in full would break the link.
    """
    text = json.dumps(redact(dict(changes)), default=str)
    return json.loads(text, parse_float=str, parse_constant=str)
