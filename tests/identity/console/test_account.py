"""One's own account: profile, username, addresses, password, sessions, deletion."""

import datetime as dt

import pytest
import time_machine

from identity.actions import accounts
from identity.models import APIKey, EmailAddress, UserSession
from kernel.clock import now
from orgs.models import Membership, User
from orgs.queries import entity_named
from tests.identity.conftest import PASSWORD, person
from tests.identity.console.conftest import IPHONE, link_in


def test_profile_shows_and_keeps_what_was_typed(open_browser):
    olga = person("olga")
    client = open_browser(olga)
    assert b'value="olga"' in client.get("/account/").content

    answer = client.post(
        "/account/", {"display_name": "Olga Ivanova", "theme": "dark", "version": olga.version}
    )

    assert (answer.status_code, answer["Location"]) == (303, "/account/")
    page = client.get("/account/").content.decode()
    assert 'data-theme="dark"' in page
    assert "Your profile is saved." in page
    assert User.objects.get(pk=olga.pk).name == "Olga Ivanova"


def test_profile_changed_meanwhile_is_not_overwritten(open_browser):
    olga = person("olga")
    client = open_browser(olga)
    typed = {"display_name": "Second", "theme": "light", "version": olga.version}
    client.post("/account/", {**typed, "display_name": "First"})

    answer = client.post("/account/", typed)

    assert answer.status_code == 412
    assert "Somebody changed this" in answer.content.decode()
    assert 'value="Second"' in answer.content.decode()
    assert User.objects.get(pk=olga.pk).display_name == "First"


def test_username_changes_and_the_old_one_leads_on(open_browser):
    olga = person("olga")

    answer = open_browser(olga).post("/account/username", {"username": "olga-i"})

    assert answer["Location"] == "/account/"
    assert User.objects.get(pk=olga.pk).username == "olga-i"
    found = entity_named("olga")
    assert found
    assert (found.name, found.is_alias) == ("olga-i", True)


@pytest.mark.parametrize(
    ("username", "status", "sentence"),
    [("max", 409, "taken"), ("a b", 422, "Use letters"), ("", 422, "required")],
)
def test_username_says_what_is_wrong(open_browser, username, status, sentence):
    person("max")

    answer = open_browser(person("olga")).post("/account/username", {"username": username})

    assert answer.status_code == status
    assert sentence in answer.content.decode()


def test_an_address_counts_once_its_link_was_opened(open_browser, mailbox):
    olga = person("olga")
    client = open_browser(olga)
    second = "second@example.com"

    client.post("/account/email/", {"action_add": "", "email": second})

    assert b"Not confirmed" in client.get("/account/email/").content
    refused = client.post("/account/email/", {"action_primary": "", "email": second}, follow=True)
    assert b"Confirm the address first" in refused.content
    link = link_in(mailbox(second)[0], "/account/confirm-email/")
    client.post(link)
    assert accounts.verified_addresses(olga) == ["olga@example.com", second]
    client.post("/account/email/", {"action_primary": "", "email": second})
    client.post("/account/email/", {"action_remove": "", "email": "olga@example.com"})
    assert list(EmailAddress.objects.filter(user=olga).values_list("email", "primary")) == [
        (second, True)
    ]
    assert User.objects.get(pk=olga.pk).email == second


def test_a_new_password_ends_the_other_sessions_and_is_mailed(open_browser, mailbox):
    olga = person("olga")
    here, there = open_browser(), open_browser(olga)
    here.post("/account/login/", {"login": "olga", "password": PASSWORD})
    new = "another long and unguessable phrase"

    answer = here.post(
        "/account/password/change/",
        {"oldpassword": PASSWORD, "password1": new, "password2": new},
        follow=True,
    )

    assert answer.status_code == 200
    assert here.get("/account/").status_code == 200
    assert there.get("/account/")["Location"].startswith("/account/login/")
    notice = mailbox("olga@example.com")[0]
    assert notice.template == "identity/password_changed"
    assert "127.0.0.1" in notice.text
    assert " UTC" in notice.text


def test_sessions_are_named_by_device_and_ended_one_by_one(open_browser):
    olga = person("olga")
    here, phone = open_browser(olga), open_browser(olga, agent=IPHONE)
    page = here.get("/account/sessions/").content.decode()
    assert "Firefox 131 on Linux" in page
    assert "Mobile Safari 18 on iOS" in page
    assert page.count("This device") == 1

    session = UserSession.objects.get(session_key=phone.session.session_key)
    answer = here.post(f"/account/sessions/{session.pk}/end")

    assert answer["Location"] == "/account/sessions/"
    assert phone.get("/account/")["Location"].startswith("/account/login/")
    assert here.get("/account/").status_code == 200


def test_all_other_sessions_end_at_once(open_browser):
    olga = person("olga")
    here, others = open_browser(olga), [open_browser(olga) for _ in range(3)]

    here.post("/account/sessions/end-others")

    assert here.get("/account/").status_code == 200
    assert [client.get("/account/").status_code for client in others] == [302] * 3


