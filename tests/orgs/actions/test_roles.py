"""orgs/actions/roles.py."""

import datetime as dt

import pytest

from kernel.clock import now
from kernel.errors import Denied, Invalid, Missing, Stale
from orgs import access
from orgs.actions import grants, invitations, members, roles, service_accounts, teams
from orgs.errors import NameTaken, RoleInUse
from orgs.models import Grant, Role
from orgs.permissions import RESERVED_TO_OWNERS, Permission
from tests.factories import OPERATOR, InvitationFactory, RoleFactory, as_user


def create(world, actor=None, **fields):
    fields = {"name": "Auditor", "scope": "organization", "inherits": "member", **fields}
    return roles.create(
        actor=actor or world.owner.principal, organization=world.organization, **fields
    )


def update(world, role, actor=None, expected_version=None, **changes):
    return roles.update(
        actor=actor or world.owner.principal,
        organization=world.organization,
        role=role,
        changes=changes,
        expected_version=expected_version,
    )


def delete(world, role, actor=None):
    roles.delete(
        actor=actor or world.owner.principal, organization=world.organization, role=role
    )


def test_a_role_inherits_and_adds_and_removes(world, trail):
    role = create(
        world, added=["audit.read"], removed=["seat.read"], description=" Reads  logs "
    )
    assert (str(role), role.description) == ("Auditor", "Reads logs")
    held = access.role_permissions("member", role, "organization")
    plain = access.role_permissions("member", None, "organization")
    assert held == (plain | {"audit.read"}) - {"seat.read"}
    [event] = trail(world.organization, "orgs.role.created")
    assert event.changes["added"] == ["audit.read"]


@pytest.mark.parametrize(
    "fields",
    [
        {"scope": "project"},
        {"inherits": "owner"},
        {"inherits": "boss"},
        {"scope": "team", "inherits": "billing_admin"},
        {"name": ""},
        {"name": "x" * 61},
        {"name": "ß" * 60},
        {"name": "Billing Admin"},
        {"name": "OWNER"},
        {"added": ["no.such"]},
        {"removed": ["no.such"]},
        {"scope": "team", "inherits": "viewer", "added": ["audit.read"]},
        {"description": "x" * 301},
        *({"added": [name]} for name in sorted(RESERVED_TO_OWNERS)),
    ],
)
def test_malformed_roles_are_refused(world, fields):
    with pytest.raises(Invalid):
        create(world, **fields)


def test_role_names_are_unique_in_their_scope(world):
    create(world)
    with pytest.raises(NameTaken):
        create(world, name="AUDITOR")
    other = create(world, scope="team", inherits="viewer")
    third = create(world, name="Third")
    with pytest.raises(NameTaken):
        update(world, third, name="Auditor")
    assert other.name == "Auditor"


def test_roles_are_bounded(world, monkeypatch):
    monkeypatch.setattr(roles, "AT_MOST", 1)
    create(world)
    with pytest.raises(Invalid):
        create(world, name="One more")


def test_only_those_who_manage_roles_do(world):
    role = create(world)
    for act in (
        lambda actor: create(world, actor, name="Mine"),
        lambda actor: update(world, role, actor, name="Mine"),
        lambda actor: delete(world, role, actor),
    ):
        with pytest.raises(Denied):
            act(world.member.principal)
        with pytest.raises(Missing):
            act(world.stranger.principal)


def test_another_organizations_role_is_missing(world):
    theirs = RoleFactory(organization=world.strange_organization)
    with pytest.raises(Missing):
        update(world, theirs, name="Mine")
    with pytest.raises(Missing):
        delete(world, theirs)
    with pytest.raises(Missing):
        roles.find(world.organization, theirs.wire_id, "organization")


def test_a_role_is_found_for_its_scope(world):
    role = create(world)
    assert roles.find(world.organization, role.wire_id, "organization") == role
    with pytest.raises(Missing):
        roles.find(world.organization, role.wire_id, "team")
    with pytest.raises(Missing):
        roles.find(world.organization, "role_nonsense", "team")


def test_a_changed_role_holds_for_everybody_at_once(world, trail):
    role = create(world)
    members.change_role(
        actor=OPERATOR,
        organization=world.organization,
        member=world.member.member,
        role="member",
        custom_role=role,
    )
    assert not access.may(world.member.principal, "audit.read", world.organization).allowed
    update(world, role, added=["audit.read"], name="Reader", description="Reads")
    assert access.may(world.member.principal, "audit.read", world.organization).allowed
    [event] = trail(world.organization, "orgs.role.updated")
    assert event.changes == {
        "name": ["Auditor", "Reader"],
        "description": ["", "Reads"],
        "added": [[], ["audit.read"]],
    }
    update(world, role, name="Reader")
    assert len(trail(world.organization, "orgs.role.updated")) == 1


def test_unknown_fields_and_lost_updates_are_refused(world):
    role = create(world)
    with pytest.raises(Invalid):
        update(world, role, scope="team")
    with pytest.raises(Stale):
        update(world, role, name="Other", expected_version=9)


def test_another_base_holds_for_whoever_has_the_role(world):
    role = create(world)
    member = members.change_role(
        actor=OPERATOR,
        organization=world.organization,
        member=world.member.member,
        role="member",
        custom_role=role,
    )
    changed = update(world, role, inherits="viewer")
    member.refresh_from_db()
    assert (changed.inherits, member.role, member.custom_role) == ("viewer", "viewer", changed)


