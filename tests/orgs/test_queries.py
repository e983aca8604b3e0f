"""orgs/queries.py."""

import datetime as dt

import pytest
import time_machine

from kernel.clock import now
from kernel.pagination import Order, paginate
from orgs import queries
from orgs.actions import members, teams, users
from orgs.models import Invitation, Membership, Organization
from tests.factories import (
    OPERATOR,
    InvitationFactory,
    MembershipFactory,
    RoleFactory,
    UserFactory,
)


def names(rows):
    return {str(row.user) for row in rows}


def test_members_are_filtered(world):
    role = RoleFactory(organization=world.organization, inherits="viewer")
    special = MembershipFactory(
        organization=world.organization,
        user=UserFactory(
            username="zoe", email="zoe@else.where", display_name="Zoë Quinn"
        ),
        custom_role=role,
        seat="viewer",
    )
    members.deactivate(
        actor=OPERATOR, organization=world.organization, member=world.member.member
    )
    members.remove(
        actor=OPERATOR, organization=world.organization, member=world.billing_admin.member
    )
    of = queries.members_of
    everybody = names(of(world.organization))
    assert "acme-member" in everybody
    assert "acme-billing-admin" not in everybody
    assert "acme-stranger" not in everybody
    assert names(of(world.organization, status="deactivated")) == {"acme-member"}
    assert names(of(world.organization, status="removed")) == {"acme-billing-admin"}
    assert names(of(world.organization, role="owner")) == {"acme-owner"}
    assert names(of(world.organization, role="viewer")) == {"acme-viewer"}
    assert names(of(world.organization, custom_role=role)) == {"Zoë Quinn"}
    assert names(of(world.organization, seat="viewer")) == {"acme-viewer", "Zoë Quinn"}
    assert names(of(world.organization, team=world.team)) == {
        "acme-team-admin",
        "acme-team-member",
        "acme-team-viewer",
    }
    for text in ("ZOE", "quinn", "else.where", "  zoe ", "z\x00oe"):
        assert names(of(world.organization, text=text)) == {"Zoë Quinn"}
    assert names(of(world.organization, text=" \x00 ")) == everybody | {str(special.user)}


def test_a_page_of_members_is_one_query(world, django_assert_num_queries):
    for _ in range(5):
        MembershipFactory(organization=world.organization)
    for order in (Order("id"), Order("user__username"), Order("joined_at", descending=True)):
        with django_assert_num_queries(1):
            page = paginate(queries.members_of(world.organization), order=order, limit=5)
            for row in page.rows:
                assert row.user.username
                assert row.role_name


def test_team_members_are_filtered(world, django_assert_num_queries):
    of = queries.team_members_of
    with django_assert_num_queries(1):
        rows = [(place.membership.user.username, place.role_name) for place in of(world.team)]
    assert len(rows) == 3
    assert [p.role for p in of(world.team, role="viewer")] == ["viewer"]
    assert [p.role for p in of(world.team, text="TEAM-ADMIN")] == ["admin"]
    assert not of(world.strange_team).exists()


def test_invitations_are_told_apart_by_their_times(world):
    made = [InvitationFactory(organization=world.organization) for _ in range(4)]
    made[1].accepted_at = made[2].revoked_at = now()
    made[3].expires_at = now()
    for invitation in made:
        invitation.save()
    rows = Invitation.objects.of(world.organization)
    for invitation, state in zip(
        made, ("pending", "accepted", "revoked", "expired"), strict=True
    ):
        assert invitation.state == state
        assert list(rows.in_state(state, now())) == [invitation]


def test_what_waits_for_an_address_is_found_everywhere(world):
    for organization in (world.organization, world.strange_organization):
        InvitationFactory(organization=organization, email="lena@example.com")
    waiting = Invitation.objects.system_live_for("Lena@Example.com", now())
    assert {invitation.organization.name for invitation in waiting} == {"Acme", "Not Acme"}
    found = Organization.objects.of_user(world.owner.user.pk)
    assert list(found) == [world.organization]


