"""orgs/actions/invitations.py."""

import datetime as dt

import pytest
import time_machine

from kernel.clock import now
from kernel.errors import Denied, Invalid, Missing
from kernel.jobs.models import Job
from orgs.actions import (
    entitlements,
    invitations,
    members,
    organizations,
    restrictions,
    service_accounts,
    teams,
)
from orgs.errors import (
    AlreadyMember,
    InvitationEnded,
    OrganizationRestricted,
    SeatLimitReached,
    WrongAccount,
)
from orgs.models import Invitation, TeamMembership, User
from tests.factories import (
    OPERATOR,
    InvitationFactory,
    RoleFactory,
    UserFactory,
    as_service_account,
    as_user,
)

ADDRESS = "lena@example.com"


def invite(world, *addresses, actor=None, **fields):
    return invitations.create_many(
        actor=actor or world.admin.principal,
        organization=world.organization,
        addresses=addresses or (ADDRESS,),
        **fields,
    )


def one(world, **fields):
    [outcome] = invite(world, **fields)
    return outcome.invitation


def token(invitation):
    return invitations.link(invitation).rpartition("/")[2]


def accept(invitation, user=None, **fields):
    user = user or UserFactory(email=ADDRESS)
    fields = {"actor": as_user(user), "addresses": [user.email], **fields}
    return invitations.accept(token=token(invitation), user=user, **fields)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a@x.org, b@x.org;c@x.org", ["a@x.org", "b@x.org", "c@x.org"]),
        ("Ann Lee <Ann@X.org>\n b@x.org\tc@x.org", ["ann@x.org", "b@x.org", "c@x.org"]),
        ("a@x.org A@X.ORG 'a@x.org'.", ["a@x.org"]),
        ("not-an-address", ["not-an-address"]),
        (" ,;\n", []),
    ],
)
def test_addresses_are_read_from_any_mess(text, found):
    assert invitations.parse_addresses(text) == found


def test_many_addresses_each_get_a_verdict(world, trail):
    one(world)
    outcomes = invite(world, "new@example.com", ADDRESS, "acme-MEMBER@example.com", "oops", " ")
    assert [(outcome.address, outcome.verdict) for outcome in outcomes] == [
        ("new@example.com", "invited"),
        (ADDRESS, "resent"),
        ("acme-member@example.com", "already_member"),
        ("oops", "invalid"),
    ]
    kinds = [event.type for event in trail(world.organization)][-2:]
    assert kinds == ["orgs.invitation.created", "orgs.invitation.resent"]
    assert Job.objects.filter(kind="orgs.mail.invitation").count() == 3


def test_preview_writes_nothing(world):
    [outcome] = invitations.preview(
        actor=world.admin.principal, organization=world.organization, addresses=[ADDRESS]
    )
    assert outcome.verdict == "invited"
    assert not Invitation.objects.of(world.organization).exists()


def test_addresses_are_bounded(world):
    with pytest.raises(Invalid):
        invite(world, " ")
    with pytest.raises(Invalid):
        invite(world, *(f"a{n}@example.com" for n in range(invitations.AT_ONCE + 1)))


def test_an_address_that_no_mail_can_have_is_invalid(world):
    [outcome] = invite(world, f"{'a' * 60}@{'b.' * 120}org")
    assert outcome.verdict == "invalid"


def test_only_the_digest_of_the_link_is_stored(world):
    invitation = one(world)
    assert token(invitation) not in str(Invitation.objects.of(world.organization).values())
    assert invitations.find(token(invitation)) == invitation


def test_a_fresh_link_makes_the_old_one_worthless(world):
    invitation = one(world)
    old = token(invitation)
    renewed = invitations.resend(
        actor=world.admin.principal, organization=world.organization, invitation=invitation
    )
    with pytest.raises(Missing):
        invitations.find(old)
    assert invitations.find(token(renewed)).generation == 2


def test_nobody_invites_to_a_role_that_holds_more_than_they_do(world):
    for role in ("owner", "billing_admin"):
        with pytest.raises(Denied):
            invite(world, role=role)
    assert one(world, actor=world.owner.principal, role="owner").role == "owner"


