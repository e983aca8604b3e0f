"""orgs/access/lists.py: lists agree with `may` on every row."""

import dataclasses
import datetime as dt

import pytest

from kernel.clock import now
from kernel.errors import Missing
from kernel.pagination import Order, paginate
from kernel.principal import Principal
from orgs import access
from orgs.actions import (
    access_requests,
    grants,
    invitations,
    organizations,
    projects,
    restrictions,
    teams,
)
from orgs.models import Grant, Project, ServiceAccount, Team
from orgs.permissions import Permission
from tests.factories import (
    OPERATOR,
    InvitationFactory,
    MembershipFactory,
    ProjectFactory,
    ServiceAccountFactory,
    as_user,
)

P = Permission
PEOPLE = (
    "owner",
    "admin",
    "billing_admin",
    "member",
    "viewer",
    "team_admin",
    "team_member",
    "team_viewer",
)


@pytest.fixture
def full(world):
    """Acme with a hidden team, projects of every visibility, machines and grants."""
    hidden = teams.create(actor=OPERATOR, organization=world.organization, name="hidden")
    teams.update(
        actor=OPERATOR,
        organization=world.organization,
        team=hidden,
        changes={"is_hidden": True},
    )
    for team in (world.team, hidden, world.strange_team):
        for visibility in Project.Visibility.values:
            ProjectFactory(team=team, visibility=visibility, name=f"{team}-{visibility}")
    named = Project.objects.of(world.organization).get(name="hidden-restricted")
    for holder in (world.viewer.member, world.organization_machine):
        projects.add_collaborator(
            actor=OPERATOR, organization=world.organization, project=named, holder=holder
        )
    ServiceAccountFactory(organization=world.organization, team=hidden, name="hidden-machine")
    for holder, team, role in (
        (world.member.member, hidden, "member"),
        (world.team_viewer.member, hidden, "admin"),
        (world.organization_machine, None, "member"),
    ):
        grants.give(
            actor=OPERATOR,
            organization=world.organization,
            holder=holder,
            role=role,
            team=team,
            until=now() + dt.timedelta(days=1),
            reason="help",
        )
    return world


def principals(world):
    for name in PEOPLE:
        yield getattr(world, name).principal
        yield as_user(getattr(world, name).user, scopes=["project.read", "team.read"])
        yield as_user(getattr(world, name).user, scopes=["member.read"])
    yield world.machine_principal
    yield world.organization_machine_principal
    yield world.stranger.principal
    yield Principal.anonymous()


def agree(world, rows, everything, permission, *also):
    """Check that a list holds exactly the rows on which `may` allows one of the permissions."""
    for principal in principals(world):
        seen = set(rows(principal, world.organization).values_list("pk", flat=True))
        standing = access.standing_of(principal, world.organization)
        for row in everything:
            right = standing.is_inside and access.may(principal, permission, row).allowed
            if not right and standing.is_inside:
                right = any(access.may(principal, other, row).allowed for other in also)
            assert (row.pk in seen) is right, (principal.label, principal.scopes, str(row))


def test_teams_agree_with_the_decision(full):
    everything = list(Team.objects.of(full.organization).select_related("organization"))
    agree(full, access.teams_for, everything, P.TEAM_READ)
    organizations.update(
        actor=OPERATOR,
        organization=full.organization,
        changes={"enforces_hidden_teams": True},
    )
    everything = list(Team.objects.of(full.organization).select_related("organization"))
    agree(full, access.teams_for, everything, P.TEAM_READ)


def test_projects_agree_with_the_decision(full):
    everything = list(
        Project.objects.of(full.organization).select_related("team", "organization")
    )
    agree(full, access.projects_for, everything, P.PROJECT_READ, P.PROJECT_UPDATE)


def test_the_system_sees_every_row(full):
    assert access.projects_for(OPERATOR, full.organization).count() == 8
    assert access.teams_for(OPERATOR, full.organization).count() == 2
    assert access.service_accounts_for(OPERATOR, full.organization).count() == 3


def test_service_accounts_agree_with_the_decision(full):
    everything = list(
        ServiceAccount.objects.of(full.organization)
        .exclude(pk__in=[full.machine.pk, full.organization_machine.pk])
        .select_related("team", "organization")
    )
    agree(full, access.service_accounts_for, everything, P.SERVICE_ACCOUNT_READ)
    for principal in (full.machine_principal, full.organization_machine_principal):
        own = access.service_accounts_for(principal, full.organization)
        assert own.filter(pk=principal.id).exists()


def test_grants_show_to_those_who_read_them_and_to_their_holders(full):
    def seen(principal):
        rows = access.grants_for(principal, full.organization)
        return {str(row.membership or row.service_account) for row in rows}

    everybody = {"acme-member", "acme-team-viewer", "organization-machine"}
    assert seen(full.owner.principal) == everybody
    assert seen(OPERATOR) == everybody
    assert seen(full.member.principal) == {"acme-member"}
    assert seen(full.team_viewer.principal) == {"acme-member", "acme-team-viewer"}
    assert seen(full.organization_machine_principal) == {"organization-machine"}
    assert seen(full.machine_principal) == set()
    assert seen(as_user(full.member.user, scopes=["team.read"])) == set()
    assert seen(full.stranger.principal) == set()
    assert Grant.objects.of(full.organization).live(now()).count() == 3


