"""orgs/actions/members.py and endings.py."""

import datetime as dt

import pytest

from kernel.clock import now
from kernel.errors import Denied, Invalid, Missing, Stale
from orgs.actions import (
    access_requests,
    entitlements,
    grants,
    invitations,
    members,
    organizations,
    projects,
    seats,
    users,
)
from orgs.errors import (
    AlreadyMember,
    LastOwner,
    NotActive,
    OrganizationBeingDeleted,
    SeatLimitReached,
)
from orgs.models import (
    AccessRequest,
    Grant,
    Membership,
    ProjectCollaborator,
    SeatPool,
    TeamMembership,
)
from tests.factories import (
    OPERATOR,
    InvitationFactory,
    MembershipFactory,
    RoleFactory,
    UserFactory,
    as_user,
)


def used(world, seat="full"):
    return SeatPool.objects.of(world.organization).get(seat=seat).used


def limit(world, **seats):
    entitlements.apply(
        actor=OPERATOR, organization=world.organization, source="manual", seats=seats
    )


def act(name, world, actor=None, member=None, **fields):
    return getattr(members, name)(
        actor=actor or world.admin.principal,
        organization=world.organization,
        member=member or world.member.member,
        **fields,
    )


# --- provision ------------------------------------------------------------------------------


def test_provisioned_member_is_active_and_holds_a_seat(world, trail):
    before, count = used(world), world.organization.member_count
    user = UserFactory()
    member = members.provision(
        actor=world.admin.principal, organization=world.organization, user=user
    )
    assert (member.role, member.seat, member.status) == ("member", "full", "active")
    assert used(world) == before + 1
    assert world.organization.member_count == count + 1
    event = trail(world.organization, "orgs.member.added")[-1]
    assert event.actor_label == "acme-admin"
    assert event.changes == {
        "user": user.wire_id,
        "role": [None, "Member"],
        "seat": [None, "full"],
    }


def test_nobody_is_a_member_twice(world):
    for member, words in (
        (world.member.member, "is a member of"),
        (act("deactivate", world, member=world.viewer.member), "deactivated member"),
    ):
        with pytest.raises(AlreadyMember, match=words):
            members.provision(
                actor=OPERATOR, organization=world.organization, user=member.user
            )


def test_a_removed_member_comes_back_with_a_new_role(world):
    act("remove", world)
    member = members.provision(
        actor=OPERATOR, organization=world.organization, user=world.member.user, role="admin"
    )
    assert member.pk == world.member.member.pk
    assert (member.role, member.status, member.ended_at) == ("admin", "active", None)


@pytest.mark.parametrize("role", ["boss", "", "team"])
def test_unknown_roles_are_refused(world, role):
    with pytest.raises(Invalid):
        members.provision(
            actor=OPERATOR, organization=world.organization, user=UserFactory(), role=role
        )


def test_unknown_seats_are_refused(world):
    with pytest.raises(Invalid):
        members.provision(
            actor=OPERATOR, organization=world.organization, user=UserFactory(), seat="half"
        )
    with pytest.raises(Invalid):
        act("change_seat", world, seat="half")


def test_only_those_who_may_invite_add_members(world):
    for person in (world.member, world.viewer, world.billing_admin):
        with pytest.raises(Denied):
            members.provision(
                actor=person.principal, organization=world.organization, user=UserFactory()
            )
    with pytest.raises(Missing):
        members.provision(
            actor=world.stranger.principal, organization=world.organization, user=UserFactory()
        )


def test_nobody_adds_a_member_with_more_than_they_hold(world):
    for role in ("owner", "billing_admin"):
        with pytest.raises(Denied):
            members.provision(
                actor=world.admin.principal,
                organization=world.organization,
                user=UserFactory(),
                role=role,
            )


def test_full_pool_refuses_and_says_what_to_do(world):
    limit(world, full=used(world), viewer=5)
    with pytest.raises(SeatLimitReached) as refused:
        members.provision(
            actor=OPERATOR, organization=world.organization, user=UserFactory()
        )
    assert refused.value.extra == {"seat": "full", "limit": used(world)}
    assert refused.value.upgrade_url == "http://testserver/o/acme/members/seats"


