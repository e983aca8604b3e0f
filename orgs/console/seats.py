"""Seats: how many there are, who holds them, which could be free."""

from django.http import HttpRequest, HttpResponse

from orgs import queries
from orgs.console.members import MembersPage
from orgs.permissions import Permission


class Seats(MembersPage):
    """The figures of each kind of seat, and the members who seem not to use theirs."""

    permission = Permission.SEAT_READ
    tab = "seats"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        idle = queries.idle_members_of(self.organization).with_user()
        return self.render(
            "orgs/members/seats.html",
            seats=queries.seat_summary(self.organization),
            idle=list(idle.order_by("last_active_at", "id")[:20])
            if self.may(Permission.MEMBER_READ)
            else [],
            idle_days=queries.IDLE_AFTER.days,
        )
