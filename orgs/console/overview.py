"""The first page of an organization: what needs somebody's attention, what happened."""

import datetime as dt
from typing import Any

from django.http import HttpRequest, HttpResponse

from kernel.clock import now
from kernel.events.models import Event
from orgs import access, queries
from orgs.console.trail import tell
from orgs.doors.console import OrganizationPage
from orgs.models import AccessRequest, Grant
from orgs.permissions import Permission

_SOON = dt.timedelta(days=2)
_FEW = 6


class Overview(OrganizationPage):
    """Shows each person what they may see and decide."""

    section = "overview"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        if self.organization.is_being_deleted:
            return self.render("orgs/overview_deleted.html")
        return self.render(
            "orgs/overview.html",
            requests=self._requests(),
            expiring=self._expiring_invitations(),
            seats=self._seats(),
            grants=self._own_grants(),
            events=self._events(),
        )

    def _requests(self) -> list[AccessRequest]:
        rows = access.access_requests_for(self.principal, self.organization)
        return list(rows.filter(state=AccessRequest.State.PENDING).order_by("-id")[:_FEW])

    def _expiring_invitations(self) -> list[Any]:
        if not self.may(Permission.INVITATION_READ):
            return []
        rows = access.invitations_for(self.principal, self.organization)
        rows = rows.in_state("pending", now())
        return list(rows.filter(expires_at__lte=now() + _SOON).order_by("expires_at")[:_FEW])

    def _seats(self) -> list[queries.SeatSummary]:
        if not self.may(Permission.SEAT_READ):
            return []
        return queries.seat_summary(self.organization)

    def _own_grants(self) -> list[Grant]:
        rows = Grant.objects.of(self.organization).live(now()).filter(membership=self.member)
        return list(rows.select_related("team", "custom_role")[:_FEW])

    def _events(self) -> list[Any]:
        if not self.may(Permission.AUDIT_READ):
            return []
        rows: Any = Event.objects.of(self.organization).order_by("-sequence")
        return tell(rows[:8])