def test_full_pool_falls_back_to_a_viewer_seat_where_the_policy_says_so(world):
    limit(world, full=used(world), viewer=2)
    organizations.update(
        actor=OPERATOR, organization=world.organization, changes={"seat_policy": "viewer"}
    )
    given = members.provision(
        actor=OPERATOR, organization=world.organization, user=UserFactory()
    )
    assert (given.seat, used(world, "viewer")) == ("viewer", 2)
    with pytest.raises(SeatLimitReached):
        members.provision(
            actor=OPERATOR, organization=world.organization, user=UserFactory()
        )
    # A viewer who asks for a full seat is offered a viewer seat: nothing is won.
    limit(world, full=0, viewer=5)
    with pytest.raises(SeatLimitReached):
        act("change_seat", world, member=given, seat="full")
    assert used(world, "viewer") == 2


def test_an_exchange_that_wins_nothing_gives_back_what_it_took(world):
    """Even where the caller goes on in the same transaction, as an act on many does."""
    organizations.update(
        actor=OPERATOR, organization=world.organization, changes={"seat_policy": "viewer"}
    )
    limit(world, full=used(world), viewer=5)
    world.organization.refresh_from_db()
    before = used(world, "viewer")
    with pytest.raises(SeatLimitReached):
        seats.swap(world.organization, "viewer", "full")
    assert used(world, "viewer") == before


def test_a_member_without_a_seat_takes_none(world):
    limit(world, full=0, viewer=0)
    member = members.provision(
        actor=OPERATOR,
        organization=world.organization,
        user=UserFactory(),
        role="billing_admin",
        seat="none",
    )
    assert member.seat == "none"
    act("remove", world, OPERATOR, member=member)


def test_unlimited_seats_are_never_full(world):
    limit(world, full=None, viewer=None)
    assert members.provision(
        actor=OPERATOR, organization=world.organization, user=UserFactory()
    ).is_active


def test_nobody_joins_an_organization_that_is_being_deleted(world):
    organizations.request_deletion(
        actor=world.owner.principal, organization=world.organization, confirmation="acme"
    )
    with pytest.raises(OrganizationBeingDeleted):
        members.provision(
            actor=OPERATOR, organization=world.organization, user=UserFactory()
        )
    with pytest.raises(Denied):
        members.provision(
            actor=world.owner.principal, organization=world.organization, user=UserFactory()
        )


def test_a_deleted_account_cannot_be_added(world):
    user = UserFactory()
    users.delete(actor=OPERATOR, user=user, confirmation=user.username)
    with pytest.raises(Missing):
        members.provision(actor=OPERATOR, organization=world.organization, user=user)


def test_a_purged_organization_is_missing(world):
    gone = world.strange_organization
    organizations.request_deletion(
        actor=world.stranger.principal, organization=gone, confirmation=gone.slug
    )
    gone.purge_at = now()
    gone.save()
    organizations.purge(actor=OPERATOR, organization_id=gone.pk)
    with pytest.raises(Missing):
        members.provision(actor=OPERATOR, organization=gone, user=UserFactory())


# --- roles ----------------------------------------------------------------------------------


def test_role_is_changed_with_one_event(world, trail):
    member = act("change_role", world, role="admin")
    assert member.role == "admin"
    [event] = trail(world.organization, "orgs.member.role_changed")
    assert event.changes == {"role": ["Member", "Admin"]}
    act("change_role", world, role="admin")
    assert len(trail(world.organization, "orgs.member.role_changed")) == 1


def test_owners_alone_make_and_unmake_owners(world):
    with pytest.raises(Denied):
        act("change_role", world, role="owner")
    second = act("change_role", world, world.owner.principal, role="owner")
    assert world.organization.owner_count == 2
    for name, fields in (
        ("change_role", {"role": "member"}),
        ("deactivate", {}),
        ("remove", {}),
    ):
        with pytest.raises(Denied):
            act(name, world, member=second, **fields)
    act("change_role", world, world.owner.principal, member=second, role="member")
    assert world.organization.owner_count == 1


def test_a_custom_role_is_given_with_its_base(world):
    role = RoleFactory(
        organization=world.organization, name="Auditor", inherits="viewer", added=["audit.read"]
    )
    member = act("change_role", world, role="member", custom_role=role)
    assert (member.role, member.role_name) == ("viewer", "Auditor")
    # An owner with a custom role would not be an owner: the base decides.
    member = act("change_role", world, world.owner.principal, role="owner", custom_role=role)
    assert member.role == "viewer"


def test_custom_roles_of_another_scope_or_organization_are_refused(world):
    for role in (
        RoleFactory(organization=world.strange_organization),
        RoleFactory(organization=world.organization, scope="team", inherits="viewer"),
    ):
        with pytest.raises(Invalid):
            act("change_role", world, role="member", custom_role=role)