def test_only_those_who_may_invite_do(world):
    for person in (world.member, world.viewer, world.billing_admin, world.team_admin):
        with pytest.raises(Denied):
            invite(world, actor=person.principal)
        with pytest.raises(Denied):
            invitations.preview(
                actor=person.principal, organization=world.organization, addresses=[ADDRESS]
            )
    with pytest.raises(Missing):
        invite(world, actor=world.stranger.principal)


def test_unknown_seats_roles_and_teams_are_refused(world):
    for fields, error in (
        ({"seat": "half"}, Invalid),
        ({"role": "boss"}, Invalid),
        ({"teams": [(world.team, "boss")]}, Invalid),
        ({"teams": [(world.strange_team, "member")]}, Missing),
        (
            {"custom_role": RoleFactory(organization=world.strange_organization)},
            Invalid,
        ),
    ):
        with pytest.raises(error):
            invite(world, actor=world.owner.principal, **fields)


def test_somebody_who_owns_two_organizations_cannot_mix_their_teams(world):
    members.provision(
        actor=OPERATOR,
        organization=world.strange_organization,
        user=world.owner.user,
        role="owner",
    )
    with pytest.raises(Missing):
        invite(world, actor=world.owner.principal, teams=[(world.strange_team, "member")])


# --- members of a team that lets them invite -------------------------------------------------


@pytest.fixture
def open_team(world):
    teams.update(
        actor=OPERATOR,
        organization=world.organization,
        team=world.team,
        changes={"lets_members_invite": True},
    )
    world.team.refresh_from_db()
    return world


def test_team_members_invite_into_a_team_that_lets_them(open_team):
    invitation = one(
        open_team,
        actor=open_team.team_member.principal,
        teams=[(open_team.team, "member")],
    )
    member = accept(invitation)
    place = TeamMembership.objects.of(open_team.organization).get(membership=member)
    assert (place.team, place.role) == (open_team.team, "member")


def test_team_members_invite_to_nothing_else(open_team):
    world = open_team
    other = teams.create(
        actor=OPERATOR, organization=world.organization, name="other"
    )
    for fields in (
        {"teams": ()},
        {"teams": [(other, "member")]},
        {"teams": [(world.team, "member"), (other, "member")]},
        {"teams": [(world.team, "admin")]},
        {"teams": [(world.team, "member")], "role": "admin"},
        {"teams": [(world.team, "member")], "role": "billing_admin"},
    ):
        with pytest.raises(Denied):
            invite(world, actor=world.team_member.principal, **fields)


def test_viewers_machines_and_outsiders_do_not_invite_into_the_team(open_team):
    for principal in (
        open_team.team_viewer.principal,
        open_team.member.principal,
        open_team.machine_principal,
    ):
        with pytest.raises(Denied):
            invite(open_team, actor=principal, teams=[(open_team.team, "viewer")])


def test_the_organization_takes_inviting_out_of_the_teams_hands(open_team):
    organizations.update(
        actor=OPERATOR,
        organization=open_team.organization,
        changes={"enforces_invitation_control": True},
    )
    open_team.team.refresh_from_db()
    with pytest.raises(Denied):
        invite(
            open_team,
            actor=open_team.team_member.principal,
            teams=[(open_team.team, "member")],
        )


def test_team_members_touch_their_own_invitations_only(open_team):
    world = open_team
    place = [(world.team, "member")]
    own = one(world, actor=world.team_member.principal, teams=place)
    theirs = InvitationFactory(
        organization=world.organization, email="boss@example.com", role="admin"
    )
    [outcome] = invite(
        world, "boss@example.com", actor=world.team_member.principal, teams=place
    )
    assert outcome.verdict == "already_invited"
    theirs.refresh_from_db()
    assert (theirs.role, theirs.generation) == ("admin", 1)
    fields = {"actor": world.team_member.principal, "organization": world.organization}
    assert invitations.resend(invitation=own, **fields).generation == 2
    assert invitations.revoke(invitation=own, **fields).state == "revoked"
    for act in (invitations.resend, invitations.revoke):
        with pytest.raises(Denied):
            act(invitation=theirs, **fields)


