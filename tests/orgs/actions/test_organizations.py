"""orgs/actions/organizations.py."""

import datetime as dt

import pytest
import time_machine
from django.conf import settings as installed

from kernel.clock import now
from kernel.errors import Denied, Invalid, Missing, Stale
from kernel.events.chain import verify
from kernel.events.models import Event
from kernel.jobs.models import Job
from orgs import access
from orgs.actions import organizations, restrictions
from orgs.errors import ConfirmationMismatch, NameTaken
from orgs.models import Entity, Membership, Organization, SeatPool, Team
from orgs.permissions import Permission
from tests.factories import (
    OPERATOR,
    InvitationFactory,
    OrganizationFactory,
    ProjectFactory,
    RoleFactory,
    UserFactory,
    as_service_account,
    as_user,
)


def delete(world, **fields):
    fields = {"actor": world.owner.principal, "confirmation": "acme", **fields}
    return organizations.request_deletion(organization=world.organization, **fields)


@pytest.fixture
def founder(db):
    return UserFactory()


def test_a_new_organization_has_its_owner_on_a_full_seat(founder, trail):
    organization = organizations.create(
        actor=as_user(founder), name="  Northwind \n Labs ", owner=founder
    )
    assert (organization.name, organization.slug) == ("Northwind Labs", "northwind-labs")
    assert (organization.owner_count, organization.member_count) == (1, 1)
    member = Membership.objects.of(organization).get()
    assert (member.role, member.seat) == ("owner", "full")
    pools = {pool.seat: (pool.limit, pool.used) for pool in SeatPool.objects.of(organization)}
    wanted = installed.STEWARD_DEFAULT_SEATS
    assert pools == {"full": (wanted["full"], 1), "viewer": (wanted["viewer"], 0)}
    assert [event.type for event in trail(organization)] == [
        "orgs.organization.created",
        "orgs.entitlement.applied",
        "orgs.member.joined",
    ]


def test_slugs_of_equal_names_are_told_apart(founder):
    slugs = [
        organizations.create(actor=OPERATOR, name=name, owner=founder).slug
        for name in ("Globex", "GLOBEX", "new", "日本")
    ]
    assert slugs == ["globex", "globex-2", "new-2", "organization"]


def test_a_wanted_slug_is_taken_or_refused(founder):
    first = OrganizationFactory(slug="Acme-One", owner=founder)
    assert (first.slug, str(first)) == ("acme-one", first.name)
    with pytest.raises(NameTaken):
        OrganizationFactory(slug="acme-one", owner=founder)
    for slug in ("new", "-acme", "a b", "x" * 65):
        with pytest.raises(Invalid):
            OrganizationFactory(slug=slug, owner=founder)


@pytest.mark.parametrize("name", ["", "   ", "x" * 121, "\u202e"])
def test_names_are_one_readable_line(founder, name):
    with pytest.raises(Invalid):
        organizations.create(actor=OPERATOR, name=name, owner=founder)


def test_only_the_person_themselves_founds_an_organization(founder):
    for actor in (
        as_user(UserFactory()),
        as_user(founder, scopes=["*"]),
        as_user(founder, organization=OrganizationFactory()),
    ):
        with pytest.raises(Denied):
            organizations.create(actor=actor, name="Mine", owner=founder)


# --- settings -------------------------------------------------------------------------------


def test_settings_are_changed_with_one_event(world, trail):
    organization = organizations.update(
        actor=world.admin.principal,
        organization=world.organization,
        changes={
            "name": "Acme Corp",
            "slug": "acme-corp",
            "seat_policy": "viewer",
            "enforces_hidden_teams": True,
            "allows_public_projects": True,
        },
        expected_version=world.organization.version,
    )
    assert (organization.name, organization.slug) == ("Acme Corp", "acme-corp")
    [event] = trail(world.organization, "orgs.organization.updated")
    assert event.changes == {
        "name": ["Acme", "Acme Corp"],
        "slug": ["acme", "acme-corp"],
        "seat_policy": ["refuse", "viewer"],
        "enforces_hidden_teams": [False, True],
    }


def test_unchanged_settings_write_no_event(world, trail):
    organizations.update(
        actor=OPERATOR, organization=world.organization, changes={"name": "Acme"}
    )
    assert trail(world.organization, "orgs.organization.updated") == []


@pytest.mark.parametrize(
    "changes",
    [
        {"owner_count": 5},
        {"is_demo": True},
        {"seat_policy": "sell"},
        {"enforces_hidden_teams": "yes"},
        {"name": ""},
        {"slug": "A/B"},
    ],
)
def test_unknown_or_malformed_settings_are_refused(world, changes):
    with pytest.raises(Invalid):
        organizations.update(
            actor=OPERATOR, organization=world.organization, changes=changes
        )


def test_a_taken_slug_is_refused(world):
    with pytest.raises(NameTaken):
        organizations.update(
            actor=OPERATOR, organization=world.organization, changes={"slug": "not-acme"}
        )


def test_a_lost_update_is_refused(world):
    with pytest.raises(Stale):
        organizations.update(
            actor=OPERATOR,
            organization=world.organization,
            changes={"name": "Other"},
            expected_version=77,
        )


def test_members_do_not_change_settings(world):
    with pytest.raises(Denied):
        organizations.update(
            actor=world.member.principal,
            organization=world.organization,
            changes={"name": "Mine"},
        )


# --- deletion -------------------------------------------------------------------------------