def test_nobody_raises_themselves_by_a_custom_role(world):
    keeper = RoleFactory(
        organization=world.organization, inherits="member", added=["member.update"]
    )
    member = act("change_role", world, role="member", custom_role=keeper)
    with pytest.raises(Denied):
        act("change_role", world, as_user(member.user), member=member, role="admin")


def test_removed_members_have_no_role_or_seat_to_change(world):
    gone = act("remove", world)
    with pytest.raises(NotActive):
        act("change_role", world, member=gone, role="admin")
    with pytest.raises(NotActive):
        act("change_seat", world, member=gone, seat="viewer")
    with pytest.raises(NotActive):
        act("deactivate", world, member=gone)
    with pytest.raises(NotActive):
        act("reactivate", world, member=gone)


def test_a_deactivated_owner_does_not_count_as_one(world):
    second = act("change_role", world, world.owner.principal, role="owner")
    act("deactivate", world, world.owner.principal, member=second)
    assert world.organization.owner_count == 1
    # Taking the role from the deactivated one changes no count.
    second.refresh_from_db()
    act("change_role", world, world.owner.principal, member=second, role="member")
    assert world.organization.owner_count == 1


def test_a_deactivated_owner_counts_again_when_reactivated(world):
    second = act("change_role", world, world.owner.principal, role="owner")
    act("deactivate", world, world.owner.principal, member=second)
    with pytest.raises(Denied):
        act("reactivate", world, member=second)
    act("reactivate", world, world.owner.principal, member=second)
    assert world.organization.owner_count == 2


# --- the last owner -------------------------------------------------------------------------


@pytest.mark.parametrize("actor", ["owner", "operator"])
def test_the_last_owner_stays(world, actor):
    principal = world.owner.principal if actor == "owner" else OPERATOR
    owner = world.owner.member
    for name, fields in (
        ("change_role", {"role": "admin"}),
        ("deactivate", {}),
        ("remove", {}),
    ):
        with pytest.raises(LastOwner):
            act(name, world, principal, member=owner, **fields)
    owner.refresh_from_db()
    assert (owner.role, owner.status) == ("owner", "active")


def test_the_last_owner_stays_while_the_organization_is_being_deleted(world):
    organizations.request_deletion(
        actor=world.owner.principal, organization=world.organization, confirmation="acme"
    )
    with pytest.raises(LastOwner):
        act("remove", world, world.owner.principal, member=world.owner.member)


# --- seats ----------------------------------------------------------------------------------


def test_seat_is_exchanged(world, trail):
    full, viewer = used(world), used(world, "viewer")
    member = act("change_seat", world, seat="viewer")
    assert member.seat == "viewer"
    assert (used(world), used(world, "viewer")) == (full - 1, viewer + 1)
    [event] = trail(world.organization, "orgs.member.seat_changed")
    assert event.changes == {"seat": ["full", "viewer"]}
    act("change_seat", world, seat="viewer")
    assert len(trail(world.organization, "orgs.member.seat_changed")) == 1


def test_seat_of_a_deactivated_member_waits(world):
    act("deactivate", world)
    before = used(world)
    assert act("change_seat", world, seat="viewer").seat == "viewer"
    assert used(world) == before


def test_downgrade_throws_nobody_out_but_gives_no_seat(world):
    before = used(world)
    limit(world, full=1, viewer=5)
    pool = SeatPool.objects.of(world.organization).get(seat="full")
    assert (pool.used, pool.overage, pool.free) == (before, before - 1, 0)
    assert str(pool) == f"{before} of 1 full"
    act("remove", world)
    with pytest.raises(SeatLimitReached):
        members.provision(
            actor=OPERATOR, organization=world.organization, user=world.member.user
        )


# --- deactivate and reactivate --------------------------------------------------------------


def test_deactivated_member_frees_the_seat_and_keeps_teams(world, trail):
    before, count = used(world), world.organization.member_count
    member = act("deactivate", world, member=world.team_member.member)
    assert (member.status, member.seat) == ("deactivated", "full")
    assert used(world) == before - 1
    assert world.organization.member_count == count - 1
    assert TeamMembership.objects.of(world.organization).filter(membership=member).exists()
    [event] = trail(world.organization, "orgs.member.deactivated")
    assert event.changes["status"] == ["active", "deactivated"]
    assert act("deactivate", world, member=member).status == "deactivated"
    assert len(trail(world.organization, "orgs.member.deactivated")) == 1


