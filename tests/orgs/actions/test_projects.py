"""orgs/actions/projects.py."""

import pytest

from kernel.errors import Conflict, Denied, Invalid, Missing, Stale
from orgs import access
from orgs.actions import members, organizations, projects, teams
from orgs.errors import (
    ConfirmationMismatch,
    NameTaken,
    NotActive,
    PolicyForbids,
    ProtectedName,
)
from orgs.models import Project, ProjectCollaborator
from orgs.permissions import Permission
from tests.factories import OPERATOR, MembershipFactory, ProjectFactory, ServiceAccountFactory


def create(world, actor=None, **fields):
    fields = {"name": "depth", "team": world.team, **fields}
    return projects.create(
        actor=actor or world.team_member.principal,
        organization=world.organization,
        **fields,
    )


def update(world, project, actor=None, expected_version=None, **changes):
    return projects.update(
        actor=actor or world.team_admin.principal,
        organization=world.organization,
        project=project,
        changes=changes,
        expected_version=expected_version,
    )


def name(world, project, holder, actor=None, **fields):
    return projects.add_collaborator(
        actor=actor or world.team_admin.principal,
        organization=world.organization,
        project=project,
        holder=holder,
        **fields,
    )


def named(world):
    return {
        str(row.membership or row.service_account): row.role
        for row in ProjectCollaborator.objects.of(world.organization)
    }


def policy(world, **changes):
    organizations.update(actor=OPERATOR, organization=world.organization, changes=changes)


@pytest.fixture
def other(world):
    """A second team, of which the admin of the first is an admin as well."""
    return teams.create(
        actor=OPERATOR,
        organization=world.organization,
        name="other",
        admin=world.team_admin.member,
    )


def test_a_team_member_creates_a_project(world, trail):
    project = create(world, description="Monocular\ndepth")
    assert (str(project), project.visibility) == ("depth", "team")
    assert project.description == "Monocular depth"
    [event] = trail(world.organization, "orgs.project.created")
    assert event.changes["visibility"] == [None, "team"]


def test_only_those_who_may_create_do(world):
    for person in (world.team_viewer, world.member, world.viewer):
        with pytest.raises(Denied):
            create(world, person.principal)
    with pytest.raises(Missing):
        create(world, world.stranger.principal)
    with pytest.raises(Missing):
        create(world, OPERATOR, team=world.strange_team)


@pytest.mark.parametrize(
    "wrong", ["", "  ", "a/b", "50%", "a#b", "a\\b", "why?", "a:b", "..", "x" * 129, "ß" * 128]
)
def test_malformed_names_are_refused(world, wrong):
    with pytest.raises(Invalid):
        create(world, name=wrong)


def test_names_are_unique_in_the_team(world, other):
    create(world)
    with pytest.raises(NameTaken):
        create(world, name="DEPTH")
    create(world, world.team_admin.principal, team=other)
    second = create(world, name="second")
    with pytest.raises(NameTaken):
        update(world, second, name="Depth")


def test_unknown_visibility_is_refused(world):
    with pytest.raises(Invalid):
        create(world, visibility="secret")


@pytest.mark.parametrize("visibility", ["open", "public"])
def test_policies_keep_projects_inside(world, visibility):
    project = create(world, visibility=visibility)
    inside = create(world, name="inside")
    policy(world, allows_public_projects=False)
    with pytest.raises(PolicyForbids):
        create(world, name="second", visibility=visibility)
    with pytest.raises(PolicyForbids):
        update(world, inside, visibility=visibility)
    # What was public before stays until somebody changes it; the rest of it can change.
    assert update(world, project, description="x").visibility == visibility
    policy(world, allows_public_projects=True, enforces_private_projects=True)
    with pytest.raises(PolicyForbids):
        create(world, name="second", visibility=visibility)
    policy(world, enforces_private_projects=False)
    teams.update(
        actor=OPERATOR,
        organization=world.organization,
        team=world.team,
        changes={"keeps_new_projects_private": True},
    )
    with pytest.raises(PolicyForbids):
        create(world, name="second", visibility=visibility)
    create(world, name="second", visibility="restricted")


def test_whoever_restricts_a_project_is_named_on_it(world):
    create(world, visibility="restricted")
    assert named(world) == {"acme-team-member": "admin"}
    create(world, world.machine_principal, name="by-machine", visibility="restricted")
    assert named(world)["machine"] == "admin"
    ProjectFactory(team=world.team, visibility="restricted")
    assert len(named(world)) == 2


def test_project_is_changed_with_one_event(world, trail):
    project = create(world)
    changed = update(world, project, name="depth-2", description="New", visibility="public")
    assert changed.version == 2
    [event] = trail(world.organization, "orgs.project.updated")
    assert event.changes == {
        "name": ["depth", "depth-2"],
        "description": ["", "New"],
        "visibility": ["team", "public"],
    }
    update(world, project, visibility="public", name="depth-2")
    assert len(trail(world.organization, "orgs.project.updated")) == 1


def test_unknown_fields_and_lost_updates_are_refused(world):
    project = create(world)
    with pytest.raises(Invalid):
        update(world, project, team="other")
    with pytest.raises(Stale):
        update(world, project, name="x", expected_version=9)


def test_members_do_not_change_or_delete_projects(world):
    project = create(world)
    with pytest.raises(Denied):
        update(world, project, world.team_member.principal, name="x")
    with pytest.raises(Denied):
        projects.delete(
            actor=world.team_member.principal,
            organization=world.organization,
            project=project,
            confirmation="depth",
        )