def test_deletion_asks_for_the_slug_and_gives_fourteen_days(world, trail):
    with pytest.raises(ConfirmationMismatch):
        delete(world, confirmation="Acme!")
    organization = delete(world, confirmation=" acme ")
    assert organization.is_being_deleted
    assert organization.purge_at - organization.deletion_requested_at == dt.timedelta(days=14)
    delete(world)
    [event] = trail(world.organization, "orgs.organization.deletion_requested")
    assert event.actor_label == "acme-owner"


def test_only_owners_delete_and_restore(world):
    for person in (world.admin, world.member):
        with pytest.raises(Denied):
            delete(world, actor=person.principal)
    delete(world)
    with pytest.raises(Denied):
        organizations.restore(actor=world.admin.principal, organization=world.organization)


def test_nobody_works_in_an_organization_that_is_being_deleted(world):
    delete(world)
    for principal, permission in (
        (world.owner.principal, Permission.MEMBER_INVITE),
        (world.owner.principal, Permission.MEMBER_READ),
        (world.machine_principal, Permission.PROJECT_READ),
    ):
        decision = access.may(principal, permission, world.organization)
        assert not decision.allowed
        assert "being deleted" in decision.reason
    for permission in (Permission.ORGANIZATION_READ, Permission.ORGANIZATION_DELETE):
        assert access.may(world.owner.principal, permission, world.organization).allowed


def test_restored_organization_works_again(world, trail):
    delete(world)
    organization = organizations.restore(
        actor=world.owner.principal, organization=world.organization
    )
    assert not organization.is_being_deleted
    assert access.may(world.owner.principal, Permission.MEMBER_INVITE, organization).allowed
    organizations.restore(actor=world.owner.principal, organization=world.organization)
    assert len(trail(world.organization, "orgs.organization.restored")) == 1


def test_purge_removes_everything_but_the_trail(world):
    role = RoleFactory(organization=world.organization)
    InvitationFactory(organization=world.organization, custom_role=role)
    ProjectFactory(team=world.team, visibility="restricted")
    delete(world)
    with time_machine.travel(now() + dt.timedelta(days=15), tick=False):
        organizations.purge_due(Job())
    assert not Organization.objects.filter(slug="acme").exists()
    assert not Team.objects.of(world.organization.pk).exists()
    assert not Entity.objects.named("acme-team").exists()
    last = Event.objects.of(world.organization.pk).order_by("-sequence").first()
    assert (last.type, last.actor_label) == ("orgs.organization.purged", "purge")
    assert list(verify(world.organization.pk)) == []
    assert Organization.objects.filter(slug="not-acme").exists()


def test_purge_waits_for_the_end_of_the_grace(world):
    assert not organizations.purge(actor=OPERATOR, organization_id=world.organization.pk)
    delete(world)
    assert not organizations.purge(actor=OPERATOR, organization_id=world.organization.pk)
    with pytest.raises(Denied):
        organizations.purge(
            actor=world.owner.principal, organization_id=world.organization.pk
        )


# --- restrictions ---------------------------------------------------------------------------


def impose(world, kind, **fields):
    return restrictions.impose(
        actor=OPERATOR, organization=world.organization, kind=kind, reason="unpaid", **fields
    )


def test_suspension_leaves_only_the_bills(world, trail):
    impose(world, "suspended")
    owner = world.owner.principal
    for permission in Permission:
        decision = access.may(owner, permission, world.organization)
        left = {"organization.read", "billing.read", "billing.manage"}
        assert decision.allowed == (permission in left)
    assert "suspended: unpaid" in access.may(owner, "member.read", world.organization).reason
    assert restrictions.lift(actor=OPERATOR, organization=world.organization, kind="suspended")
    assert access.may(owner, Permission.MEMBER_READ, world.organization).allowed
    assert not restrictions.lift(
        actor=OPERATOR, organization=world.organization, kind="suspended"
    )
    assert [event.type for event in trail(world.organization)][-2:] == [
        "orgs.organization.restricted",
        "orgs.organization.unrestricted",
    ]


def test_read_only_lets_reads_through(world):
    row = impose(world, "read_only")
    assert str(row) == "read_only: unpaid"
    for principal in (world.owner.principal, world.organization_machine_principal):
        assert access.may(principal, Permission.MEMBER_READ, world.organization).allowed
    decision = access.may(world.owner.principal, "member.invite", world.organization)
    assert not decision.allowed
    assert "read-only" in decision.reason


def test_quota_takes_one_permission(world):
    impose(world, "over_quota", subject="project.create")
    owner = world.owner.principal
    assert access.may(owner, Permission.PROJECT_CREATE, world.organization).reason == "unpaid"
    assert access.may(owner, Permission.PROJECT_DELETE, world.organization).allowed


def test_imposing_again_changes_the_reason_only(world, trail):
    first = impose(world, "suspended")
    assert impose(world, "suspended") == first
    again = restrictions.impose(
        actor=OPERATOR, organization=world.organization, kind="suspended", reason="fraud"
    )
    assert (again.pk, again.reason) == (first.pk, "fraud")
    assert len(trail(world.organization, "orgs.organization.restricted")) == 2


def test_only_the_operator_restricts(world):
    with pytest.raises(Denied):
        restrictions.impose(
            actor=world.owner.principal,
            organization=world.organization,
            kind="suspended",
            reason="spite",
        )
    with pytest.raises(Denied):
        restrictions.lift(
            actor=world.owner.principal, organization=world.organization, kind="suspended"
        )
    with pytest.raises(Invalid):
        impose(world, "banned")


def test_a_service_account_does_not_enter_a_strange_organization(world):
    with pytest.raises(Missing):
        organizations.update(
            actor=as_service_account(world.machine),
            organization=world.strange_organization,
            changes={"name": "Mine"},
        )
