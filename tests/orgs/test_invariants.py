"""orgs/invariants.py: each check finds what it is there for, and nothing in a true world."""

import datetime as dt

import pytest

from kernel.clock import now
from orgs import invariants
from orgs.models import (
    Grant,
    Membership,
    Organization,
    SeatPool,
    Team,
    TeamMembership,
)
from tests.worlds import acme

pytestmark = pytest.mark.django_db


@pytest.fixture
def spoiled():
    """A world that a test may leave broken."""
    return acme()


def rules(check):
    return {violation.rule for violation in check()}


def test_nothing_is_broken_in_a_true_world(spoiled):
    for check in (
        invariants.seats_match_members,
        invariants.counters_match_rows,
        invariants.removed_members_hold_nothing,
    ):
        assert rules(check) == set()


def test_wrong_seat_counts_are_found(spoiled):
    pool = SeatPool.objects.of(spoiled.organization).get(seat="full")
    SeatPool.objects.filter(pk=pool.pk).update(used=pool.used + 1)
    assert rules(invariants.seats_match_members) == {"seats_used_equal_members_holding_one"}


def test_seats_of_pools_that_are_missing_are_found(spoiled):
    SeatPool.objects.of(spoiled.organization).filter(seat="viewer").delete()
    assert rules(invariants.seats_match_members) == {"every_seat_has_its_pool"}


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("member_count", "member_count_equals_active_members"),
        ("owner_count", "organization_has_an_owner"),
        ("team_count", "team_count_equals_teams"),
    ],
)
def test_wrong_counters_of_an_organization_are_found(spoiled, field, rule):
    Organization.objects.filter(pk=spoiled.organization.pk).update(**{field: 99})
    assert rules(invariants.counters_match_rows) == {rule}


def test_an_organization_without_an_owner_is_found(spoiled):
    Membership.objects.of(spoiled.organization).filter(role="owner").update(role="admin")
    Organization.objects.filter(pk=spoiled.organization.pk).update(owner_count=0)
    assert rules(invariants.counters_match_rows) == {"organization_has_an_owner"}


def test_wrong_counters_of_a_team_are_found(spoiled):
    Team.objects.filter(pk=spoiled.team.pk).update(member_count=9)
    assert rules(invariants.counters_match_rows) == {"team_member_count_equals_members"}


def test_what_outlived_a_removed_member_is_found(spoiled):
    member = spoiled.team_member.member
    Grant.objects.create(
        organization=spoiled.organization,
        membership=member,
        role="admin",
        reason="x",
        until=now() + dt.timedelta(days=1),
    )
    Membership.objects.filter(pk=member.pk).update(status="removed")
    assert rules(invariants.removed_members_hold_nothing) == {
        "no_team_membership_without_organization_membership",
        "no_live_grant_of_an_inactive_member",
    }


def test_a_place_in_another_organizations_team_is_found(spoiled):
    place = TeamMembership.objects.of(spoiled.organization).first()
    TeamMembership.objects.filter(pk=place.pk).update(team=spoiled.strange_team)
    assert "team_and_membership_share_the_organization" in rules(
        invariants.removed_members_hold_nothing
    )
    TeamMembership.objects.filter(pk=place.pk).update(
        team=spoiled.team, membership=spoiled.stranger.member
    )
    assert "team_and_membership_share_the_organization" in rules(
        invariants.removed_members_hold_nothing
    )