def test_nobody_ends_the_session_of_another(open_browser):
    other = open_browser(person("max"))
    session = UserSession.objects.get(session_key=other.session.session_key)

    answer = open_browser(person("olga")).post(f"/account/sessions/{session.pk}/end")

    assert answer.status_code == 404
    assert other.get("/account/").status_code == 200


def test_sessions_page_costs_the_same_for_one_and_for_fifty(
    open_browser, django_assert_max_num_queries
):
    olga = person("olga")
    client = open_browser(olga)
    client.get("/account/sessions/")
    with django_assert_max_num_queries(8):
        client.get("/account/sessions/")
    for _ in range(49):
        open_browser(olga)

    with django_assert_max_num_queries(8):
        page = client.get("/account/sessions/")

    assert page.content.count(b"Firefox") >= 50


def proved(open_browser, name: str):
    """Return a browser in which the password was typed again, as deletion demands."""
    client = open_browser(User.objects.get(username=name))
    answer = client.post(
        "/account/reauthenticate/", {"password": PASSWORD, "next": "/account/delete"}
    )
    assert answer["Location"] == "/account/delete"
    return client


def test_deletion_asks_for_the_password_again_and_repeats_no_post(open_browser):
    client = open_browser(person("olga"))

    answer = client.get("/account/delete")
    assert answer["Location"] == "/account/reauthenticate/?next=%2Faccount%2Fdelete"
    assert b"Confirm that it is you" in client.get(answer["Location"]).content
    answer = client.post("/account/delete", {"confirmation": "olga"})
    assert (answer.status_code, answer["Location"]) == (303, "/account/delete")

    client = proved(open_browser, "olga")
    with time_machine.travel(now() + dt.timedelta(minutes=16)):
        assert client.get("/account/delete")["Location"].startswith("/account/reauthenticate/")
        client.post("/account/delete", {"confirmation": "olga"})
    assert User.objects.filter(username="olga").exists()


def test_a_mailed_code_can_stand_for_the_password(open_browser, mailbox):
    client = open_browser(person("olga"))
    asked = client.post(
        "/account/reauthenticate/code/?next=/account/delete", {"recipient": "olga@example.com"}
    )
    code = mailbox("olga@example.com")[0].text.split("\n\n")[1]
    page = client.get(asked["Location"]).content.decode()
    assert page.count("<h1>") == 1

    client.post(asked["Location"], {"code": code})

    assert client.get("/account/delete").status_code == 200


def test_deletion_needs_the_username_and_says_what_goes(open_browser, lab):
    lab.key(lab.member)
    client = proved(open_browser, "max")
    page = client.get("/account/delete").content.decode()
    assert "your membership of Lab" in page
    assert "your API keys" in page

    answer = client.post("/account/delete", {"confirmation": "maxi"})

    assert answer.status_code == 422
    assert "This is not the username." in answer.content.decode()
    assert User.objects.filter(username="max").exists()


def test_deletion_ends_everything_at_once_and_frees_the_address(open_browser, lab):
    lab.key(lab.member)
    elsewhere, client = open_browser(lab.member), proved(open_browser, "max")

    answer = client.post("/account/delete", {"confirmation": "max"})

    assert b"Your account is deleted" in answer.content
    assert client.get("/account/")["Location"].startswith("/account/login/")
    assert elsewhere.get("/account/")["Location"].startswith("/account/login/")
    assert not User.objects.filter(username="max").exists()
    assert not APIKey.objects.system_all().filter(name="test key").exists()
    assert not Membership.objects.of(lab.organization).filter(user=lab.member.pk).exists()
    person_again = open_browser().post(
        "/account/signup/",
        {"email": "max@example.com", "username": "max-again", "password1": PASSWORD},
    )
    assert person_again["Location"] == "/account/confirm-email/"
    assert User.objects.filter(username="max-again").exists()


def test_the_last_owner_is_told_where_and_what_to_do(open_browser, lab):
    client = proved(open_browser, "olga")

    page = client.get("/account/delete").content.decode()
    answer = client.post("/account/delete", {"confirmation": "olga"})

    assert "You are the last owner of 1 organization" in page
    assert f"/o/{lab.organization.slug}/members" in page
    assert f"/o/{lab.organization.slug}/settings" in page
    assert "Delete my account" not in page
    assert answer.status_code == 409
    assert User.objects.filter(username="olga").exists()


@pytest.mark.parametrize(
    "path",
    [
        "/account/",
        "/account/email/",
        "/account/password/change/",
        "/account/sessions/",
        "/account/keys",
        "/account/keys/new",
        "/account/logout/",
    ],
)
def test_pages_of_a_person_are_ours(open_browser, path):
    page = open_browser(person("otto")).get(path).content.decode()

    assert page.count("<h1>") == 1
    assert "<c-" not in page
    assert "style=" not in page


@pytest.mark.parametrize(
    "path",
    ["/account/", "/account/keys", "/account/keys/new", "/account/sessions/", "/account/delete"],
)
def test_a_visitor_is_led_to_the_sign_in(open_browser, path):
    answer = open_browser().get(path)

    assert answer["Location"] == f"/account/login/?next={path}"