def test_seat_summary_shows_promised_and_reclaimable_seats(world, django_assert_num_queries):
    InvitationFactory(organization=world.organization, seat="viewer")
    Membership.objects.of(world.organization).filter(user=world.member.user).update(
        last_active_at=now() - dt.timedelta(days=31)
    )
    Membership.objects.of(world.organization).filter(user=world.viewer.user).update(
        joined_at=now() - dt.timedelta(days=31)
    )
    with django_assert_num_queries(3):
        full, viewer = queries.seat_summary(world.organization)
    assert (full.seat, full.used, full.promised, full.reclaimable) == ("full", 7, 0, 1)
    assert (viewer.seat, viewer.used, viewer.promised, viewer.reclaimable) == (
        "viewer",
        1,
        1,
        1,
    )
    assert full.free == full.limit - 7
    assert full.overage == 0
    unlimited = queries.SeatSummary("full", None, 7, 0, 0)
    assert (unlimited.free, unlimited.overage) == (None, 0)
    over = queries.SeatSummary("full", 5, 7, 0, 0)
    assert (over.free, over.overage) == (0, 2)
    assert names(queries.idle_members_of(world.organization)) == {"acme-member", "acme-viewer"}
    assert names(queries.idle_members_of(world.organization, seat="full")) == {"acme-member"}


def test_roles_are_counted_by_who_holds_them_now(world, django_assert_num_queries):
    role = RoleFactory(organization=world.organization, name="Auditor")
    team_role = RoleFactory(organization=world.organization, scope="team", inherits="viewer")
    for _ in range(2):
        MembershipFactory(organization=world.organization, custom_role=role)
    InvitationFactory(organization=world.organization, custom_role=role)
    teams.change_member_role(
        actor=OPERATOR,
        organization=world.organization,
        team=world.team,
        member=world.team_viewer.member,
        role="viewer",
        custom_role=team_role,
    )
    with django_assert_num_queries(1):
        held = {r.name: r.holders for r in queries.roles_with_holders(world.organization)}
    assert held == {"Auditor": 3, team_role.name: 1}
    assert [r.name for r in queries.roles_with_holders(world.organization, scope="team")] == [
        team_role.name
    ]
    with django_assert_num_queries(2):
        built_in = queries.built_in_role_holders(world.organization)
    assert built_in[("organization", "owner")] == 1
    assert built_in[("organization", "member")] == 4
    assert built_in[("team", "admin")] == 1
    assert ("team", "viewer") not in built_in


def test_effective_settings_cost_no_query(world, django_assert_num_queries):
    team = world.team
    with django_assert_num_queries(0):
        settings = queries.effective_settings(team, world.organization)
    assert settings.enforced == frozenset()
    assert not settings.is_hidden


def test_names_lead_to_users_and_teams_and_aliases_redirect(world, django_assert_num_queries):
    with django_assert_num_queries(1):
        found = queries.entity_named("ACME-team")
    assert (found.team, found.user, found.is_alias) == (world.team, None, False)
    users.rename(actor=OPERATOR, user=world.member.user, username="renamed")
    found = queries.entity_named("acme-member")
    assert (found.name, found.user, found.is_alias) == ("renamed", world.member.user, True)
    with time_machine.travel(now() + dt.timedelta(days=91), tick=False):
        assert queries.entity_named("acme-member") is None
    assert queries.entity_named("nobody") is None


def test_the_trail_is_filtered(world):
    members.deactivate(
        actor=world.admin.principal,
        organization=world.organization,
        member=world.member.member,
    )
    moment = now()

    def found(**filters):
        rows = queries.events_of(world.organization, **filters).order_by("-sequence")
        return [event.type for event in rows]

    last = ["orgs.member.deactivated"]
    assert found(type_prefix="orgs.member.deact") == last
    assert set(found(type_prefix="orgs.member.")) == {
        "orgs.member.joined",
        "orgs.member.added",
        "orgs.member.deactivated",
    }
    assert found(actor=world.admin.user.wire_id) == last
    assert found(actor="ACME-admin") == last
    assert found(target=world.member.member.wire_id)[0] == last[0]
    assert len(found(target="acme-member")) == 2
    assert found(since=moment) == []
    assert found(until=moment) == found()
    assert found(text="DEACTIVATED") == last
    assert found(text="acme-admin")[0] == last[0]
    assert found(actor="nobody\x00") == []
    page = paginate(
        queries.events_of(world.organization), order=Order("sequence", descending=True), limit=2
    )
    assert page.rows[0].type == last[0]
    assert not queries.events_of(world.strange_organization, target="acme-member").exists()


@pytest.mark.parametrize("setting", queries.ENFORCEMENTS)
def test_every_enforced_setting_is_a_field_of_team_and_organization(setting):
    from orgs.models import Organization, Team

    policy, _ = queries.ENFORCEMENTS[setting]
    assert Team._meta.get_field(setting)
    assert Organization._meta.get_field(policy)
