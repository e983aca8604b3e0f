"""Seats: how many of each kind there are, and how many are taken."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orgs import queries
from orgs.doors.api import OrganizationView
from orgs.models import SeatType
from orgs.permissions import Permission


class SeatShape(serializers.Serializer[queries.SeatSummary]):
    seat = serializers.ChoiceField(choices=[SeatType.FULL, SeatType.VIEWER])
    limit = serializers.IntegerField(allow_null=True, help_text="null: unlimited.")
    used = serializers.IntegerField()
    free = serializers.IntegerField(allow_null=True, help_text="null: any number.")
    overage = serializers.IntegerField(help_text="How many are in use beyond the limit.")
    promised = serializers.IntegerField(help_text="How many live invitations will take.")
    reclaimable = serializers.IntegerField(
        help_text="How many are held by members without a sign of life for 30 days."
    )


class SeatsView(OrganizationView):
    """The seats of an organization."""

    noun = "seats"
    is_list, is_paged = True, False
    representation = SeatShape
    permissions = {"GET": Permission.SEAT_READ}

    def get(self, request: Request, **_url: str) -> Response:
        """List the kinds of seats with their figures."""
        return self.whole(queries.seat_summary(self.organization))
