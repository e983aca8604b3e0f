"""The audit log: facets, one sentence for each event, the difference, export of the view."""

import csv
import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from kernel.clock import now
from kernel.events.models import Event
from kernel.pagination import Order, paginate
from orgs import queries
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
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


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
            is_filtered=any(
                self.query(name) for name in ("kind", "days", "q", "actor", "target")
            ),
        )


class Export(_AuditPage):
    """The same events as CSV, however many there are."""

    def get(self, request: HttpRequest, organization: str) -> StreamingHttpResponse:
        response = StreamingHttpResponse(
            _lines(self.filtered()), content_type="text/csv; charset=utf-8"
        )
        name = f"{self.organization.slug}-audit-{now():%Y-%m-%d}.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


class _Line:
    """A file that hands back what is written: the csv module wants one."""

    def write(self, text: str) -> str:
        return text


def _lines(rows: Any) -> Iterator[str]:
    """Yield the lines of the export, read batch by batch down the sequence."""
    writer = csv.writer(_Line())
    yield writer.writerow(_COLUMNS)
    rows = rows.order_by("-sequence")
    batch = list(rows[:_BATCH])
    while batch:
        for event in batch:
            yield writer.writerow([harmless(value) for value in _cells(event)])
        batch = list(rows.filter(sequence__lt=batch[-1].sequence)[:_BATCH])


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


def harmless(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula (OWASP: CSV injection)."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
