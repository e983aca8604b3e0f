"""orgs/actions/teams.py."""

import datetime as dt

import pytest

from kernel.clock import now
from kernel.errors import Denied, Invalid, Missing, Stale
from orgs import access
from orgs.actions import grants, organizations, projects, teams
from orgs.errors import (
    AlreadyMember,
    ConfirmationMismatch,
    NameTaken,
    NotActive,
    PolicyForbids,
)
from orgs.models import (
    Entity,
    Grant,
    Membership,
    Organization,
    Project,
    ProjectCollaborator,
    ServiceAccount,
    Team,
    TeamMembership,
)
from orgs.permissions import Permission
from orgs.queries import effective_settings
from tests.factories import OPERATOR, MembershipFactory, RoleFactory, UserFactory, as_user


def create(world, actor=None, **fields):
    fields = {"name": "vision", **fields}
    return teams.create(
        actor=actor or world.owner.principal, organization=world.organization, **fields
    )


def places(team):
    return {
        place.membership.user.username: place.role_name
        for place in TeamMembership.objects.of(team.organization).in_team(team)
    }


def test_creator_becomes_the_admin_of_a_new_team(world, trail):
    before = world.organization.team_count
    team = create(world, display_name="Vision", description="Sees\nthings")
    assert places(team) == {"acme-owner": "admin"}
    assert (team.name, team.display_name, team.description) == ("vision", "Vision", "Sees things")
    assert team.member_count == 1
    world.organization.refresh_from_db()
    assert world.organization.team_count == before + 1
    assert [event.type for event in trail(world.organization)][-2:] == [
        "orgs.team.created",
        "orgs.team_member.added",
    ]


def test_somebody_else_can_be_made_the_first_admin(world):
    team = create(world, admin=world.member.member)
    assert places(team) == {"acme-member": "admin"}


def test_first_admin_must_be_an_active_member_of_the_organization(world):
    with pytest.raises(Missing):
        create(world, admin=world.stranger.member)
    gone = MembershipFactory(organization=world.organization)
    gone.status = Membership.Status.DEACTIVATED
    from orgs.actions import members

    members.deactivate(actor=OPERATOR, organization=world.organization, member=gone)
    with pytest.raises(NotActive):
        create(world, admin=gone)


def test_a_machine_creates_a_team_without_a_first_admin(world):
    assert places(create(world, OPERATOR)) == {}


def test_new_team_takes_the_organizations_default_for_saving_code(world):
    organizations.update(
        actor=world.owner.principal,
        organization=world.organization,
        changes={"saves_code_by_default": True},
    )
    assert create(world).saves_code


@pytest.mark.parametrize("name", ["acme-team", "ACME-Team", "acme-owner"])
def test_team_names_and_usernames_share_one_namespace(world, name):
    with pytest.raises(NameTaken):
        create(world, name=name)


@pytest.mark.parametrize("name", ["", "-vision", "a b", "x" * 65, "admin", "vision/lab"])
def test_a_team_name_can_stand_in_an_address(world, name):
    with pytest.raises(Invalid):
        create(world, name=name)


def test_members_create_teams_only_where_the_organization_lets_them(world):
    with pytest.raises(Denied):
        create(world, world.member.principal)
    world.organization.allows_member_teams = True
    world.organization.save()
    assert places(create(world, world.member.principal)) == {"acme-member": "admin"}
    with pytest.raises(Denied):
        create(world, world.viewer.principal, name="vision-2")
    with pytest.raises(Denied):
        create(world, world.member.principal, name="vision-3", admin=world.viewer.member)


def test_strangers_see_no_organization_to_create_a_team_in(world):
    with pytest.raises(Missing):
        create(world, world.stranger.principal)


def test_renamed_team_keeps_its_old_name_as_an_alias(world, trail):
    team = teams.rename(
        actor=world.team_admin.principal,
        organization=world.organization,
        team=world.team,
        name="acme-research",
    )
    assert team.name == "acme-research"
    old = Entity.objects.named("acme-team").get()
    assert old.team == team
    assert old.alias_until > now() + dt.timedelta(days=89)
    with pytest.raises(NameTaken):
        create(world, name="acme-team")
    [event] = trail(world.organization, "orgs.team.renamed")
    assert event.changes == {"name": ["acme-team", "acme-research"]}


