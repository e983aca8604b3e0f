"""Joining by an invitation's link: as a new person, as a known one, as the wrong one."""

import datetime as dt

import pytest
import time_machine

from identity.actions import accounts
from kernel.clock import now
from kernel.principal import Principal
from orgs.actions import invitations
from orgs.models import Invitation, Membership, SeatPool, User
from tests.identity.conftest import PASSWORD, as_user, person
from tests.identity.console.conftest import link_in

ADDRESS = "nora@example.com"


@pytest.fixture(autouse=True)
def _sends_mail(settings):
    """Only where mail goes out does a copied link prove less than the mailed one."""
    settings.STEWARD_MAIL_OUTBOX = False


@pytest.fixture
def invitation(lab) -> Invitation:
    """Nora's invitation into the lab and its team."""
    outcome = invitations.create_many(
        actor=as_user(lab.owner),
        organization=lab.organization,
        addresses=[ADDRESS],
        teams=[(lab.team, "member")],
    )[0]
    assert outcome.invitation
    return outcome.invitation


@pytest.fixture
def mailed(invitation) -> str:
    """The link in the mail."""
    return invitations.mailed_link(invitation).removeprefix("http://testserver")


@pytest.fixture
def copied(invitation) -> str:
    """The link that an admin can copy."""
    return invitations.link(invitation).removeprefix("http://testserver")


def member_of(lab, email: str = ADDRESS) -> Membership | None:
    rows = Membership.objects.of(lab.organization).active()
    return rows.filter(user__email=email).first()


def sign_up(client, **change: str):
    typed = {"email": ADDRESS, "username": "nora", "password1": PASSWORD, "next": "/join"}
    return client.post("/account/signup/", {**typed, **change})


def test_the_mail_holds_the_link_that_proves_the_mailbox(mailed, settings, mailbox):
    settings.STEWARD_MAIL_OUTBOX = True  # keeps the text

    assert link_in(mailbox(ADDRESS)[0], "/join/") == mailed


def test_the_token_leaves_the_address_at_once(open_browser, mailed):
    client = open_browser()

    answer = client.get(mailed)

    assert (answer.status_code, answer["Location"]) == (302, "/join")
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    page = client.get("/join")
    token = mailed.removeprefix("/join/").partition("?")[0]
    assert token not in page.content.decode()
    assert "no-store" in page["Cache-Control"]


def test_a_visitor_sees_the_offer(open_browser, mailed):
    page = open_browser().get(mailed, follow=True).content.decode()

    for part in ("Join Lab", "olga invites you", ADDRESS, "Member", "Full", "vision"):
        assert part in page


def test_a_new_person_joins_by_the_mailed_link_without_another_mail(open_browser, lab, mailed):
    client = open_browser()
    page = client.get(mailed, follow=True).content.decode()
    assert "/account/signup/?next=%2Fjoin&amp;email=nora%40example.com" in page
    form = client.get("/account/signup/?next=/join").content.decode()
    assert f'value="{ADDRESS}"' in form

    answer = sign_up(client)

    assert answer["Location"] == "/join"
    assert accounts.verified_addresses(User.objects.get(username="nora")) == [ADDRESS]
    assert member_of(lab) is None, "an invitation is accepted by a click, not by looking at it"
    page = client.get("/join").content.decode()
    assert "You are signed in as" in page
    answer = client.post("/join")
    assert answer["Location"] == f"/o/{lab.organization.slug}/"
    member = member_of(lab)
    assert member
    assert member.team_memberships.get().team == lab.team
    assert "Welcome to Lab." in client.get(answer["Location"]).content.decode()
    assert client.get("/join").status_code == 404, "the link works once"


def test_a_copied_link_proves_no_mailbox(open_browser, lab, copied, mailbox, settings):
    client = open_browser()
    client.get(copied, follow=True)

    answer = sign_up(client)

    assert answer["Location"] == "/account/confirm-email/"
    assert accounts.verified_addresses(User.objects.get(username="nora")) == []
    assert client.post("/join")["Location"] == "/join"
    assert member_of(lab) is None
    settings.STEWARD_MAIL_OUTBOX = True
    mails = {mail.template: mail for mail in mailbox(ADDRESS)}
    confirmation = link_in(
        mails["identity/email_confirmation_signup"], "/account/confirm-email/"
    )
    assert client.post(confirmation)["Location"] == "/join"
    client.post("/join")
    assert member_of(lab)


def test_an_invented_proof_proves_nothing(open_browser, copied):
    client = open_browser()
    client.get(f"{copied}?proof=abc", follow=True)

    assert sign_up(client)["Location"] == "/account/confirm-email/"


def test_where_no_mail_goes_out_the_copied_link_is_enough(open_browser, lab, copied, settings):
    settings.STEWARD_MAIL_OUTBOX = True
    client = open_browser()
    client.get(copied, follow=True)

    assert sign_up(client)["Location"] == "/join"
    client.post("/join")

    assert member_of(lab)


def test_the_proof_is_for_the_invited_address_alone(open_browser, mailed):
    client = open_browser()
    client.get(mailed, follow=True)

    sign_up(client, email="someone@example.com")

    assert accounts.verified_addresses(User.objects.get(username="nora")) == [ADDRESS]


def test_invited_people_sign_up_where_sign_up_is_closed(open_browser, mailed, settings):
    settings.STEWARD_SIGNUP_OPEN = False
    client = open_browser()
    assert b"by invitation only" in client.get("/account/signup/").content
    client.get(mailed, follow=True)

    assert sign_up(client)["Location"] == "/join"


