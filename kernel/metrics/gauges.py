"""The kernel's own gauges, read from the database at a scrape. All of them use an index."""

import datetime as dt
from collections.abc import Iterator

from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from kernel.clock import now
from kernel.events.models import ChainHead, ChainVerdict, Checkpoint
from kernel.jobs.models import Job
from kernel.mail.send import JOB as SEND_MAIL
from kernel.upgrade.release import RELEASE
from kernel.wiring import Gauge

_WAITING = Q(state__in=[Job.State.DUE, Job.State.RUNNING])


def of_the_kernel() -> Iterator[Gauge]:
    """Yield what the kernel's tables say."""
    moment = now()
    yield Gauge("steward_release", "The release that answers.", 1, {"release": RELEASE})
    yield from _jobs(moment)
    yield from _mails(moment)
    yield from _audit(moment)


def _jobs(moment: dt.datetime) -> Iterator[Gauge]:
    text = "Jobs by state; `later` are not due yet."
    found = Job.objects.filter(_WAITING).aggregate(
        due=Count("pk", filter=Q(state=Job.State.DUE, due_at__lte=moment)),
        later=Count("pk", filter=Q(state=Job.State.DUE, due_at__gt=moment)),
        running=Count("pk", filter=Q(state=Job.State.RUNNING)),
        oldest=Min("due_at"),
    )
    for state in ("due", "later", "running"):
        yield Gauge("steward_jobs", text, found[state], {"state": state})
    yield Gauge("steward_jobs", text, _dead().count(), {"state": "dead"})
    yield Gauge(
        "steward_job_oldest_age_seconds",
        "For how long the oldest unfinished job is due.",
        _age(found["oldest"], moment),
    )


def _mails(moment: dt.datetime) -> Iterator[Gauge]:
    text = "Mails by state: waiting for the mail server, or given up."
    waiting = Job.objects.filter(_WAITING, kind=SEND_MAIL)
    found = waiting.aggregate(count=Count("pk"), oldest=Min("created_at"))
    yield Gauge("steward_mails", text, found["count"], {"state": "waiting"})
    yield Gauge(
        "steward_mails", text, _dead().filter(kind=SEND_MAIL).count(), {"state": "undelivered"}
    )
    yield Gauge(
        "steward_mail_oldest_age_seconds",
        "For how long the oldest unsent mail waits.",
        _age(found["oldest"], moment),
    )


def _audit(moment: dt.datetime) -> Iterator[Gauge]:
    heads = ChainHead.objects.aggregate(events=Sum("sequence"), chains=Count("pk"))
    yield Gauge("steward_audit_events", "Events in all audit chains.", heads["events"] or 0)
    yield Gauge("steward_audit_chains", "Audit chains.", heads["chains"])
    yield Gauge(
        "steward_audit_broken_chains",
        "Chains in which the last verification found a break.",
        ChainVerdict.objects.filter(broken_at__isnull=False).count(),
    )
    # Ids grow with time, so the key's index finds the newest.
    newest = Checkpoint.objects.system_all().order_by("-pk").values_list("made_at", flat=True)
    yield Gauge(
        "steward_audit_checkpoint_age_seconds",
        "For how long the newest signed checkpoint stands; 0 before the first.",
        _age(newest.first(), moment),
    )
    verified = ChainVerdict.objects.aggregate(at=Max("verified_at"))["at"]
    yield Gauge(
        "steward_audit_verification_age_seconds",
        "How long ago a chain was verified last; 0 before the first time.",
        _age(verified, moment),
    )


def _dead() -> QuerySet[Job]:
    return Job.objects.filter(state=Job.State.DEAD)


def _age(since: dt.datetime | None, moment: dt.datetime) -> float:
    return max(0.0, (moment - since).total_seconds()) if since else 0.0