def test_reactivated_member_takes_a_seat_again(world, trail):
    before = used(world)
    act("deactivate", world)
    member = act("reactivate", world)
    assert (member.status, member.ended_at) == ("active", None)
    assert used(world) == before
    assert act("reactivate", world).is_active
    assert len(trail(world.organization, "orgs.member.reactivated")) == 1


def test_reactivation_needs_a_free_seat(world):
    act("deactivate", world)
    limit(world, full=used(world), viewer=5)
    with pytest.raises(SeatLimitReached):
        act("reactivate", world)


def test_reactivation_waits_while_the_organization_is_being_deleted(world):
    act("deactivate", world)
    organizations.request_deletion(
        actor=world.owner.principal, organization=world.organization, confirmation="acme"
    )
    with pytest.raises(OrganizationBeingDeleted):
        act("reactivate", world, OPERATOR)


@pytest.mark.parametrize("ending", ["deactivate", "remove"])
def test_everything_given_on_top_ends_with_the_member(world, ending, trail):
    member = world.member.member
    grants.give(
        actor=OPERATOR,
        organization=world.organization,
        holder=member,
        role="admin",
        until=now() + dt.timedelta(days=1),
        reason="help",
    )
    access_requests.ask(
        actor=world.member.principal,
        organization=world.organization,
        kind="seat",
        seat="viewer",
        reason="I only read",
    )
    invitations.create_many(
        actor=world.member.principal,
        organization=world.organization,
        addresses=["second-self@example.com"],
    )
    others = InvitationFactory(organization=world.organization)
    act(ending, world)
    assert not Grant.objects.of(world.organization).live(now()).exists()
    assert AccessRequest.objects.of(world.organization).get().state == "withdrawn"
    [revoked] = trail(world.organization, "orgs.invitation.revoked")
    assert revoked.target_label == "second-self@example.com"
    others.refresh_from_db()
    assert others.state == "pending"


# --- remove and leave -----------------------------------------------------------------------


def test_removed_member_loses_everything_under_the_organization(world, trail):
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
    before = used(world)
    member = act("remove", world, member=member)
    assert (member.status, member.role, member.seat) == ("removed", "member", "none")
    assert used(world) == before - 1
    assert not TeamMembership.objects.of(world.organization).filter(membership=member).exists()
    assert not ProjectCollaborator.objects.of(world.organization).exists()
    world.team.refresh_from_db()
    assert world.team.member_count == 2
    [event] = trail(world.organization, "orgs.member.removed")
    assert event.changes["user"] == member.user.wire_id
    assert act("remove", world, member=member).status == "removed"
    assert len(trail(world.organization, "orgs.member.removed")) == 1


def test_a_deactivated_member_can_be_removed(world):
    act("deactivate", world)
    before = used(world)
    assert act("remove", world).status == "removed"
    assert used(world) == before


def test_a_member_leaves_by_themselves(world, trail):
    act("remove", world, world.member.principal)
    [event] = trail(world.organization, "orgs.member.left")
    assert event.actor_label == "acme-member"


def test_a_key_with_scopes_does_not_make_its_person_leave(world):
    with pytest.raises(Denied):
        act("remove", world, as_user(world.member.user, scopes=["*.read"]))


def test_members_do_not_remove_each_other(world):
    with pytest.raises(Denied):
        act("remove", world, world.viewer.principal)


def test_another_organizations_member_is_missing(world):
    for name, fields in (
        ("change_role", {"role": "member"}),
        ("change_seat", {"seat": "viewer"}),
        ("deactivate", {}),
        ("reactivate", {}),
        ("remove", {}),
    ):
        with pytest.raises(Missing):
            act(name, world, world.owner.principal, member=world.stranger.member, **fields)


def test_lost_updates_are_refused(world):
    for name, fields in (
        ("change_role", {"role": "admin"}),
        ("change_seat", {"seat": "viewer"}),
        ("deactivate", {}),
        ("reactivate", {}),
        ("remove", {}),
    ):
        with pytest.raises(Stale) as refused:
            act(name, world, expected_version=99, **fields)
        assert refused.value.extra == {"current_version": 1}


def test_membership_reads_as_its_person(world):
    member = Membership.objects.of(world.organization).get(pk=world.member.member.pk)
    assert str(member) == "acme-member"
    assert MembershipFactory(organization=world.organization).is_active