def test_a_known_person_signs_in_and_comes_back(open_browser, lab, mailed):
    person("nora")
    client = open_browser()
    page = client.get(mailed, follow=True).content.decode()
    assert "/account/login/?next=/join" in page

    answer = client.post(
        "/account/login/", {"login": "nora", "password": PASSWORD, "next": "/join"}
    )
    assert answer["Location"] == "/join"
    client.post("/join")

    assert member_of(lab)


def test_the_wrong_account_is_told_and_can_be_left(open_browser, lab, mailed):
    client = open_browser(lab.stranger)

    answer = client.get(mailed, follow=True)
    page = answer.content.decode()

    assert answer.status_code == 403
    assert "This invitation is for another account" in page
    assert ADDRESS in page
    assert "sven" in page
    client.post("/join")
    assert Membership.objects.of(lab.organization).filter(user=lab.stranger).count() == 0
    answer = client.post("/join/switch", follow=True)
    assert "Sign up and join" in answer.content.decode()
    assert client.get("/account/")["Location"].startswith("/account/login/")


def test_a_second_confirmed_address_is_an_address_of_ones_own(open_browser, lab, mailed):
    accounts.vouch_for_address(
        actor=Principal.system("test"), user=lab.stranger, email=ADDRESS.upper()
    )
    client = open_browser(lab.stranger)
    assert "Join Lab" in client.get(mailed, follow=True).content.decode()

    client.post("/join")

    assert Membership.objects.of(lab.organization).active().filter(user=lab.stranger).exists()


def test_without_a_free_seat_the_page_says_what_to_do(open_browser, lab, mailed):
    seats = SeatPool.objects.of(lab.organization).filter(seat="full")
    taken = seats.get().used
    seats.update(limit=taken, ceiling=taken)
    client = open_browser(person("nora"))
    client.get(mailed)

    answer = client.post("/join")

    assert answer.status_code == 402
    page = answer.content.decode()
    assert "Lab has no free seat" in page
    assert "Tell olga" in page
    assert member_of(lab) is None
    seats.update(limit=taken + 1, ceiling=taken + 1)
    client.post("/join")
    assert member_of(lab)


def test_a_member_is_led_inside(open_browser, lab, invitation, mailed):
    nora = person("nora")
    client = open_browser(nora)
    invitations.accept(
        actor=as_user(nora),
        token=mailed.removeprefix("/join/").partition("?")[0],
        user=nora,
        addresses=[ADDRESS],
    )
    again = invitations.create_many(
        actor=as_user(lab.owner), organization=lab.organization, addresses=["other@example.com"]
    )[0].invitation
    assert again
    accounts.vouch_for_address(actor=Principal.system("test"), user=nora, email=again.email)
    client.get(invitations.mailed_link(again).removeprefix("http://testserver"))

    answer = client.post("/join", follow=True)

    assert answer.redirect_chain[-1][0] == f"/o/{lab.organization.slug}/"
    assert "is a member of Lab already" in answer.content.decode()


def test_ended_invitations_say_why(open_browser, lab, invitation, mailed):
    with time_machine.travel(now() + dt.timedelta(days=8)):
        answer = open_browser().get(mailed, follow=True)
    assert answer.status_code == 410
    assert "has expired" in answer.content.decode()
    invitations.revoke(
        actor=as_user(lab.owner), organization=lab.organization, invitation=invitation
    )
    answer = open_browser().get(mailed, follow=True)
    assert answer.status_code == 410
    assert "was taken back" in answer.content.decode()


@pytest.mark.parametrize("path", ["/join", "/join/nonsense", "/join/%00"])
def test_a_link_that_leads_nowhere_says_so(open_browser, path):
    answer = open_browser().get(path, follow=True)

    assert answer.status_code == 404
    assert answer.content.decode().count("<h1>") == 1


def test_a_resent_invitation_kills_the_link_before(open_browser, lab, invitation, mailed):
    invitations.resend(
        actor=as_user(lab.owner), organization=lab.organization, invitation=invitation
    )

    assert open_browser().get(mailed, follow=True).status_code == 404


def test_a_link_that_leads_nowhere_opens_no_closed_sign_up(open_browser, settings):
    settings.STEWARD_SIGNUP_OPEN = False
    client = open_browser()
    client.get("/join/" + "x" * 43)

    assert b"by invitation only" in client.get("/account/signup/").content
    sign_up(client)

    assert not User.objects.filter(username="nora").exists()


def test_where_sign_up_is_closed_only_the_invited_address_signs_up(open_browser, copied, settings):
    settings.STEWARD_SIGNUP_OPEN = False
    client = open_browser()
    client.get(copied, follow=True)

    answer = sign_up(client, email="friend@example.com")

    assert b"Sign up with the address that the invitation was sent to." in answer.content
    assert not User.objects.filter(username="nora").exists()


def test_a_revoked_invitation_opens_no_closed_sign_up(
    open_browser, lab, invitation, mailed, settings
):
    settings.STEWARD_SIGNUP_OPEN = False
    client = open_browser()
    client.get(mailed, follow=True)
    invitations.revoke(
        actor=as_user(lab.owner), organization=lab.organization, invitation=invitation
    )

    sign_up(client)

    assert not User.objects.filter(username="nora").exists()