def test_renaming_to_the_same_name_does_nothing(world, trail):
    teams.rename(
        actor=OPERATOR, organization=world.organization, team=world.team, name="acme-team"
    )
    assert trail(world.organization, "orgs.team.renamed") == []


def test_team_can_go_back_to_its_own_alias(world):
    for name in ("other", "acme-team"):
        team = teams.rename(
            actor=OPERATOR, organization=world.organization, team=world.team, name=name
        )
    assert team.name == "acme-team"
    assert Entity.objects.named("acme-team").get().alias_until is None


def test_team_settings_are_changed_with_one_event(world, trail):
    team = teams.update(
        actor=world.team_admin.principal,
        organization=world.organization,
        team=world.team,
        changes={"display_name": "Research", "description": "", "is_hidden": True},
    )
    assert (team.display_name, team.is_hidden) == ("Research", True)
    [event] = trail(world.organization, "orgs.team.updated")
    assert event.changes == {"display_name": ["", "Research"], "is_hidden": [False, True]}


def test_unchanged_settings_write_no_event(world, trail):
    version = world.team.version
    team = teams.update(
        actor=OPERATOR,
        organization=world.organization,
        team=world.team,
        changes={"is_hidden": False},
    )
    assert team.version == version
    assert trail(world.organization, "orgs.team.updated") == []


@pytest.mark.parametrize(
    "changes",
    [{"is_hidden": "yes"}, {"name": "other"}, {"member_count": 3}, {"display_name": "x" * 121}],
)
def test_unknown_or_malformed_settings_are_refused(world, changes):
    with pytest.raises(Invalid):
        teams.update(
            actor=OPERATOR, organization=world.organization, team=world.team, changes=changes
        )


def test_a_lost_update_of_a_team_is_refused(world):
    for act in (
        lambda: teams.update(
            actor=OPERATOR,
            organization=world.organization,
            team=world.team,
            changes={"is_hidden": True},
            expected_version=99,
        ),
        lambda: teams.rename(
            actor=OPERATOR,
            organization=world.organization,
            team=world.team,
            name="other",
            expected_version=99,
        ),
    ):
        with pytest.raises(Stale):
            act()


ENFORCED = [
    ("is_hidden", "enforces_hidden_teams", True),
    ("keeps_new_projects_private", "enforces_private_projects", True),
    ("lets_members_invite", "enforces_invitation_control", False),
    ("forbids_public_reports", "enforces_no_public_reports", True),
    ("allows_domain_join", "enforces_no_self_join", False),
    ("saves_code", "enforces_code_saving_off", False),
]


@pytest.mark.parametrize(("setting", "policy", "value"), ENFORCED)
def test_a_setting_that_the_organization_enforces_is_not_the_teams(
    world, setting, policy, value
):
    teams.update(
        actor=OPERATOR,
        organization=world.organization,
        team=world.team,
        changes={setting: not value},
    )
    assert getattr(effective_settings(world.team), setting) is False
    organizations.update(
        actor=OPERATOR, organization=world.organization, changes={policy: True}
    )
    team = Team.objects.of(world.organization).get(pk=world.team.pk)
    assert getattr(team, setting) is not value
    assert getattr(effective_settings(team), setting) is value
    assert effective_settings(team).enforced == {setting}
    with pytest.raises(PolicyForbids) as refused:
        teams.update(
            actor=OPERATOR,
            organization=world.organization,
            team=team,
            changes={setting: value},
        )
    assert refused.value.extra == {"settings": [setting]}
    # Repeating the stored value is no change, so a form that sends everything passes.
    teams.update(
        actor=OPERATOR,
        organization=world.organization,
        team=team,
        changes={setting: not value, "description": "Still editable"},
    )


def test_members_of_a_team_do_not_change_it(world):
    for act in (
        lambda: teams.update(
            actor=world.team_member.principal,
            organization=world.organization,
            team=world.team,
            changes={"is_hidden": True},
        ),
        lambda: teams.rename(
            actor=world.team_member.principal,
            organization=world.organization,
            team=world.team,
            name="mine",
        ),
        lambda: teams.delete(
            actor=world.team_member.principal,
            organization=world.organization,
            team=world.team,
            confirmation="acme-team",
        ),
    ):
        with pytest.raises(Denied):
            act()