def test_requests_show_to_those_who_decide_and_to_who_asked(full):
    for person, fields in (
        (full.member, {"kind": "team", "team": full.team}),
        (full.viewer, {"kind": "seat", "seat": "full"}),
    ):
        access_requests.ask(
            actor=person.principal, organization=full.organization, reason="x", **fields
        )

    def seen(principal):
        rows = access.access_requests_for(principal, full.organization)
        return {str(row.membership.user) for row in rows}

    assert seen(full.admin.principal) == {"acme-member", "acme-viewer"}
    assert seen(full.team_admin.principal) == {"acme-member"}
    assert seen(full.viewer.principal) == {"acme-viewer"}
    assert seen(full.machine_principal) == set()


def test_invitations_show_to_those_who_see_all_and_to_who_made_them(full):
    teams.update(
        actor=OPERATOR,
        organization=full.organization,
        team=full.team,
        changes={"lets_members_invite": True},
    )
    full.team.refresh_from_db()
    InvitationFactory(organization=full.organization, email="a@example.com")
    invitations.create_many(
        actor=full.team_member.principal,
        organization=full.organization,
        addresses=["b@example.com"],
        teams=[(full.team, "member")],
    )

    def seen(principal):
        rows = access.invitations_for(principal, full.organization)
        return {row.email for row in rows}

    assert seen(full.admin.principal) == {"a@example.com", "b@example.com"}
    assert seen(full.team_member.principal) == {"b@example.com"}
    assert seen(as_user(full.team_member.user, scopes=["team.read"])) == set()
    assert seen(as_user(full.team_member.user, scopes=["*"])) == set()
    assert seen(full.stranger.principal) == set()


def test_nothing_shows_while_a_restriction_forbids_it(full):
    restrictions.impose(
        actor=OPERATOR, organization=full.organization, kind="suspended", reason="unpaid"
    )
    for rows in (
        access.teams_for,
        access.projects_for,
        access.service_accounts_for,
        access.grants_for,
        access.access_requests_for,
        access.invitations_for,
    ):
        assert not rows(full.owner.principal, full.organization).exists()


def test_one_enters_by_slug_or_id_and_strangers_do_not(world):
    organization = world.organization
    for reference in ("acme", "ACME", organization.wire_id):
        standing = access.enter(world.member.principal, reference)
        assert standing.organization == organization
        assert standing.member == world.member.member
    assert access.enter(world.machine_principal, "acme").account == world.machine
    for reference in ("acme", organization.wire_id, "none", "org_none", "a\x00cme"):
        with pytest.raises(Missing):
            access.enter(world.stranger.principal, reference)


def test_a_team_is_found_by_id_or_name_if_it_shows(full):
    hidden = Team.objects.of(full.organization).get(name="hidden")
    for reference in (full.team.wire_id, "acme-team", "ACME-TEAM"):
        assert access.team_for(full.member.principal, full.organization, reference) == full.team
    for reference in (hidden.wire_id, "hidden", "team_none", "not-acme-team", "a\x00"):
        with pytest.raises(Missing):
            access.team_for(full.viewer.principal, full.organization, reference)


def test_a_project_is_found_if_it_shows(full):
    visible = Project.objects.of(full.organization).get(name="acme-team-team")
    fields = {"organization": full.organization, "wire_id": visible.wire_id}
    assert access.project_for(full.team_viewer.principal, **fields) == visible
    with pytest.raises(Missing):
        access.project_for(full.viewer.principal, **fields)


@pytest.mark.parametrize(
    "rows",
    [
        access.teams_for,
        access.projects_for,
        access.service_accounts_for,
        access.grants_for,
        access.access_requests_for,
        access.invitations_for,
    ],
)
def test_lists_are_pages_at_a_constant_number_of_queries(
    full, rows, django_assert_num_queries, django_assert_max_num_queries
):
    principal = full.owner.principal
    for number in range(12):
        team = teams.create(
            actor=OPERATOR, organization=full.organization, name=f"more-{number}"
        )
        ProjectFactory(team=team)
        InvitationFactory(organization=full.organization)
        account = ServiceAccountFactory(organization=full.organization, team=team)
        member = MembershipFactory(organization=full.organization)
        grants.give(
            actor=OPERATOR,
            organization=full.organization,
            holder=account,
            role="viewer",
            team=team,
            until=now() + dt.timedelta(days=1),
            reason="x",
        )
        access_requests.ask(
            actor=as_user(member.user),
            organization=full.organization,
            kind="team",
            team=team,
            reason="x",
        )
    with django_assert_max_num_queries(4):
        page = paginate(rows(principal, full.organization), order=Order("id"), limit=5)
        for row in page.rows:
            for name in ("team", "membership", "service_account", "custom_role"):
                if hasattr(row, name):
                    str(getattr(row, name))
    assert len(page.rows) == 5
    assert page.next is not None
    assert dataclasses.is_dataclass(page)
