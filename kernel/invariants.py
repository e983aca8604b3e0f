"""What must always be true of the log and the job rows."""

import datetime as dt
from collections.abc import Iterator

from kernel.clock import now
from kernel.events.chain import verify
from kernel.events.models import ChainHead, Event
from kernel.jobs.models import Job
from kernel.wiring import Violation, wiring

OVERDUE_AFTER = dt.timedelta(minutes=15)


def chains_verify() -> Iterator[Violation]:
    """Every organization's chain holds from its first event to its head."""
    heads = set(ChainHead.objects.values_list("organization_id", flat=True))
    told = set(
        Event.objects.system_all().values_list("organization_id", flat=True).distinct().order_by()
    )
    for organization_id in sorted(heads | told):
        for gap in verify(organization_id):
            yield Violation(
                "audit_chain_verifies", f"organization {organization_id}, #{gap.sequence}", gap.what
            )


def every_reaction_has_its_row() -> Iterator[Violation]:
    """Each event of the last day has one job row for each listed reaction."""
    since = now() - dt.timedelta(days=1)
    for type_, reactions in wiring().reactions.items():
        if not reactions.after:
            continue
        events = Event.objects.system_all().filter(type=type_, occurred_at__gte=since)
        ids = [str(pk) for pk in events.values_list("pk", flat=True)]
        for kind in reactions.after:
            keys = {f"{kind}:{event_id}" for event_id in ids}
            found = set(
                Job.objects.filter(kind=kind, created_at__gte=since).values_list(
                    "unique_key", flat=True
                )
            )
            for key in sorted(keys - found):
                yield Violation("every_effect_has_one_event_and_its_jobs", key, "no job row")


def nothing_is_overdue() -> Iterator[Violation]:
    """No row waits longer than its limit, and none is dead."""
    late = Job.objects.filter(
        state__in=[Job.State.DUE, Job.State.RUNNING], due_at__lt=now() - OVERDUE_AFTER
    )
    for job in late[:100]:
        yield Violation(
            "no_outbox_row_older_than_its_limit", job.wire_id, f"{job.kind} due {job.due_at}"
        )
    for job in Job.objects.filter(state=Job.State.DEAD)[:100]:
        yield Violation("no_job_is_dead", job.wire_id, f"{job.kind} after {job.attempts} attempts")
