"""orgs/access/decision.py and standing.py."""

import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.errors import Denied, Missing
from kernel.principal import Principal, PrincipalKind
from orgs import access
from orgs.actions import members, organizations, projects, restrictions, roles, teams, users
from orgs.models import Project, Role
from orgs.permissions import (
    DESCRIPTIONS,
    ORGANIZATION_ROLES,
    READS,
    RESERVED_TO_OWNERS,
    TEAM_LEVEL,
    TEAM_ROLES,
    Permission,
    covers,
)
from tests.factories import OPERATOR, ProjectFactory, as_user

P = Permission


def allowed(principal, permission, resource):
    return access.may(principal, permission, resource).allowed


# --- the catalogue --------------------------------------------------------------------------


def test_every_permission_is_described_and_held_by_owners():
    assert set(DESCRIPTIONS) == set(P)
    names = [permission.name for permission in P]
    assert names == sorted(names)
    assert frozenset(P) == ORGANIZATION_ROLES["owner"]
    assert TEAM_ROLES["admin"] == TEAM_LEVEL
    assert frozenset(P) >= READS
    for role, held in ORGANIZATION_ROLES.items():
        assert role == "owner" or not held & RESERVED_TO_OWNERS


# --- organization and team roles ------------------------------------------------------------


@pytest.mark.parametrize("role", ORGANIZATION_ROLES)
def test_each_organization_role_holds_exactly_its_permissions(world, role):
    person = getattr(world, role)
    held = {name for name in P if allowed(person.principal, name, world.organization)}
    assert held == ORGANIZATION_ROLES[role]


@pytest.mark.parametrize("role", TEAM_ROLES)
def test_each_team_role_holds_exactly_its_permissions_in_its_team(world, role):
    person = getattr(world, f"team_{role}")
    held = {name for name in P if allowed(person.principal, name, world.team)}
    member = ORGANIZATION_ROLES["member"]
    assert held == TEAM_ROLES[role] | member


def test_organization_admins_hold_their_rights_on_every_team(world):
    for person in (world.owner, world.admin):
        decision = access.may(person.principal, P.TEAM_DELETE, world.team)
        assert decision.allowed
        assert decision.via == f"organization:{person.member.role}"


def test_a_machine_holds_its_role_in_its_team_and_little_elsewhere(world):
    principal = world.machine_principal
    assert allowed(principal, P.PROJECT_CREATE, world.team)
    assert allowed(principal, P.ORGANIZATION_READ, world.organization)
    assert not allowed(principal, P.MEMBER_READ, world.organization)
    other = teams.create(actor=OPERATOR, organization=world.organization, name="other")
    assert not allowed(principal, P.PROJECT_CREATE, other)
    assert not allowed(principal, P.TEAM_READ, other)
    wide = world.organization_machine_principal
    assert allowed(wide, P.MEMBER_READ, world.organization)
    assert not allowed(wide, P.TEAM_UPDATE, world.team)


def test_a_service_account_is_read_by_its_own_team(world):
    assert allowed(world.team_member.principal, P.SERVICE_ACCOUNT_READ, world.machine)
    assert not allowed(world.member.principal, P.SERVICE_ACCOUNT_READ, world.machine)
    assert not allowed(
        world.team_admin.principal, P.SERVICE_ACCOUNT_READ, world.organization_machine
    )
    assert allowed(world.admin.principal, P.SERVICE_ACCOUNT_READ, world.organization_machine)


def test_refusals_say_what_is_lacking(world):
    viewer = access.may(world.team_viewer.principal, P.PROJECT_CREATE, world.team)
    assert viewer.reason == "Role viewer of team acme-team lacks project.create."
    outside = access.may(world.member.principal, P.PROJECT_CREATE, world.team)
    assert outside.reason == "You are not in team acme-team."
    member = access.may(world.member.principal, P.AUDIT_READ, world.organization)
    assert member.reason == "Role member of Acme lacks audit.read."
    with pytest.raises(Denied) as refused:
        access.require(world.member.principal, P.AUDIT_READ, world.organization)
    assert refused.value.permission == "audit.read"


# --- who is outside -------------------------------------------------------------------------


