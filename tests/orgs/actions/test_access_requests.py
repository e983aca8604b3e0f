"""orgs/actions/access_requests.py."""

import datetime as dt

import pytest

from kernel.clock import now
from kernel.errors import Conflict, Denied, Invalid, Missing
from orgs.actions import access_requests, entitlements, members, teams
from orgs.errors import AlreadyDecided, SeatLimitReached
from orgs.models import Grant, Membership, TeamMembership
from tests.factories import OPERATOR, as_user


def ask(world, actor=None, **fields):
    fields = {"kind": "team", "team": world.team, "reason": "I take over", **fields}
    if fields["kind"] in ("role", "seat") and "team" not in fields.get("keep", ()):
        fields["team"] = None
    fields.pop("keep", None)
    return access_requests.ask(
        actor=actor or world.member.principal, organization=world.organization, **fields
    )


def approve(world, request, actor=None, **fields):
    return access_requests.approve(
        actor=actor or world.owner.principal,
        organization=world.organization,
        request=request,
        **fields,
    )


def test_an_approved_request_to_join_a_team_joins_it(world, trail):
    request = ask(world)
    assert str(request).startswith("Join a team for")
    approve(world, request, world.team_admin.principal, answer="Welcome")
    place = TeamMembership.objects.of(world.organization).get(membership=world.member.member)
    assert place.role == "member"
    request.refresh_from_db()
    assert (request.state, request.answer) == ("approved", "Welcome")
    assert request.decided_by == "acme-team-admin"
    assert [event.type for event in trail(world.organization)][-3:] == [
        "orgs.request.made",
        "orgs.team_member.added",
        "orgs.request.approved",
    ]


def test_a_team_can_be_opened_for_a_time_only(world):
    approve(world, ask(world, role="viewer"), hours=3)
    grant = Grant.objects.of(world.organization).get()
    assert (grant.team, grant.role) == (world.team, "viewer")
    assert grant.until <= now() + dt.timedelta(hours=3)
    assert not TeamMembership.objects.of(world.organization).filter(
        membership=world.member.member
    )


def test_an_approved_role_is_the_organizations(world):
    approve(world, ask(world, kind="role", role="admin"))
    assert Membership.objects.of(world.organization).get(pk=world.member.member.pk).role == "admin"


def test_a_role_can_be_given_for_a_time(world):
    approve(world, ask(world, kind="role", role="admin"), hours=1)
    assert Grant.objects.of(world.organization).get().role == "admin"


def test_a_role_request_never_names_a_team(world):
    # "admin" of a team and "admin" of the organization are the same word.
    with pytest.raises(Invalid):
        ask(world, kind="role", role="admin", keep=["team"])


def test_an_approved_seat_is_taken(world):
    approve(world, ask(world, kind="seat", seat="viewer"))
    assert Membership.objects.of(world.organization).get(pk=world.member.member.pk).seat == "viewer"


def test_a_seat_is_not_given_for_a_time(world):
    with pytest.raises(Invalid):
        approve(world, ask(world, kind="seat", seat="viewer"), hours=1)


def test_a_request_that_cannot_be_fulfilled_stays_pending(world):
    request = ask(world, world.viewer.principal, kind="seat", seat="full")
    entitlements.apply(
        actor=OPERATOR,
        organization=world.organization,
        source="manual",
        seats={"full": 1, "viewer": 5},
    )
    with pytest.raises(SeatLimitReached):
        approve(world, request)
    request.refresh_from_db()
    assert request.state == "pending"


