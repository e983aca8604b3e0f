"""Each rule finds what it is there for, and nothing in a true world."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.db.models import F

from kernel.clock import now
from kernel.invariants import broken_rules
from kernel.rule import AT_MOST, Rule
from kernel.wiring import wiring
from orgs import invariants
from orgs.actions import grants, projects, roles
from orgs.models import (
    AccessRequest,
    Entity,
    Grant,
    Invitation,
    Membership,
    Organization,
    Project,
    ProjectCollaborator,
    SeatPool,
    ServiceAccount,
    Team,
    TeamMembership,
    User,
)
from tests.factories import OPERATOR, InvitationFactory, RoleFactory
from tests.worlds import World

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.spoils("every test here plants what its rule is there to find"),
]

TOMORROW = dt.timedelta(days=1)


def _pool(world, seat="full"):
    return SeatPool.objects.of(world.organization).filter(seat=seat)


def _member(world, person="team_member"):
    return Membership.objects.filter(pk=getattr(world, person).member.pk)


def _organization(world):
    return Organization.objects.filter(pk=world.organization.pk)


def _lend(world):
    return grants.give(
        actor=OPERATOR,
        organization=world.organization,
        holder=world.team_member.member,
        role="admin",
        team=world.team,
        until=now() + TOMORROW,
        reason="x",
    )


def _restricted(world):
    return projects.create(
        actor=world.team_admin.principal,
        organization=world.organization,
        team=world.team,
        name="secret",
        visibility="restricted",
    )


def _name_on(world, holder):
    projects.add_collaborator(
        actor=OPERATOR, organization=world.organization, project=_restricted(world), holder=holder
    )


def _without_owner(world):
    Membership.objects.of(world.organization).filter(role="owner").update(role="admin")
    _organization(world).update(owner_count=0)


def _removed(world, **changes):
    _member(world).update(**{"status": "removed", "ended_at": now(), **changes})


def _invited_by(world, inviter):
    made = InvitationFactory(organization=world.organization)
    Invitation.objects.filter(pk=made.pk).update(invited_by_id=str(inviter))


def _role(world, scope):
    return RoleFactory(organization=world.organization, scope=scope, inherits="viewer")


def _another_team(world):
    return Team.objects.create(organization=world.organization, name="another")


def _grant_of_machine(world, team):
    Grant.objects.create(
        organization=world.organization,
        service_account=world.machine,
        team=team,
        role="member",
        reason="x",
    )


def _misplaced(model, rows: Callable[[World], object], scope: str):
    def spoil(world):
        rows(world).update(custom_role=_role(world, scope), role="viewer")

    return spoil


SPOILS = {
    "seats_used_equal_members_holding_one": lambda w: _pool(w).update(used=F("used") + 1),
    "seats_used_within_the_limit": None,
    "seat_ceiling_is_the_limit_or_what_a_downgrade_left": lambda w: _pool(w).update(limit=999),
    "every_seat_has_its_pool": lambda w: _pool(w, "viewer").delete(),
    "member_count_equals_active_members": lambda w: _organization(w).update(member_count=99),
    "organization_has_an_owner": lambda w: _organization(w).update(owner_count=2),
    "team_count_equals_teams": lambda w: _organization(w).update(team_count=9),
    "team_member_count_equals_members": lambda w: Team.objects.filter(pk=w.team.pk).update(
        member_count=9
    ),
    "no_team_membership_without_organization_membership": _removed,
    "nobody_removed_is_named_on_a_project": lambda w: (
        _name_on(w, w.team_member.member),
        _removed(w),
    ),
    "no_live_grant_of_an_inactive_member": lambda w: (
        _lend(w),
        _member(w).update(status="deactivated", ended_at=now()),
    ),
    "no_pending_request_of_an_inactive_member": lambda w: (
        AccessRequest.objects.create(
            organization=w.organization, membership=w.member.member, kind="seat", reason="x"
        ),
        _member(w, "member").update(status="deactivated", ended_at=now()),
    ),
    "no_open_invitation_by_somebody_who_ended": lambda w: _invited_by(w, w.stranger.user.pk),
    "membership_has_an_end_unless_it_is_active": lambda w: _member(w).update(ended_at=now()),
    "removed_member_has_no_role_and_no_seat": _removed,
    "user_holds_the_username": lambda w: User.objects.filter(pk=w.owner.user.pk).update(
        username="another"
    ),
    "team_holds_its_name": lambda w: Entity.objects.filter(team=w.team).update(
        alias_until=now() + TOMORROW
    ),
    "name_is_looked_up_by_its_key": lambda w: Entity.objects.filter(team=w.team).update(
        name_key="other"
    ),
    "custom_role_of_membership_fits_its_place": _misplaced(Membership, _member, "team"),
    "custom_role_of_invitation_fits_its_place": lambda w: Invitation.objects.filter(
        pk=InvitationFactory(organization=w.organization).pk
    ).update(custom_role=_role(w, "organization"), role="admin"),
    "custom_role_of_teammembership_fits_its_place": _misplaced(
        TeamMembership,
        lambda w: TeamMembership.objects.filter(membership=w.team_member.member),
        "organization",
    ),
    "custom_role_of_grant_fits_its_place": _misplaced(
        Grant, lambda w: Grant.objects.filter(pk=_lend(w).pk), "organization"
    ),
    "custom_role_of_serviceaccount_fits_its_place": _misplaced(
        ServiceAccount,
        lambda w: ServiceAccount.objects.filter(pk=w.organization_machine.pk),
        "team",
    ),
    "machine_of_a_team_is_granted_nothing_elsewhere": lambda w: _grant_of_machine(w, None),
    "machine_of_a_team_is_named_nowhere_else": lambda w: (
        _name_on(w, w.machine),
        Project.objects.of(w.organization).update(team=_another_team(w)),
    ),
    "people_are_named_on_restricted_projects_only": lambda w: (
        _restricted(w),
        Project.objects.of(w.organization).update(visibility="team"),
    ),
}
"""Rule → what breaks it. None: the database itself refuses it, in every way."""


def test_every_rule_has_its_case():
    assert [rule.name for rule in invariants.RULES] == list(SPOILS)


def test_nothing_is_broken_in_a_true_world(world):
    assert broken_rules() == []


@pytest.mark.parametrize("name", [name for name, spoil in SPOILS.items() if spoil])
def test_what_breaks_a_rule_is_found(world, name):
    SPOILS[name](world)
    rule = next(rule for rule in invariants.RULES if rule.name == name)
    alone = list(rule())
    assert alone
    assert alone == [found for found in broken_rules() if found.rule == name]
    assert all("{" not in found.where + found.found for found in alone)


def test_an_organization_without_an_owner_is_found(world):
    _without_owner(world)
    assert {v.rule for v in broken_rules()} == {"organization_has_an_owner"}


@pytest.mark.parametrize("second", ["active", "deactivated"])
def test_an_open_invitation_holds_as_long_as_its_inviter_works(world, second):
    made = InvitationFactory(organization=world.organization)
    _invited = Invitation.objects.filter(pk=made.pk)
    for inviter in (world.admin.user.pk, world.machine.pk):
        _invited.update(invited_by_id=str(inviter))
        assert broken_rules() == []
    _invited.update(invited_by_id=str(world.member.user.pk))
    if second == "deactivated":
        _member(world, "member").update(status="deactivated", ended_at=now())
    found = {v.rule for v in broken_rules()}
    assert ("no_open_invitation_by_somebody_who_ended" in found) == (second == "deactivated")


def crossing():
    return [
        c for c in wiring().invariants if "_stays_in_its_organization" in getattr(c, "name", "")
    ]


def test_every_foreign_key_between_tenants_has_a_rule():
    names = {rule.name.removesuffix("_stays_in_its_organization") for rule in crossing()}
    assert {
        "orgs_teammembership.team_id",
        "orgs_teammembership.membership_id",
        "orgs_grant.custom_role_id",
        "orgs_projectcollaborator.service_account_id",
        "orgs_invitationteam.team_id",
        "identity_apikey.service_account_id",
    } <= names
    assert len(names) >= 20


@pytest.mark.parametrize(
    ("row", "field", "foreign"),
    [
        (lambda w: TeamMembership.objects.of(w.organization), "team", lambda w: w.strange_team),
        (
            lambda w: TeamMembership.objects.of(w.organization).filter(
                membership=w.team_member.member
            ),
            "membership",
            lambda w: w.stranger.member,
        ),
        (
            lambda w: ServiceAccount.objects.filter(pk=w.machine.pk),
            "team",
            lambda w: w.strange_team,
        ),
        (
            lambda w: Membership.objects.filter(pk=w.member.member.pk),
            "custom_role",
            lambda w: RoleFactory(organization=w.strange_organization),
        ),
    ],
)
def test_a_row_that_refers_to_another_organizations_is_found(world, row, field, foreign):
    rows = row(world)
    first = rows.first()
    rows.model.objects.filter(pk=first.pk).update(**{field: foreign(world)})
    name = f"{rows.model._meta.db_table}.{field}_id_stays_in_its_organization"
    (found,) = [v for v in broken_rules() if v.rule == name]
    assert str(first.pk) in found.where
    assert str(world.strange_organization.pk) in found.found


def test_a_rule_tells_of_a_bounded_number_of_rows(world):
    rule = Rule("a_rule", lambda _moment: User.objects.all(), "user {pk}", "is there")
    User.objects.bulk_create(
        User(username=f"many-{n}", email=f"many-{n}@example.com") for n in range(AT_MOST + 5)
    )
    found = list(rule())
    assert len(found) == AT_MOST + 1
    assert found[-1].found == "and more than 100 in all"


def test_roles_that_fit_break_nothing(world):
    roles.create(
        actor=OPERATOR,
        organization=world.organization,
        name="Reader",
        scope="team",
        inherits="viewer",
    )
    assert ProjectCollaborator.objects.of(world.organization).count() == 0
    assert broken_rules() == []
