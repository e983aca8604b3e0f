"""orgs/actions/grants.py."""

import datetime as dt

import pytest
import time_machine

from kernel.clock import now
from kernel.errors import Conflict, Denied, Invalid, Missing
from kernel.jobs.models import Job
from orgs import access
from orgs.actions import grants, members, teams
from orgs.errors import NotActive
from orgs.models import Grant
from orgs.permissions import Permission
from tests.factories import OPERATOR, RoleFactory, as_user


def give(world, actor=None, **fields):
    fields = {
        "holder": world.member.member,
        "role": "admin",
        "until": now() + dt.timedelta(hours=2),
        "reason": "Fixing the nightly run",
        **fields,
    }
    return grants.give(
        actor=actor or world.owner.principal, organization=world.organization, **fields
    )


def may(world, permission, resource=None, person=None):
    principal = (person or world.member).principal
    return access.may(principal, permission, resource or world.organization)


def test_a_grant_counts_beside_the_standing_role_until_its_time(world, trail):
    assert not may(world, Permission.MEMBER_INVITE).allowed
    grant = give(world)
    assert may(world, Permission.MEMBER_INVITE).allowed
    assert str(grant).startswith("admin for")
    with time_machine.travel(grant.until, tick=False):
        assert not may(world, Permission.MEMBER_INVITE).allowed
    [event] = trail(world.organization, "orgs.grant.given")
    assert event.target_label == "acme-member"
    assert event.changes["reason"] == "Fixing the nightly run"


def test_a_grant_on_a_team_holds_there_only(world):
    other = teams.create(actor=OPERATOR, organization=world.organization, name="other")
    give(world, team=world.team)
    assert may(world, Permission.TEAM_UPDATE, world.team).via == "grant"
    assert not may(world, Permission.TEAM_UPDATE, other).allowed
    assert not may(world, Permission.TEAM_UPDATE).allowed
    give(world, team=world.team, role="viewer")
    assert may(world, Permission.TEAM_UPDATE, world.team).allowed


def test_a_service_account_can_hold_a_grant(world):
    give(world, holder=world.organization_machine)
    principal = world.organization_machine_principal
    assert access.may(principal, Permission.MEMBER_INVITE, world.organization).allowed


def test_a_teams_service_account_stays_in_its_team(world):
    other = teams.create(actor=OPERATOR, organization=world.organization, name="other")
    for team in (None, other):
        with pytest.raises(Conflict):
            give(world, holder=world.machine, team=team)
    give(world, holder=world.machine, team=world.team)
    assert access.may(world.machine_principal, Permission.TEAM_UPDATE, world.team).allowed


def test_a_custom_role_can_be_granted(world):
    role = RoleFactory(organization=world.organization, added=["audit.read"])
    assert give(world, role="member", custom_role=role).role == "member"
    assert may(world, Permission.AUDIT_READ).allowed


@pytest.mark.parametrize(
    "fields",
    [
        {"reason": "  "},
        {"role": "owner"},
        {"role": "boss"},
        {"until": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)},
        {"until": dt.datetime(2120, 1, 1, tzinfo=dt.UTC)},
    ],
)
def test_malformed_grants_are_refused(world, fields):
    with pytest.raises(Invalid):
        give(world, **fields)


def test_owner_is_not_granted_for_a_time_nor_a_strange_role(world):
    with pytest.raises(Invalid):
        give(world, custom_role=RoleFactory(organization=world.strange_organization))


def test_only_active_holders_of_the_organization_are_given_access(world):
    members.deactivate(
        actor=OPERATOR, organization=world.organization, member=world.member.member
    )
    with pytest.raises(NotActive):
        give(world)
    with pytest.raises(Missing):
        give(world, holder=world.stranger.member)
    strange = world.machine
    strange.organization = world.strange_organization
    with pytest.raises(Missing):
        grants.give(
            actor=world.stranger.principal,
            organization=world.strange_organization,
            holder=strange,
            role="admin",
            until=now() + dt.timedelta(hours=1),
            reason="x",
        )
    with pytest.raises(Missing):
        give(world, OPERATOR, holder=world.viewer.member, team=world.strange_team)


def test_nobody_gives_more_than_they_hold(world):
    with pytest.raises(Denied):
        give(world, world.admin.principal, role="billing_admin")
    with pytest.raises(Denied):
        give(world, world.member.principal)
    given = give(world, world.team_admin.principal, team=world.team)
    assert given.team == world.team
    with pytest.raises(Denied):
        give(world, world.team_admin.principal)


def test_a_grant_ends_before_its_time(world, trail):
    grant = give(world)
    for _ in range(2):
        ended = grants.end(
            actor=world.admin.principal, organization=world.organization, grant=grant
        )
    assert ended.ended_at is not None
    assert not may(world, Permission.MEMBER_INVITE).allowed
    assert len(trail(world.organization, "orgs.grant.ended")) == 1


def test_its_holder_may_end_it(world):
    grants.end(
        actor=world.member.principal, organization=world.organization, grant=give(world)
    )
    with pytest.raises(Denied):
        grants.end(
            actor=world.viewer.principal, organization=world.organization, grant=give(world)
        )
    with pytest.raises(Denied):
        grants.end(
            actor=as_user(world.viewer.user, scopes=["*.read"]),
            organization=world.organization,
            grant=give(world, holder=world.viewer.member, role="viewer"),
        )


def test_a_team_admin_ends_grants_of_the_team(world):
    grant = give(world, team=world.team)
    grants.end(actor=world.team_admin.principal, organization=world.organization, grant=grant)
    with pytest.raises(Denied):
        grants.end(
            actor=world.team_admin.principal,
            organization=world.organization,
            grant=give(world),
        )


def test_another_organizations_grant_is_missing(world):
    grant = give(world)
    with pytest.raises(Missing):
        grants.end(
            actor=world.stranger.principal,
            organization=world.strange_organization,
            grant=grant,
        )


def test_expiry_is_noted_once_at_the_grants_own_time(world, trail):
    grant = give(world, team=world.team)
    with time_machine.travel(grant.until + dt.timedelta(hours=1), tick=False):
        grants.note_lapsed(Job())
        grants.note_lapsed(Job())
    assert Grant.objects.of(world.organization).get().ended_at == grant.until
    assert len(trail(world.organization, "orgs.grant.expired")) == 1