def test_to_strangers_the_organization_looks_absent(world):
    nobody = (
        world.stranger.principal,
        Principal.anonymous(),
        as_user(world.owner.user, organization=world.strange_organization),
        Principal(kind=PrincipalKind.USER, id=uuid.uuid4(), label="ghost"),
        Principal(kind=PrincipalKind.SERVICE_ACCOUNT, id=uuid.uuid4(), label="ghost"),
        Principal(kind=PrincipalKind.ANONYMOUS, id=uuid.uuid4()),
    )
    for principal in nobody:
        for resource in (world.organization, world.team, world.machine):
            decision = access.may(principal, P.ORGANIZATION_READ, resource)
            assert (decision.allowed, decision.is_stranger) == (False, True)
            with pytest.raises(Missing):
                access.require(principal, P.ORGANIZATION_READ, resource)
        assert access.standing_of(principal, world.organization).team_roles() == {}
        assert access.held_on(principal, world.team) == frozenset()


def test_deactivated_and_inactive_people_are_outside(world):
    members.deactivate(
        actor=OPERATOR, organization=world.organization, member=world.member.member
    )
    assert access.may(world.member.principal, P.MEMBER_READ, world.organization).is_stranger
    world.viewer.user.is_active = False
    world.viewer.user.save()
    assert access.may(world.viewer.principal, P.MEMBER_READ, world.organization).is_stranger


def test_a_deleted_user_is_outside(world):
    principal = world.member.principal
    users.delete(actor=OPERATOR, user=world.member.user, confirmation="acme-member")
    assert access.may(principal, P.MEMBER_READ, world.organization).is_stranger


def test_the_system_may_everything(world):
    decision = access.may(OPERATOR, P.ORGANIZATION_DELETE, world.organization)
    assert (decision.allowed, decision.via) == (True, "system")
    access.require_all(OPERATOR, list(P), world.organization)
    access.require_oneself(OPERATOR, uuid.uuid4())


def test_to_a_stranger_even_giving_nothing_leads_to_an_absent_organization(world):
    with pytest.raises(Missing):
        access.require_all(world.stranger.principal, [], world.organization)


# --- scopes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scopes", "permission", "lets_through"),
    [
        (["member.read"], "member.read", True),
        (["member.*"], "member.read", True),
        (["*.read"], "member.read", True),
        (["*"], "member.read", True),
        ([], "member.read", False),
        (["member.invite"], "member.read", False),
        (["team_member.*"], "member.read", False),
        (["*.write"], "member.read", False),
        (["member"], "member.read", False),
    ],
)
def test_scopes_narrow_a_key(world, scopes, permission, lets_through):
    principal = as_user(world.owner.user, scopes=scopes)
    assert covers(scopes, permission) is lets_through
    assert allowed(principal, permission, world.organization) is lets_through


def test_a_key_with_scopes_gives_away_no_more_than_they_name(world):
    principal = as_user(world.owner.user, scopes=["organization.read", "member.*"])
    assert access.held_on(principal, world.organization) == {
        "organization.read",
        "member.invite",
        "member.read",
        "member.remove",
        "member.update",
    }
    with pytest.raises(Denied, match=r"billing\.read"):
        access.require_all(principal, ["member.read", "billing.read"], world.organization)


def test_an_organization_can_refuse_keys_that_were_not_made_for_it(world):
    organizations.update(
        actor=OPERATOR,
        organization=world.organization,
        changes={"allows_api_key_creation": False},
    )
    user = world.owner.user
    decision = access.may(as_user(user, scopes=["*"]), P.MEMBER_READ, world.organization)
    assert not decision.allowed
    assert "made for it" in decision.reason
    bound = as_user(user, organization=world.organization)
    for principal in (bound, world.owner.principal, world.organization_machine_principal):
        assert allowed(principal, P.MEMBER_READ, world.organization)


def test_oneself_is_the_person_with_a_full_key(world):
    user = world.member.user
    access.require_oneself(world.member.principal, user.pk)
    for principal in (
        world.owner.principal,
        world.machine_principal,
        as_user(user, scopes=["*"]),
    ):
        with pytest.raises(Denied):
            access.require_oneself(principal, user.pk)


# --- team settings --------------------------------------------------------------------------