# --- resend, revoke, expiry ------------------------------------------------------------------


def test_revoked_invitation_opens_nothing(world, trail):
    invitation = one(world)
    fields = {"actor": world.admin.principal, "organization": world.organization}
    invitations.revoke(invitation=invitation, **fields)
    invitations.revoke(invitation=invitation, **fields)
    assert len(trail(world.organization, "orgs.invitation.revoked")) == 1
    with pytest.raises(InvitationEnded, match="taken back"):
        invitations.find(token(invitation))
    with pytest.raises(InvitationEnded):
        invitations.resend(invitation=invitation, **fields)


def test_accepted_invitation_is_neither_resent_nor_revoked(world):
    invitation = one(world)
    accept(invitation)
    for act in (invitations.resend, invitations.revoke):
        with pytest.raises(InvitationEnded):
            act(
                actor=OPERATOR, organization=world.organization, invitation=invitation
            )


def test_another_organizations_invitation_is_missing(world):
    theirs = InvitationFactory(organization=world.strange_organization)
    for act in (invitations.resend, invitations.revoke):
        with pytest.raises(Missing):
            act(
                actor=world.owner.principal,
                organization=world.organization,
                invitation=theirs,
            )


def test_invitation_lapses_by_itself_and_is_noted_once(world, trail):
    invitation = one(world)
    with time_machine.travel(now() + dt.timedelta(days=8), tick=False):
        assert invitation.state == "expired"
        with pytest.raises(InvitationEnded, match="expired"):
            invitations.find(token(invitation))
        invitations.note_lapsed(Job())
        invitations.note_lapsed(Job())
        assert len(trail(world.organization, "orgs.invitation.expired")) == 1
        again = invitations.resend(
            actor=OPERATOR, organization=world.organization, invitation=invitation
        )
        assert again.state == "pending"


def test_deleted_service_account_takes_its_invitations_along(world, trail):
    machine = service_accounts.create(
        actor=OPERATOR, organization=world.organization, name="inviter", role="admin"
    )
    invitation = one(world, actor=as_service_account(machine))
    service_accounts.delete(
        actor=OPERATOR, organization=world.organization, account=machine
    )
    invitation.refresh_from_db()
    assert invitation.state == "revoked"
    assert len(trail(world.organization, "orgs.invitation.revoked")) == 1


# --- accept ----------------------------------------------------------------------------------


def test_accepting_makes_a_member_with_role_seat_and_teams(world, trail):
    role = RoleFactory(organization=world.organization, name="Auditor", inherits="viewer")
    invitation = one(
        world, custom_role=role, seat="viewer", teams=[(world.team, "viewer")]
    )
    assert (invitation.role_name, str(invitation)) == ("Auditor", ADDRESS)
    before = world.team.member_count
    member = accept(invitation)
    assert (member.custom_role, member.seat, member.status) == (role, "viewer", "active")
    world.team.refresh_from_db()
    assert world.team.member_count == before + 1
    assert [event.type for event in trail(world.organization)][-2:] == [
        "orgs.member.joined",
        "orgs.invitation.accepted",
    ]
    assert trail(world.organization)[-1].changes["teams"] == ["acme-team"]
    invitation.refresh_from_db()
    assert (invitation.state, invitation.accepted_by) == ("accepted", member.user.wire_id)


def test_a_link_is_used_once(world):
    invitation = one(world)
    accept(invitation)
    with pytest.raises(InvitationEnded, match="accepted already"):
        accept(invitation, UserFactory(), addresses=[ADDRESS])


def test_a_link_is_for_one_address(world):
    with pytest.raises(WrongAccount, match=ADDRESS):
        accept(one(world), UserFactory(email="other@example.com"))


def test_any_proved_address_of_the_account_will_do(world):
    user = UserFactory(email="other@example.com")
    assert accept(one(world), user, addresses=["x@example.com", "LENA@example.com"]).is_active