def test_deleted_team_takes_everything_of_its_own_along(world, trail):
    project = projects.create(
        actor=OPERATOR, organization=world.organization, team=world.team, name="depth"
    )
    grants.give(
        actor=OPERATOR,
        organization=world.organization,
        holder=world.member.member,
        role="admin",
        team=world.team,
        until=now() + dt.timedelta(days=1),
        reason="help",
    )
    members_before = world.organization.member_count
    teams.delete(
        actor=world.team_admin.principal,
        organization=world.organization,
        team=world.team,
        confirmation=" acme-team ",
    )
    assert not Team.objects.of(world.organization).filter(pk=world.team.pk).exists()
    assert not Project.objects.of(world.organization).filter(pk=project.pk).exists()
    assert not ServiceAccount.objects.of(world.organization).filter(name="machine").exists()
    assert not Grant.objects.of(world.organization).exists()
    assert not Entity.objects.named("acme-team").exists()
    world.organization.refresh_from_db()
    assert (world.organization.team_count, world.organization.member_count) == (0, members_before)
    [event] = trail(world.organization, "orgs.team.deleted")
    assert event.changes["service_accounts"] == ["machine"]
    assert event.changes["projects"] == ["depth"]


def test_a_team_is_deleted_only_after_its_name_was_typed(world):
    with pytest.raises(ConfirmationMismatch) as refused:
        teams.delete(
            actor=OPERATOR, organization=world.organization, team=world.team, confirmation="team"
        )
    assert refused.value.errors[0]["pointer"] == "/confirmation"
    assert Team.objects.of(world.organization).exists()


def test_deleted_team_is_missing_to_every_later_act(world):
    teams.delete(
        actor=OPERATOR,
        organization=world.organization,
        team=world.team,
        confirmation="acme-team",
    )
    with pytest.raises(Missing):
        teams.rename(
            actor=OPERATOR, organization=world.organization, team=world.team, name="again"
        )


def test_another_organizations_team_is_missing(world):
    with pytest.raises(Missing):
        teams.update(
            actor=OPERATOR,
            organization=world.organization,
            team=world.strange_team,
            changes={"is_hidden": True},
        )
    with pytest.raises(Missing):
        teams.update(
            actor=world.owner.principal,
            organization=world.organization,
            team=world.strange_team,
            changes={"is_hidden": True},
        )


def add(world, actor=None, **fields):
    fields = {"member": world.member.member, "role": "member", **fields}
    return teams.add_member(
        actor=actor or world.team_admin.principal,
        organization=world.organization,
        team=world.team,
        **fields,
    )


def test_team_admin_adds_a_member(world, trail):
    before = world.team.member_count
    place = add(world)
    assert places(world.team)["acme-member"] == "member"
    world.team.refresh_from_db()
    assert world.team.member_count == before + 1
    event = trail(world.organization, "orgs.team_member.added")[-1]
    assert event.target_id == world.member.member.wire_id
    assert event.changes["role"] == [None, "member"]
    assert str(place) == "acme-member in acme-team"


def test_nobody_is_in_a_team_twice(world):
    with pytest.raises(AlreadyMember):
        add(world, member=world.team_member.member)


def test_only_active_members_of_the_organization_join_a_team(world):
    from orgs.actions import members

    members.deactivate(
        actor=OPERATOR, organization=world.organization, member=world.member.member
    )
    with pytest.raises(NotActive):
        add(world)
    with pytest.raises(Missing):
        add(world, member=world.stranger.member)


def test_unknown_team_roles_are_refused(world):
    for role in ("owner", "billing_admin", ""):
        with pytest.raises(Invalid):
            add(world, role=role)


def test_a_custom_team_role_is_given_with_its_base(world):
    role = RoleFactory(
        organization=world.organization,
        name="Runner",
        scope="team",
        inherits="viewer",
        added=["project.contribute"],
    )
    place = add(world, custom_role=role)
    assert (place.role, place.role_name) == ("viewer", "Runner")
    decision = access.may(world.member.principal, Permission.PROJECT_CONTRIBUTE, world.team)
    assert decision.allowed