def test_hidden_teams_show_from_inside_only(world):
    assert access.may(world.member.principal, P.TEAM_READ, world.team).allowed
    for change in ("team", "organization"):
        if change == "team":
            teams.update(
                actor=OPERATOR,
                organization=world.organization,
                team=world.team,
                changes={"is_hidden": True},
            )
        else:
            teams.update(
                actor=OPERATOR,
                organization=world.organization,
                team=world.team,
                changes={"is_hidden": False},
            )
            organizations.update(
                actor=OPERATOR,
                organization=world.organization,
                changes={"enforces_hidden_teams": True},
            )
        world.team.refresh_from_db()
        seen = {
            name: allowed(getattr(world, name).principal, P.TEAM_READ, world.team)
            for name in ("owner", "admin", "member", "viewer", "team_viewer", "team_admin")
        }
        assert seen == {
            "owner": True,
            "admin": True,
            "member": False,
            "viewer": False,
            "team_viewer": True,
            "team_admin": True,
        }


# --- projects -------------------------------------------------------------------------------

READ, ADD, CHANGE = P.PROJECT_READ, P.PROJECT_CONTRIBUTE, P.PROJECT_UPDATE
NOBODY = Principal.anonymous()

RIGHTS = {
    # visibility: who → (read, contribute, update)
    "team": {
        "team_admin": (True, True, True),
        "team_member": (True, True, False),
        "team_viewer": (True, False, False),
        "member": (False, False, False),
        "admin": (True, True, True),
        "stranger": (False, False, False),
        "anonymous": (False, False, False),
    },
    "restricted": {
        "team_admin": (False, False, True),
        "team_member": (False, False, False),
        "team_viewer": (False, False, False),
        "member": (False, False, False),
        "admin": (False, False, True),
        "stranger": (False, False, False),
        "anonymous": (False, False, False),
    },
    "open": {
        "team_admin": (True, True, True),
        "team_member": (True, True, False),
        "team_viewer": (True, True, False),
        "member": (True, True, False),
        "admin": (True, True, True),
        "stranger": (True, True, False),
        "anonymous": (False, False, False),
    },
    "public": {
        "team_admin": (True, True, True),
        "team_member": (True, True, False),
        "team_viewer": (True, False, False),
        "member": (True, False, False),
        "admin": (True, True, True),
        "stranger": (True, False, False),
        "anonymous": (True, False, False),
    },
}


@pytest.mark.parametrize("visibility", Project.Visibility.values)
def test_visibility_gives_exactly_the_rights_that_its_word_says(world, visibility):
    project = ProjectFactory(team=world.team, visibility=visibility)
    found = {}
    for name in RIGHTS[visibility]:
        principal = NOBODY if name == "anonymous" else getattr(world, name).principal
        found[name] = tuple(allowed(principal, right, project) for right in (READ, ADD, CHANGE))
    assert found == RIGHTS[visibility]


@pytest.mark.parametrize("role", TEAM_ROLES)
def test_whoever_is_named_on_a_restricted_project_holds_their_role_there(world, role):
    project = ProjectFactory(team=world.team, visibility="restricted")
    for holder, principal in (
        (world.viewer.member, world.viewer.principal),
        (world.machine, world.machine_principal),
    ):
        projects.add_collaborator(
            actor=OPERATOR,
            organization=world.organization,
            project=project,
            holder=holder,
            role=role,
        )
        for right in (READ, ADD, CHANGE):
            assert allowed(principal, right, project) is (right in TEAM_ROLES[role])


@pytest.fixture
def platform(db):
    roles.register_platform_permission(
        actor=OPERATOR, name="run.write", description="Write runs"
    )
    roles.register_platform_permission(
        actor=OPERATOR,
        name="run.read",
        description="See runs",
        team_roles=["admin", "member", "viewer"],
        is_read=True,
    )


@pytest.mark.parametrize(
    ("visibility", "member", "stranger", "anonymous"),
    [
        ("team", (False, False), (False, False), (False, False)),
        ("restricted", (False, False), (False, False), (False, False)),
        ("open", (True, True), (True, True), (False, False)),
        ("public", (True, False), (True, False), (True, False)),
    ],
)
def test_the_platforms_permissions_follow_visibility(
    world, platform, visibility, member, stranger, anonymous
):
    project = ProjectFactory(team=world.team, visibility=visibility)
    for principal, expected in (
        (world.member.principal, member),
        (world.stranger.principal, stranger),
        (NOBODY, anonymous),
    ):
        found = tuple(allowed(principal, name, project) for name in ("run.read", "run.write"))
        assert found == expected
    assert not allowed(world.team_admin.principal, "run.unknown", project)


