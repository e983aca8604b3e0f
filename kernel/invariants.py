"""What must always be true of the log and the job rows, and the ways to ask about all."""

import datetime as dt
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from kernel.clock import now
from kernel.events import checkpoints
from kernel.events.chain import Walk
from kernel.events.models import ChainHead, Event
from kernel.events.verification import chains
from kernel.jobs.models import Job
from kernel.mail.models import Mail
from kernel.mail.send import JOB as SEND_MAIL
from kernel.rule import AT_MOST, Rule, Together
from kernel.wiring import Violation, wiring

OVERDUE_AFTER = dt.timedelta(minutes=15)
_WAITING = (Job.State.DUE, Job.State.RUNNING)
_KEPT = dt.timedelta(days=1)
_AT_ONCE = 5000


def broken_rules() -> list[Violation]:
    """Return what breaks any of the wired rules now; one statement (for the end of a test)."""
    return _together().broken()


def chains_verify() -> Iterator[Violation]:
    """Every chain holds from its first event to its head, with every checkpoint on it."""
    outside = checkpoints.newest_in_file()
    for organization_id in sorted({*chains(), *outside}):
        marks, breaks = checkpoints.known(
            organization_id, elsewhere=outside.get(organization_id, ())
        )
        for gap in (*breaks, *Walk(organization_id, marks=marks)):
            yield Violation(
                "audit_chain_verifies", f"organization {organization_id}, #{gap.sequence}", gap.what
            )


def every_reaction_has_its_row() -> Iterator[Violation]:
    """Each event of the last day has a job row for each follow-up that was wired then.

    The event itself names them: one that was recorded before a reaction was wired, or by a
    process of the release before, expects none.
    """
    events = Event.objects.system_all().filter(
        follow_ups__isnull=False, occurred_at__gte=now() - _KEPT
    )
    rows = events.order_by("pk").values_list("pk", "follow_ups")
    here = Q()
    while batch := list(rows.filter(here)[:_AT_ONCE]):
        here = Q(pk__gt=batch[-1][0])
        keys = [f"{kind}:{pk}" for pk, kinds in batch for kind in (kinds or "").split()]
        found = set(Job.objects.filter(unique_key__in=keys).values_list("unique_key", flat=True))
        for key in keys:
            if key not in found:
                yield Violation("every_effect_has_one_event_and_its_jobs", key, "no job row")


def no_mail_is_stuck() -> Iterator[Violation]:
    """Each mail that is queued for longer than the limit has a job that will send it."""
    late = Mail.objects.filter(state=Mail.State.QUEUED, created_at__lt=now() - OVERDUE_AFTER)
    waiting = Job.objects.filter(kind=SEND_MAIL, state__in=_WAITING)
    for mail in late.order_by("pk")[: AT_MOST * 10]:
        if not waiting.filter(unique_key=f"{SEND_MAIL}:{mail.pk}").exists():
            yield Violation("no_mail_is_stuck", f"mail {mail.wire_id}", f"queued {mail.created_at}")


def _heads_beside_their_event(_moment: dt.datetime) -> QuerySet[Any, Any]:
    last = Event.objects.system_all().filter(
        organization_id=OuterRef("pk"), sequence=OuterRef("sequence"), hash=OuterRef("hash")
    )
    return ChainHead.objects.filter(~Exists(last), sequence__gt=0)


def _late_jobs(moment: dt.datetime) -> QuerySet[Any, Any]:
    return Job.objects.filter(state__in=_WAITING, due_at__lt=moment - OVERDUE_AFTER)


def _dead_jobs(_moment: dt.datetime) -> QuerySet[Any, Any]:
    return Job.objects.filter(state=Job.State.DEAD)


RULES: tuple[Rule, ...] = (
    Rule(
        "chain_head_is_the_last_event",
        _heads_beside_their_event,
        "organization {organization_id}",
        "no event {sequence} with the head's link",
    ),
    Rule(
        "no_outbox_row_older_than_its_limit",
        _late_jobs,
        "job {pk}",
        "{kind} due {due_at}",
        of_a_running_system=True,
    ),
    Rule(
        "no_job_is_dead",
        _dead_jobs,
        "job {pk}",
        "{kind} after {attempts} attempts",
        of_a_running_system=True,
    ),
)


@cache
def _together() -> Together:
    return Together(
        check
        for check in wiring().invariants
        if isinstance(check, Rule) and not check.of_a_running_system
    )