def test_protected_names_stay(world):
    project = create(world, name="model-registry")
    with pytest.raises(ProtectedName):
        update(world, project, name="mine")
    assert update(world, project, name="model-registry", description="x").description == "x"


def test_restricted_projects_widen_by_one_step_only(world):
    project = create(world, visibility="restricted")
    for visibility in ("open", "public"):
        with pytest.raises(Invalid):
            update(world, project, visibility=visibility)
    project = update(world, project, visibility="team")
    assert named(world) == {}
    update(world, project, visibility="public")
    update(world, project, visibility="restricted")
    assert named(world) == {"acme-team-admin": "admin"}


def test_project_is_moved_by_whoever_has_rights_in_both_teams(world, other, trail):
    project = create(world)
    fields = {"organization": world.organization, "project": project, "team": other}
    for person in (world.team_member, world.member):
        with pytest.raises(Denied):
            projects.move(actor=person.principal, **fields)
    moved = projects.move(actor=world.team_admin.principal, **fields)
    assert moved.team == other
    projects.move(actor=world.team_admin.principal, **fields)
    [event] = trail(world.organization, "orgs.project.moved")
    assert event.changes == {"team": ["acme-team", "other"]}


def test_a_move_keeps_names_policies_and_versions(world, other):
    project = create(world, visibility="public")
    create(world, world.team_admin.principal, team=other)
    fields = {
        "actor": world.team_admin.principal,
        "organization": world.organization,
        "project": project,
        "team": other,
    }
    with pytest.raises(NameTaken):
        projects.move(**fields)
    with pytest.raises(Stale):
        projects.move(**fields, expected_version=9)
    teams.update(
        actor=OPERATOR,
        organization=world.organization,
        team=other,
        changes={"keeps_new_projects_private": True},
    )
    with pytest.raises(PolicyForbids):
        projects.move(**fields)
    with pytest.raises(Missing):
        projects.move(**{**fields, "actor": OPERATOR, "team": world.strange_team})


def test_a_move_leaves_the_old_teams_machines_behind(world, other):
    project = create(world, visibility="restricted")
    for holder in (world.machine, world.organization_machine, world.viewer.member):
        name(world, project, holder)
    name(world, project, world.team_admin.member, role="admin")
    projects.move(
        actor=world.team_admin.principal,
        organization=world.organization,
        project=project,
        team=other,
    )
    assert set(named(world)) == {
        "acme-team-member",
        "acme-team-admin",
        "organization-machine",
        "acme-viewer",
    }


def test_project_is_deleted_after_its_name_was_typed(world, trail):
    project = create(world)
    fields = {
        "actor": world.team_admin.principal,
        "organization": world.organization,
        "project": project,
    }
    with pytest.raises(ConfirmationMismatch):
        projects.delete(**fields, confirmation="Depth")
    projects.delete(**fields, confirmation=" depth ")
    assert not Project.objects.of(world.organization).exists()
    [event] = trail(world.organization, "orgs.project.deleted")
    assert event.changes == {"name": ["depth", None], "team": "acme-team"}
    with pytest.raises(Missing):
        update(world, project, name="ghost")


def test_people_and_machines_are_named_on_restricted_projects(world, trail):
    project = create(world, visibility="restricted")
    row = name(world, project, world.viewer.member)
    assert str(row) == f"member on {project.pk}"
    name(world, project, world.viewer.member)
    name(world, project, world.viewer.member, role="viewer")
    name(world, project, world.machine, role="member")
    assert named(world)["acme-viewer"] == "viewer"
    events = trail(world.organization, "orgs.project.collaborator_added")
    assert [event.changes["role"] for event in events] == [
        [None, "member"],
        ["member", "viewer"],
        [None, "member"],
    ]


def test_naming_refuses_whoever_does_not_belong(world, other):
    project = create(world, visibility="restricted")
    gone = MembershipFactory(organization=world.organization)
    members.deactivate(actor=OPERATOR, organization=world.organization, member=gone)
    theirs = ServiceAccountFactory(organization=world.organization, team=other)
    foreign = ServiceAccountFactory(organization=world.strange_organization)
    for holder, error in (
        (gone, NotActive),
        (world.stranger.member, Missing),
        (theirs, Conflict),
        (foreign, Missing),
    ):
        with pytest.raises(error):
            name(world, project, holder)
    with pytest.raises(Invalid):
        name(world, project, world.viewer.member, role="owner")
    with pytest.raises(Conflict):
        name(world, create(world, name="plain"), world.viewer.member)


def test_whoever_was_taken_off_sees_nothing_any_more(world, trail):
    project = create(world, visibility="restricted")
    name(world, project, world.viewer.member)
    assert access.may(world.viewer.principal, Permission.PROJECT_READ, project).allowed
    fields = {
        "actor": world.team_admin.principal,
        "organization": world.organization,
        "project": project,
        "holder": world.viewer.member,
    }
    projects.remove_collaborator(**fields)
    assert not access.may(world.viewer.principal, Permission.PROJECT_READ, project).allowed
    [event] = trail(world.organization, "orgs.project.collaborator_removed")
    assert event.changes["who"] == "acme-viewer"
    with pytest.raises(Missing):
        projects.remove_collaborator(**fields)
