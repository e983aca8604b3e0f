"""orgs/actions/service_accounts.py."""

import pytest

from kernel.errors import Denied, Invalid, Missing, Stale
from orgs import access
from orgs.actions import service_accounts
from orgs.errors import NameTaken
from orgs.models import SeatPool, ServiceAccount
from orgs.permissions import Permission
from tests.factories import OPERATOR, RoleFactory, ServiceAccountFactory


def create(world, actor=None, **fields):
    fields = {"name": "nightly", "team": world.team, **fields}
    return service_accounts.create(
        actor=actor or world.team_admin.principal, organization=world.organization, **fields
    )


def update(world, account, actor=None, expected_version=None, **changes):
    return service_accounts.update(
        actor=actor or world.owner.principal,
        organization=world.organization,
        account=account,
        changes=changes,
        expected_version=expected_version,
    )


def act(name, world, account, actor=None):
    return getattr(service_accounts, name)(
        actor=actor or world.owner.principal,
        organization=world.organization,
        account=account,
    )


def test_a_team_admin_creates_the_teams_machine_without_a_seat(world, trail):
    before = list(SeatPool.objects.of(world.organization).values_list("used", flat=True))
    account = create(world, description=" Trains \n at night ")
    assert (str(account), account.role, account.kind) == ("nightly", "member", "built_in")
    assert account.description == "Trains at night"
    assert not account.is_disabled
    assert before == list(SeatPool.objects.of(world.organization).values_list("used", flat=True))
    event = trail(world.organization, "orgs.service_account.created")[-1]
    assert event.changes["team"] == "acme-team"


def test_the_organizations_machine_needs_the_organizations_permission(world):
    with pytest.raises(Denied):
        create(world, team=None)
    account = create(world, world.admin.principal, team=None, role="admin")
    assert account.team is None


@pytest.mark.parametrize("fields", [{"name": "a b"}, {"role": "owner"}, {"role": "boss"}])
def test_malformed_accounts_are_refused(world, fields):
    with pytest.raises(Invalid):
        create(world, **fields)
    with pytest.raises(Invalid):
        create(world, OPERATOR, **{"team": None, **fields})


def test_names_are_unique_in_the_team_and_in_the_organization(world):
    create(world)
    with pytest.raises(NameTaken):
        create(world, name="NIGHTLY")
    account = create(world, OPERATOR, team=None)
    with pytest.raises(NameTaken):
        create(world, OPERATOR, team=None)
    with pytest.raises(NameTaken):
        update(world, account, name="organization-machine")


def test_another_organizations_team_or_account_is_missing(world):
    with pytest.raises(Missing):
        create(world, OPERATOR, team=world.strange_team)
    theirs = ServiceAccountFactory(organization=world.strange_organization)
    for name in ("disable", "enable", "delete"):
        with pytest.raises(Missing):
            act(name, world, theirs)


def test_nobody_makes_a_machine_that_holds_more_than_they_do(world):
    with pytest.raises(Denied):
        create(world, world.admin.principal, team=None, role="billing_admin")
    with pytest.raises(Denied):
        create(world, world.team_member.principal)


def test_name_description_and_role_are_changed(world, trail):
    role = RoleFactory(
        organization=world.organization, name="Writer", scope="team", inherits="viewer"
    )
    account = update(world, world.machine, name="m2", description="x", custom_role=role)
    assert (account.name, account.role, account.role_name) == ("m2", "viewer", "Writer")
    [event] = trail(world.organization, "orgs.service_account.updated")
    assert event.changes == {
        "name": ["machine", "m2"],
        "description": ["", "x"],
        "role": ["member", "Writer"],
    }
    assert update(world, account, role="admin").custom_role is None
    update(world, account, role="admin")
    assert len(trail(world.organization, "orgs.service_account.updated")) == 2


def test_unknown_fields_and_lost_updates_are_refused(world):
    with pytest.raises(Invalid):
        update(world, world.machine, team=None)
    with pytest.raises(Stale):
        update(world, world.machine, name="x1", expected_version=9)
    with pytest.raises(Invalid):
        update(
            world,
            world.machine,
            custom_role=RoleFactory(organization=world.organization),
        )


def test_disabled_account_may_nothing_until_it_is_enabled(world, trail):
    principal = world.machine_principal
    for _ in range(2):
        account = act("disable", world, world.machine)
    assert account.is_disabled
    decision = access.may(principal, Permission.TEAM_READ, world.team)
    assert (decision.allowed, decision.is_stranger) == (False, True)
    for _ in range(2):
        act("enable", world, world.machine)
    assert access.may(principal, Permission.TEAM_READ, world.team).allowed
    assert [event.type for event in trail(world.organization)][-2:] == [
        "orgs.service_account.disabled",
        "orgs.service_account.enabled",
    ]


def test_deleted_account_is_gone(world, trail):
    act("delete", world, world.machine, world.team_admin.principal)
    assert not ServiceAccount.objects.of(world.organization).filter(name="machine").exists()
    [event] = trail(world.organization, "orgs.service_account.deleted")
    assert event.target_id == world.machine.wire_id


def test_members_of_the_team_do_not_manage_its_machines(world):
    for name in ("disable", "enable", "delete"):
        with pytest.raises(Denied):
            act(name, world, world.machine, world.team_member.principal)
