"""The audit log: facets, one sentence for each event, the difference, export of the view."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from kernel import sheet
from kernel.clock import now
from kernel.events import checkpoints, verification
from kernel.events.models import Event
from kernel.pagination import Order, paginate
from orgs import queries
from orgs.actions import exports
from orgs.console.trail import families, sentence, tell
from orgs.doors.console import OrganizationPage
from orgs.permissions import Permission

_BATCH = 500
_SPANS = {"1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days", "90": "Last 90 days"}
_COLUMNS = (
    "sequence",
    "occurred_at",
    "type",
    "sentence",
    "actor_kind",
    "actor",
    "credential",
    "on_behalf_of",
    "ip",
    "user_agent",
    "request_id",
    "target_kind",
    "target_id",
    "target",
    "changes",
)
_FILTERS = ("kind", "days", "q", "actor", "target")


class _AuditPage(OrganizationPage):
    """What the page and the export share: the same filters give the same events."""

    section = "audit"
    permission = Permission.AUDIT_READ

    def filtered(self) -> Any:
        """Return the events that the query string asks for."""
        family = self.query("kind")
        days = self.query("days")
        return queries.events_of(
            self.organization,
            type_prefix=family if family in families() else "",
            actor=self.query("actor"),
            target=self.query("target"),
            since=now() - dt.timedelta(days=int(days)) if days in _SPANS else None,
            text=self.query("q"),
        )


class AuditLog(_AuditPage):
    """The events, newest first."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        pages = paginate(
            self.filtered(),
            order=Order("sequence", descending=True),
            cursor=self.query("cursor") or None,
        )
        known = families()
        return self.render(
            "orgs/audit.html",
            pages=pages,
            entries=tell(pages.rows),
            families=known,
            spans=_SPANS,
            kind=known.get(self.query("kind"), ""),
            span=_SPANS.get(self.query("days"), ""),
            text=self.query("q"),
            actor=self.query("actor"),
            target=self.query("target"),
            checkpoint=checkpoints.latest(self.organization.pk),
            verdict=verification.verdict_on(self.organization.pk),
            is_filtered=any(
                self.query(name) for name in _FILTERS
            ),
        )


class Export(_AuditPage):
    """The same events as CSV, however many there are."""

    def get(self, request: HttpRequest, organization: str) -> StreamingHttpResponse:
        rows = self.filtered()
        filters = {name: self.query(name) for name in _FILTERS if self.query(name)}
        exports.note(
            actor=self.principal, organization=self.organization, what="audit", filters=filters
        )
        # What leaves the house can be held against it later: the export ends at a signed place.
        checkpoints.make([self.organization.pk])
        name = f"{self.organization.slug}-audit-{now():%Y-%m-%d}.csv"
        return sheet.download(name, _COLUMNS, _rows(rows))


def _rows(events: Any) -> Iterator[list[str]]:
    """Yield the cells of the events, read batch by batch down the sequence."""
    events = events.order_by("-sequence")
    batch = list(events[:_BATCH])
    while batch:
        for event in batch:
            yield _cells(event)
        batch = list(events.filter(sequence__lt=batch[-1].sequence)[:_BATCH])


def _cells(event: Event) -> list[str]:
    return [
        str(event.sequence),
        event.occurred_at.astimezone(dt.UTC).isoformat(timespec="milliseconds"),
        event.type,
        sentence(event),
        event.actor_kind,
        event.actor_label,
        f"{event.credential_kind} {event.credential_id}".strip(),
        event.on_behalf_of,
        event.ip,
        event.user_agent,
        event.request_id,
        event.target_kind,
        event.target_id,
        event.target_label,
        "; ".join(
            f"{change.field}: {change.before} → {change.after}"
            if change.is_pair
            else f"{change.field}: {change.after}"
            for change in tell([event])[0].changes
        ),
    ]