def test_the_platforms_permissions_follow_team_roles(world, platform):
    held = {
        name: allowed(getattr(world, name).principal, "run.write", world.team)
        for name in ("team_admin", "team_member", "team_viewer", "member", "owner", "admin")
    }
    assert held == {
        "team_admin": True,
        "team_member": True,
        "team_viewer": False,
        "member": False,
        "owner": True,
        "admin": True,
    }


def test_public_projects_of_a_suspended_organization_are_closed_to_everybody(world):
    project = ProjectFactory(team=world.team, visibility="public")
    restrictions.impose(
        actor=OPERATOR, organization=world.organization, kind="suspended", reason="unpaid"
    )
    bound_elsewhere = as_user(world.stranger.user, organization=world.strange_organization)
    for principal in (
        NOBODY,
        world.stranger.principal,
        bound_elsewhere,
        world.team_member.principal,
    ):
        decision = access.may(principal, READ, project)
        assert not decision.allowed
        assert "suspended" in decision.reason


# --- cost -----------------------------------------------------------------------------------


def test_a_decision_costs_few_queries(world, django_assert_max_num_queries):
    team, organization = world.team, world.organization
    project = ProjectFactory(team=team)
    for principal, resource, most in (
        (world.admin.principal, organization, 1),
        (world.member.principal, organization, 1),
        (world.team_member.principal, team, 2),
        (world.machine_principal, team, 1),
        (world.team_member.principal, project, 2),
    ):
        with django_assert_max_num_queries(most):
            access.may(principal, P.PROJECT_READ, resource)


# --- properties -----------------------------------------------------------------------------

_ANY_PERMISSIONS = st.frozensets(st.sampled_from(sorted(P)), max_size=12)


@given(
    inherits=st.sampled_from(sorted(set(ORGANIZATION_ROLES) - {"owner"})),
    added=_ANY_PERMISSIONS,
    removed=_ANY_PERMISSIONS,
)
def test_a_custom_role_holds_its_base_plus_added_minus_removed(inherits, added, removed):
    role = Role(inherits=inherits, added=sorted(added), removed=sorted(removed))
    held = access.role_permissions("owner", role, "organization", with_platform=False)
    assert held == (ORGANIZATION_ROLES[inherits] | added) - removed


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    scopes=st.frozensets(
        st.one_of(
            st.sampled_from(sorted(P)),
            st.sampled_from(["*", "*.read", "member.*", "team.*", "project.*", "nonsense"]),
        ),
        max_size=5,
    ),
    person=st.sampled_from(["owner", "admin", "billing_admin", "member", "team_admin"]),
)
def test_scopes_never_add_to_what_the_person_holds(world, scopes, person):
    user = getattr(world, person).user
    for resource in (world.organization, world.team):
        whole = access.held_on(as_user(user), resource)
        narrowed = access.held_on(as_user(user, scopes=scopes), resource)
        assert narrowed == {name for name in whole if covers(scopes, name)}


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(added=_ANY_PERMISSIONS, removed=_ANY_PERMISSIONS, wanted=_ANY_PERMISSIONS)
def test_nobody_writes_a_role_that_holds_more_than_they_do(world, added, removed, wanted):
    """Whatever custom role somebody has, the roles they write stay within it."""
    keeper = Role.objects.create(
        organization=world.organization,
        name="Keeper",
        name_key=uuid.uuid4().hex,
        scope="organization",
        inherits="member",
        added=sorted((added | {P.ROLE_MANAGE}) - RESERVED_TO_OWNERS),
        removed=sorted(removed - {P.ROLE_MANAGE, P.ORGANIZATION_READ}),
    )
    world.member.member.custom_role = keeper
    world.member.member.save()
    principal = world.member.principal
    held = access.held_on(principal, world.organization)
    try:
        written = roles.create(
            actor=principal,
            organization=world.organization,
            name=f"Role {uuid.uuid4().hex[:8]}",
            scope="organization",
            inherits="viewer",
            added=wanted - RESERVED_TO_OWNERS,
        )
    except Denied:
        assert not (wanted - RESERVED_TO_OWNERS) <= held
    else:
        assert set(written.added) <= held