def test_whoever_holds_a_retired_role_has_its_base(world):
    role = create(world)
    member = members.change_role(
        actor=OPERATOR,
        organization=world.organization,
        member=world.member.member,
        role="member",
        custom_role=role,
    )
    roles.retire(actor=OPERATOR, organization=world.organization, role=role)
    member.refresh_from_db()
    assert (member.role, member.custom_role) == ("member", None)
    assert not Role.objects.of(world.organization).exists()


@pytest.fixture
def keeper(world):
    """Somebody who manages roles and holds little else."""
    role = create(
        world,
        name="Keeper",
        inherits="admin",
        removed=["audit.read", "member.remove", "api_key.manage"],
    )
    member = members.change_role(
        actor=OPERATOR,
        organization=world.organization,
        member=world.member.member,
        role="admin",
        custom_role=role,
    )
    return as_user(member.user), role


def test_nobody_puts_into_a_role_what_they_lack(world, keeper):
    principal, role = keeper
    with pytest.raises(Denied):
        create(world, principal, added=["audit.read"])
    with pytest.raises(Denied):
        update(world, role, principal, added=["billing.manage"])


def test_nobody_takes_back_a_removal_from_their_own_role(world, keeper):
    principal, role = keeper
    with pytest.raises(Denied, match=r"audit\.read"):
        update(world, role, principal, removed=["member.remove", "api_key.manage"])
    # To take more away is always possible.
    update(world, role, principal, removed=[*role.removed, "grant.read"])


def test_unused_role_is_deleted(world, trail):
    delete(world, create(world))
    assert not Role.objects.of(world.organization).exists()
    assert trail(world.organization)[-1].type == "orgs.role.deleted"


def give_to_member(world, role):
    members.change_role(
        actor=OPERATOR,
        organization=world.organization,
        member=world.member.member,
        role="member",
        custom_role=role,
    )


def give_to_team_member(world, role):
    teams.change_member_role(
        actor=OPERATOR,
        organization=world.organization,
        team=world.team,
        member=world.team_member.member,
        role="member",
        custom_role=role,
    )


def give_to_machine(world, role):
    service_accounts.update(
        actor=OPERATOR,
        organization=world.organization,
        account=world.organization_machine,
        changes={"custom_role": role},
    )


def give_for_a_time(world, role):
    return grants.give(
        actor=OPERATOR,
        organization=world.organization,
        holder=world.viewer.member,
        role="member",
        custom_role=role,
        until=now() + dt.timedelta(hours=1),
        reason="help",
    )


def offer(world, role):
    return InvitationFactory(organization=world.organization, custom_role=role)


@pytest.mark.parametrize(
    ("give", "scope", "kind"),
    [
        (give_to_member, "organization", "members"),
        (give_to_team_member, "team", "team_members"),
        (give_to_machine, "organization", "service_accounts"),
        (give_for_a_time, "organization", "grants"),
        (offer, "organization", "invitations"),
    ],
)
def test_a_role_in_use_stays_and_says_who_has_it(world, give, scope, kind):
    role = create(world, scope=scope, inherits="viewer")
    give(world, role)
    with pytest.raises(RoleInUse, match=f"1 {kind.replace('_', ' ')}") as refused:
        delete(world, role)
    assert refused.value.extra == {"holders": {kind: 1}}


def test_what_has_ended_does_not_keep_a_role(world):
    role = create(world)
    grant = give_for_a_time(world, role)
    grants.end(actor=OPERATOR, organization=world.organization, grant=grant)
    invitations.revoke(
        actor=OPERATOR, organization=world.organization, invitation=offer(world, role)
    )
    delete(world, role)
    assert Grant.objects.of(world.organization).get().custom_role is None


def test_platform_permissions_are_registered_by_the_operator(world, trail):
    def register(actor=OPERATOR, **fields):
        fields = {"name": "run.write", "description": "Write runs", **fields}
        return roles.register_platform_permission(actor=actor, **fields)

    for fields in (
        {"name": "run"},
        {"name": "run.write.all"},
        {"name": "member.read"},
        {"team_roles": ["owner"]},
    ):
        with pytest.raises(Invalid):
            register(**fields)
    with pytest.raises(Denied):
        register(world.owner.principal)
    assert str(register()) == "run.write"
    register()
    assert len(trail(None, "orgs.permission.registered")) == 1
    register(team_roles=["admin"])
    assert len(trail(None, "orgs.permission.registered")) == 2


def test_custom_roles_hold_the_platforms_permissions(world):
    roles.register_platform_permission(
        actor=OPERATOR, name="run.write", description="Write runs", team_roles=["admin"]
    )
    runner = create(world, scope="team", inherits="viewer", added=["run.write"])
    reader = create(
        world, name="No runs", scope="team", inherits="admin", removed=["run.write"]
    )
    for role, allowed in ((runner, True), (reader, False), (None, False)):
        teams.change_member_role(
            actor=OPERATOR,
            organization=world.organization,
            team=world.team,
            member=world.team_member.member,
            role="member",
            custom_role=role,
        )
        decision = access.may(world.team_member.principal, "run.write", world.team)
        assert decision.allowed is allowed
    assert access.may(world.owner.principal, "run.write", world.team).allowed
    assert Permission.ROLE_MANAGE in access.held_on(world.owner.principal, world.organization)