@pytest.mark.parametrize(("wanted", "hours", "lasts"), [(5, None, 5), (5, 2, 2), (None, None, 24)])
def test_temporary_access_lasts_as_asked_or_as_approved(world, wanted, hours, lasts):
    request = ask(world, kind="access", role="admin", wanted_hours=wanted)
    approve(world, request, hours=hours)
    grant = Grant.objects.of(world.organization).get()
    length = grant.until - grant.created_at
    assert abs(length - dt.timedelta(hours=lasts)) < dt.timedelta(seconds=10)
    assert grant.reason == "I take over"


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "wish"},
        {"kind": "team", "team": None},
        {"kind": "team", "role": "owner"},
        {"kind": "role", "role": "owner"},
        {"kind": "role", "role": ""},
        {"kind": "access", "role": "owner", "team": None},
        {"kind": "access", "role": "admin", "wanted_hours": 0},
        {"kind": "access", "role": "admin", "wanted_hours": 90 * 24 + 1},
        {"kind": "team", "wanted_hours": 3},
        {"kind": "seat", "seat": "none"},
        {"reason": "   "},
        {"reason": "x" * 301},
    ],
)
def test_malformed_requests_are_refused(world, fields):
    with pytest.raises(Invalid):
        ask(world, **fields)


def test_hours_of_an_approval_are_bounded(world):
    request = ask(world, kind="access", role="admin")
    for hours in (0, -1, 90 * 24 + 1):
        with pytest.raises(Invalid):
            approve(world, request, hours=hours)


def test_the_same_thing_is_asked_for_once_at_a_time(world):
    request = ask(world)
    with pytest.raises(Conflict):
        ask(world)
    access_requests.withdraw(
        actor=world.member.principal, organization=world.organization, request=request
    )
    ask(world)


def test_only_members_ask_and_only_for_themselves(world):
    for actor, error in (
        (world.stranger.principal, Missing),
        (world.machine_principal, Missing),
        (as_user(world.member.user, scopes=["*"]), Denied),
    ):
        with pytest.raises(error):
            ask(world, actor)


def test_a_hidden_team_cannot_be_asked_for(world):
    teams.update(
        actor=OPERATOR,
        organization=world.organization,
        team=world.team,
        changes={"is_hidden": True},
    )
    with pytest.raises(Missing):
        ask(world)
    with pytest.raises(Missing):
        ask(world, team=world.strange_team)


def test_nobody_approves_what_they_could_not_give(world):
    # A team admin may decide about the team, and only about it.
    for request in (
        ask(world, kind="role", role="admin"),
        ask(world, kind="seat", seat="viewer"),
        ask(world, kind="access", role="viewer", team=None),
    ):
        for person in (world.team_admin, world.member):
            with pytest.raises(Denied):
                approve(world, request, person.principal)
    with pytest.raises(Denied):
        approve(world, ask(world, kind="role", role="billing_admin"), world.admin.principal)


def test_declined_request_changes_nothing(world, trail):
    request = ask(world)
    access_requests.decline(
        actor=world.admin.principal,
        organization=world.organization,
        request=request,
        answer="Not now",
    )
    assert not TeamMembership.objects.of(world.organization).filter(
        membership=world.member.member
    )
    [event] = trail(world.organization, "orgs.request.declined")
    assert event.changes["answer"] == "Not now"


def test_a_request_is_decided_once(world):
    request = ask(world)
    approve(world, request)
    for act in (access_requests.approve, access_requests.decline):
        with pytest.raises(AlreadyDecided):
            act(actor=OPERATOR, organization=world.organization, request=request)
    with pytest.raises(AlreadyDecided):
        access_requests.withdraw(
            actor=world.member.principal, organization=world.organization, request=request
        )


def test_a_request_is_withdrawn_by_who_made_it(world, trail):
    request = ask(world)
    for actor, error in (
        (world.owner.principal, Missing),
        (world.machine_principal, Missing),
        (as_user(world.member.user, scopes=["*"]), Denied),
    ):
        with pytest.raises(error):
            access_requests.withdraw(
                actor=actor, organization=world.organization, request=request
            )
    access_requests.withdraw(
        actor=world.member.principal, organization=world.organization, request=request
    )
    assert len(trail(world.organization, "orgs.request.withdrawn")) == 1


def test_another_organizations_request_is_missing(world):
    request = ask(world)
    with pytest.raises(Missing):
        access_requests.approve(
            actor=world.stranger.principal,
            organization=world.strange_organization,
            request=request,
        )


def test_a_removed_members_request_is_over(world):
    request = ask(world)
    members.remove(
        actor=OPERATOR, organization=world.organization, member=world.member.member
    )
    with pytest.raises(AlreadyDecided):
        approve(world, request)
