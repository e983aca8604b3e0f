"""What must always be true of people and seats; read by `manage.py check_invariants`."""

from collections.abc import Iterator

from django.db.models import Count, F, Q

from kernel.clock import now
from kernel.wiring import Violation
from orgs.models import Grant, Membership, Organization, SeatPool, SeatType, Team, TeamMembership


def seats_match_members() -> Iterator[Violation]:
    """Seats used = active members holding one, and never above the ceiling."""
    held = {
        (row["organization_id"], row["seat"]): row["n"]
        for row in Membership.objects.system_all()
        .active()
        .values("organization_id", "seat")
        .annotate(n=Count("pk"))
    }
    for pool in SeatPool.objects.system_all().iterator():
        count = held.pop((pool.organization_id, pool.seat), 0)
        if pool.used != count:
            yield Violation(
                "seats_used_equal_members_holding_one",
                f"organization {pool.organization_id}, {pool.seat}",
                f"{pool.used} counted, {count} held",
            )
        if pool.ceiling is not None and pool.used > pool.ceiling:
            yield Violation(
                "seats_used_within_the_limit",
                f"organization {pool.organization_id}, {pool.seat}",
                f"{pool.used} used of {pool.ceiling}",
            )
    for (organization_id, seat), count in held.items():
        if seat != SeatType.NONE:
            yield Violation(
                "every_seat_has_its_pool", f"organization {organization_id}, {seat}", str(count)
            )


def counters_match_rows() -> Iterator[Violation]:
    """The kept counters equal the rows, and every organization has an owner."""
    active = Q(memberships__status=Membership.Status.ACTIVE)
    organizations = Organization.objects.values(
        "pk",
        "member_count",
        "owner_count",
        members=Count("memberships", filter=active),
        owners=Count("memberships", filter=active & Q(memberships__role="owner")),
    )
    for row in organizations.iterator():
        where = f"organization {row['pk']}"
        if row["member_count"] != row["members"]:
            yield Violation(
                "member_count_equals_active_members",
                where,
                f"{row['member_count']} counted, {row['members']} active",
            )
        if row["owner_count"] != row["owners"] or not row["owners"]:
            yield Violation(
                "organization_has_an_owner",
                where,
                f"{row['owner_count']} counted, {row['owners']} active",
            )
    counted = Organization.objects.values("pk", "team_count", there=Count("teams"))
    for wrong in counted.exclude(team_count=F("there")):
        yield Violation(
            "team_count_equals_teams",
            f"organization {wrong['pk']}",
            f"{wrong['team_count']} counted, {wrong['there']} there",
        )
    teams = Team.objects.system_all().values("pk", "member_count", there=Count("memberships"))
    for team in teams.exclude(member_count=F("there")):
        yield Violation(
            "team_member_count_equals_members",
            f"team {team['pk']}",
            f"{team['member_count']} counted, {team['there']} there",
        )


def removed_members_hold_nothing() -> Iterator[Violation]:
    """No team membership or live grant outlives the organization membership."""
    removed = Membership.Status.REMOVED
    for place in TeamMembership.objects.system_all().filter(membership__status=removed):
        yield Violation(
            "no_team_membership_without_organization_membership",
            f"team {place.team_id}",
            f"membership {place.membership_id} was removed",
        )
    foreign = TeamMembership.objects.system_all().exclude(
        organization_id=F("membership__organization_id")
    ) | TeamMembership.objects.system_all().exclude(organization_id=F("team__organization_id"))
    for place in foreign:
        yield Violation(
            "team_and_membership_share_the_organization", f"team {place.team_id}", str(place.pk)
        )
    ended = Grant.objects.system_all().live(now()).filter(membership__isnull=False)
    for grant in ended.exclude(membership__status=Membership.Status.ACTIVE):
        yield Violation(
            "no_live_grant_of_an_inactive_member",
            f"grant {grant.pk}",
            f"membership {grant.membership_id} is not active",
        )
