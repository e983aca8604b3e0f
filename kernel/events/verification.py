"""The nightly walk along every chain, and what it found.

A pass is a chain of jobs: each walks for a bounded number of events and hands on to the
next, so that no job outlives its lease however long the log is. The verdict on each chain
is kept; a break is logged as an error, shown to owners and counted for the monitor.
"""

import uuid
from collections.abc import Sequence

import structlog

from kernel.clock import now
from kernel.events import checkpoints
from kernel.events.chain import START, Break, Mark, Walk
from kernel.events.models import ChainHead, ChainVerdict, Checkpoint, Event
from kernel.jobs.enqueue import enqueue
from kernel.jobs.models import Job

log = structlog.stdlib.get_logger(__name__)

JOB = "kernel.events.verify"
_EVENTS_A_JOB = 200_000
_CHAINS_A_JOB = 2000
_NEWEST = 50
"""How many checkpoints a nightly walk holds a chain against: a chain that was rewritten
misses the newest, and `verify_audit_log` tells the place by all of them."""


def chains() -> list[uuid.UUID]:
    """Return every chain that has a head, an event or a checkpoint, in order."""
    found: set[uuid.UUID] = set(ChainHead.objects.values_list("organization_id", flat=True))
    for rows in (Event.objects.system_all(), Checkpoint.objects.system_all()):
        found |= set(rows.order_by().values_list("organization_id", flat=True).distinct())
    return sorted(found)


def verify_some(job: Job) -> None:
    """Walk on with the pass of a slot, and hand on what is left (job)."""
    slot = str(job.payload["slot"])
    place = job.payload.get("chain")
    start = Mark(int(job.payload.get("sequence", 0)), str(job.payload.get("hash", "")))
    outside = checkpoints.newest_in_file()
    # What only the file knows of was deleted whole, head and all.
    waiting = sorted({*chains(), *outside})
    if place is not None:
        waiting = [chain for chain in waiting if chain >= uuid.UUID(place)]
    left = _EVENTS_A_JOB
    for chain in waiting[:_CHAINS_A_JOB]:
        marks, breaks = checkpoints.known(
            chain, elsewhere=outside.get(chain, ()), newest=_NEWEST
        )
        walk = Walk(
            chain, start=start if start.sequence else START, marks=marks, at_most=max(left, 1)
        )
        breaks += walk
        left -= walk.walked
        if breaks or walk.is_complete:
            note(chain, breaks, sequence=walk.reached.sequence)
            start = START
            continue
        _hand_on(slot, chain, walk.reached)
        return
    if len(waiting) > _CHAINS_A_JOB:
        _hand_on(slot, waiting[_CHAINS_A_JOB], START)


def note(chain: uuid.UUID, breaks: Sequence[Break], *, sequence: int) -> None:
    """Keep the verdict on a chain, and log every break."""
    first = breaks[0] if breaks else None
    for found in breaks:
        log.error(
            "audit_chain_broken",
            organization=str(found.organization_id),
            sequence=found.sequence,
            what=found.what,
        )
    ChainVerdict.objects.update_or_create(
        organization_id=chain,
        defaults={
            "verified_at": now(),
            "sequence": sequence,
            "broken_at": first.sequence if first else None,
            "finding": first.what[:400] if first else "",
        },
    )


def verdict_on(organization_id: uuid.UUID) -> ChainVerdict | None:
    """Return what the last walk along a chain found, or None if there was none yet."""
    return ChainVerdict.objects.filter(pk=organization_id).first()


def is_broken(organization_id: uuid.UUID) -> bool:
    """Whether the last walk along a chain found a break."""
    return ChainVerdict.objects.filter(pk=organization_id, broken_at__isnull=False).exists()


def count_broken() -> int:
    """Return how many chains were found broken by their last walk (for the monitor)."""
    return ChainVerdict.objects.filter(broken_at__isnull=False).count()


def _hand_on(slot: str, chain: uuid.UUID, reached: Mark) -> None:
    enqueue(
        JOB,
        {
            "slot": slot,
            "chain": str(chain),
            "sequence": reached.sequence,
            "hash": reached.hash,
        },
        unique_key=f"{JOB}:{slot}:{chain}:{reached.sequence}",
    )