def test_nobody_accepts_for_somebody_else(world):
    with pytest.raises(Denied):
        accept(one(world), actor=as_user(UserFactory()))
    user = UserFactory(email="lena2@example.com")
    with pytest.raises(Denied):
        accept(one(world), user, actor=as_user(user, scopes=["*"]))


def test_members_have_nothing_to_accept(world):
    invitation = one(world)
    with pytest.raises(AlreadyMember):
        accept(invitation, world.member.user, addresses=[ADDRESS])


def test_seat_is_taken_at_acceptance(world):
    invitation = one(world)
    entitlements.apply(
        actor=OPERATOR,
        organization=world.organization,
        source="manual",
        seats={"full": 1, "viewer": 1},
    )
    with pytest.raises(SeatLimitReached):
        accept(invitation)
    invitation.refresh_from_db()
    assert invitation.state == "pending"


def test_nobody_joins_an_organization_that_is_being_deleted(world):
    invitation = one(world)
    organizations.request_deletion(
        actor=world.owner.principal, organization=world.organization, confirmation="acme"
    )
    with pytest.raises(InvitationEnded, match="being deleted"):
        accept(invitation)


@pytest.mark.parametrize("kind", ["suspended", "read_only"])
def test_nobody_joins_a_restricted_organization(world, kind):
    invitation = one(world)
    restrictions.impose(
        actor=OPERATOR, organization=world.organization, kind=kind, reason="unpaid"
    )
    with pytest.raises(OrganizationRestricted, match="unpaid"):
        accept(invitation)
    restrictions.lift(actor=OPERATOR, organization=world.organization, kind=kind)
    assert accept(invitation, User.objects.get(email=ADDRESS)).is_active


def test_invented_links_lead_nowhere(world):
    with pytest.raises(Missing):
        invitations.find("invented")


def test_a_team_deleted_meanwhile_is_left_out(world):
    invitation = one(world, teams=[(world.team, "member")])
    assert str(invitation.teams.get()).endswith("as member")
    teams.delete(
        actor=OPERATOR,
        organization=world.organization,
        team=world.team,
        confirmation="acme-team",
    )
    member = accept(invitation)
    assert not TeamMembership.objects.of(world.organization).filter(membership=member).exists()


def test_a_second_offer_replaces_teams_and_role(world):
    one(world, teams=[(world.team, "member")])
    [outcome] = invite(world, role="viewer", seat="viewer")
    assert outcome.invitation.role == "viewer"
    assert not outcome.invitation.teams.exists()


def test_nobody_sends_again_what_they_could_not_offer_themselves(world):
    as_owner = one(world, actor=world.owner.principal, role="owner")
    with pytest.raises(Denied, match="more than you have"):
        invitations.resend(
            actor=world.admin.principal, organization=world.organization, invitation=as_owner
        )
    again = invitations.resend(
        actor=world.owner.principal, organization=world.organization, invitation=as_owner
    )
    assert again.generation == 2


@pytest.mark.parametrize(("role", "state"), [("member", "revoked"), ("owner", "pending")])
def test_what_somebody_offered_ends_when_their_role_holds_less(world, trail, role, state):
    invitation = one(world, role="admin")
    members.change_role(
        actor=world.owner.principal,
        organization=world.organization,
        member=world.admin.member,
        role=role,
    )
    invitation.refresh_from_db()
    assert invitation.state == state
    told = [event.changes for event in trail(world.organization, "orgs.invitation.revoked")]
    assert told == (
        [{"because": "the inviter's role holds less now"}] if state == "revoked" else []
    )


def test_what_a_machine_offered_ends_when_its_role_holds_less(world):
    machine = service_accounts.create(
        actor=OPERATOR, organization=world.organization, name="inviter", role="admin"
    )
    invitation = one(world, actor=as_service_account(machine), role="admin")
    service_accounts.update(
        actor=world.owner.principal,
        organization=world.organization,
        account=machine,
        changes={"role": "viewer"},
    )
    invitation.refresh_from_db()
    assert invitation.state == "revoked"