def test_custom_roles_of_another_scope_or_organization_are_refused(world):
    for role in (
        RoleFactory(organization=world.organization, scope="organization"),
        RoleFactory(organization=world.strange_organization, scope="team", inherits="viewer"),
    ):
        with pytest.raises(Invalid):
            add(world, custom_role=role)


def test_nobody_gives_a_team_role_that_holds_more_than_they_do(world):
    role = RoleFactory(
        organization=world.organization,
        name="Gatekeeper",
        scope="team",
        inherits="viewer",
        added=["team_member.manage"],
    )
    keeper = MembershipFactory(organization=world.organization)
    add(world, OPERATOR, member=keeper, custom_role=role)
    with pytest.raises(Denied):
        add(world, as_user(keeper.user), role="admin")
    assert add(world, as_user(keeper.user), role="viewer").role == "viewer"


def change(world, actor=None, **fields):
    fields = {"member": world.team_member.member, "role": "viewer", **fields}
    return teams.change_member_role(
        actor=actor or world.team_admin.principal,
        organization=world.organization,
        team=world.team,
        **fields,
    )


def test_team_role_is_changed(world, trail):
    assert change(world).role == "viewer"
    [event] = trail(world.organization, "orgs.team_member.role_changed")
    assert event.changes["role"] == ["member", "viewer"]
    change(world)
    assert len(trail(world.organization, "orgs.team_member.role_changed")) == 1


def test_team_role_of_somebody_outside_of_the_team_is_missing(world):
    with pytest.raises(Missing):
        change(world, member=world.member.member)


def test_lost_updates_of_a_place_in_a_team_are_refused(world):
    with pytest.raises(Stale):
        change(world, expected_version=99)
    with pytest.raises(Stale):
        teams.remove_member(
            actor=OPERATOR,
            organization=world.organization,
            team=world.team,
            member=world.team_member.member,
            expected_version=99,
        )


def test_removed_team_member_loses_grants_and_projects_of_the_team(world, trail):
    member = world.team_member.member
    project = projects.create(
        actor=OPERATOR,
        organization=world.organization,
        team=world.team,
        name="secret",
        visibility="restricted",
    )
    projects.add_collaborator(
        actor=OPERATOR, organization=world.organization, project=project, holder=member
    )
    grants.give(
        actor=OPERATOR,
        organization=world.organization,
        holder=member,
        role="admin",
        team=world.team,
        until=now() + dt.timedelta(days=1),
        reason="help",
    )
    teams.remove_member(
        actor=world.team_admin.principal,
        organization=world.organization,
        team=world.team,
        member=member,
    )
    assert "acme-team-member" not in places(world.team)
    assert not Grant.objects.of(world.organization).live(now()).exists()
    assert not ProjectCollaborator.objects.of(world.organization).exists()
    world.team.refresh_from_db()
    assert world.team.member_count == 2
    assert len(trail(world.organization, "orgs.team_member.removed")) == 1
    member.refresh_from_db()
    assert member.is_active


def test_members_do_not_remove_each_other(world):
    with pytest.raises(Denied):
        teams.remove_member(
            actor=world.team_member.principal,
            organization=world.organization,
            team=world.team,
            member=world.team_viewer.member,
        )


def test_a_member_leaves_by_themselves(world, trail):
    teams.leave(
        actor=world.team_viewer.principal, organization=world.organization, team=world.team
    )
    assert "acme-team-viewer" not in places(world.team)
    [event] = trail(world.organization, "orgs.team_member.left")
    assert event.actor_label == "acme-team-viewer"


def test_who_is_not_in_the_team_cannot_leave_it(world):
    with pytest.raises(Missing):
        teams.leave(
            actor=world.member.principal, organization=world.organization, team=world.team
        )
    with pytest.raises(Missing):
        teams.leave(
            actor=world.machine_principal, organization=world.organization, team=world.team
        )


def test_a_key_with_scopes_does_not_leave_a_team(world):
    with pytest.raises(Denied):
        teams.leave(
            actor=as_user(world.team_viewer.user, scopes=["*.read"]),
            organization=world.organization,
            team=world.team,
        )


def test_team_count_is_kept(world):
    create(world)
    assert Organization.objects.get(pk=world.organization.pk).team_count == 2
    assert UserFactory().username.startswith("person-")
