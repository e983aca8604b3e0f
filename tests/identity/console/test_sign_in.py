"""Signing in, up and out, and setting a password: allauth's ways in our pages."""

import pytest

from identity.accounts.hashers import Argon2idHasher
from identity.actions import accounts
from kernel.events.models import Event
from orgs.models import User
from tests.identity.conftest import PASSWORD, person
from tests.identity.console.conftest import link_in, plain

NEW = {"email": "nora@example.com", "username": "nora", "password1": PASSWORD}


def sign_in(client, login: str, password: str = PASSWORD, query: str = ""):
    return client.post(f"/account/login/{query}", {"login": login, "password": password})


@pytest.mark.parametrize("login", ["olga", "olga@example.com", "OLGA@example.com"])
def test_people_sign_in_by_username_or_address(open_browser, login):
    person("olga")
    client = open_browser()

    answer = sign_in(client, login)

    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/account/").status_code == 200
    assert Event.objects.system_all().filter(type="identity.session.started").count() == 1


def test_sign_in_leads_to_the_page_that_was_wanted(open_browser):
    person("olga")
    client = open_browser()

    wanted = client.get("/account/keys?cursor=")
    assert wanted["Location"] == "/account/login/?next=/account/keys%3Fcursor%3D"
    page = client.get(wanted["Location"]).content.decode()
    assert '<input type="hidden" name="next" value="/account/keys?cursor=">' in page
    answer = client.post(
        "/account/login/",
        {"login": "olga", "password": PASSWORD, "next": "/account/keys?cursor="},
    )

    assert answer["Location"] == "/account/keys?cursor="


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example"]
)
def test_sign_in_leads_nowhere_else(open_browser, elsewhere):
    person("olga")

    answer = open_browser().post(
        "/account/login/", {"login": "olga", "password": PASSWORD, "next": elsewhere}
    )

    assert answer["Location"] == "/"


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(open_browser):
    person("olga")

    wrong = sign_in(open_browser(), "olga", "not her password at all")
    unknown = sign_in(open_browser(), "nobody", "not her password at all")

    assert wrong.status_code == unknown.status_code == 200
    assert plain(wrong.content).replace("olga", "nobody") == plain(unknown.content)
    assert "not correct" in wrong.content.decode()


def test_sign_up_is_finished_by_the_link_in_the_mail(open_browser, mailbox):
    client = open_browser()

    answer = client.post("/account/signup/", {**NEW, "next": "/account/keys"})

    assert answer["Location"] == "/account/confirm-email/"
    assert "on its way" in client.get(answer["Location"]).content.decode()
    assert client.get("/account/")["Location"].startswith("/account/login/")
    link = link_in(mailbox("nora@example.com")[0], "/account/confirm-email/")
    assert b"Confirm your address" in client.get(link).content
    answer = client.post(link)
    assert answer["Location"] == "/account/keys"
    assert client.get("/account/keys").status_code == 200
    assert accounts.verified_addresses(User.objects.get(username="nora")) == ["nora@example.com"]


def test_a_used_or_invented_link_says_so(open_browser):
    assert b"does not work any more" in open_browser().get("/account/confirm-email/abc/").content


def test_sign_up_tells_nobody_whether_an_address_is_known(open_browser, mailbox):
    person("olga")

    known = open_browser().post("/account/signup/", {**NEW, "email": "olga@example.com"})
    fresh = open_browser().post("/account/signup/", {**NEW, "email": "other@example.com"})

    assert known.status_code == fresh.status_code == 302
    assert known["Location"] == fresh["Location"] == "/account/confirm-email/"
    assert mailbox("olga@example.com")[0].template == "identity/account_already_exists"
    assert User.objects.filter(email="olga@example.com").count() == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"username": "olga"}, "is taken"),
        ({"username": "a b"}, "Use letters, digits"),
        ({"username": "admin"}, "is reserved"),
        ({"password1": "short"}, "too short"),
        ({"email": "nothing"}, "valid email"),
    ],
)
def test_sign_up_says_beside_the_field_what_is_wrong(open_browser, change, sentence):
    person("olga")

    page = open_browser().post("/account/signup/", {**NEW, **change}).content.decode()

    assert sentence in page
    assert 'aria-invalid="true"' in page
    assert not User.objects.filter(username="nora").exists()


def test_sign_up_can_be_closed(open_browser, settings):
    settings.STEWARD_SIGNUP_OPEN = False

    page = open_browser().get("/account/signup/").content.decode()

    assert "by invitation only" in page
    assert "password1" not in page


def test_reset_tells_nobody_whether_an_address_is_known(open_browser, mailbox):
    person("olga")

    known = open_browser().post("/account/password/reset/", {"email": "olga@example.com"})
    unknown = open_browser().post("/account/password/reset/", {"email": "nobody@example.com"})

    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    first, second = open_browser().get(known["Location"]), open_browser().get(unknown["Location"])
    assert plain(first.content) == plain(second.content)
    assert mailbox("olga@example.com")[0].template == "identity/password_reset_key"
    assert mailbox("nobody@example.com")[0].template == "identity/unknown_account"


def test_reset_sets_the_password_and_ends_every_session(open_browser, mailbox):
    olga = person("olga")
    elsewhere = open_browser(olga)
    client = open_browser()
    client.post("/account/password/reset/", {"email": "olga@example.com"})
    link = link_in(mailbox("olga@example.com")[0], "/account/password/reset/key/")

    form = client.get(link, follow=True)
    assert "-set-password/" in form.redirect_chain[-1][0]
    new = "another long and unguessable phrase"
    answer = client.post(form.redirect_chain[-1][0], {"password1": new, "password2": new})

    assert answer["Location"] == "/account/password/reset/key/done/"
    assert elsewhere.get("/account/")["Location"].startswith("/account/login/")
    assert sign_in(open_browser(), "olga", new).status_code == 302
    assert sign_in(open_browser(), "olga").status_code == 200
    assert mailbox("olga@example.com")[0].template == "identity/password_reset"
    assert b"does not work any more" in open_browser().get(link).content


def test_sign_out_needs_a_post_and_ends_the_session(open_browser):
    client = open_browser(person("olga"))

    assert b"Sign out?" in client.get("/account/logout/").content
    assert client.get("/account/").status_code == 200
    client.post("/account/logout/")

    assert client.get("/account/")["Location"].startswith("/account/login/")


def test_attempts_are_limited_with_a_page_that_says_so(open_browser, settings):
    settings.ACCOUNT_RATE_LIMITS = {"reset_password": "1/m/ip"}
    person("olga")
    client = open_browser()
    client.post("/account/password/reset/", {"email": "olga@example.com"})
    answer = client.post("/account/password/reset/", {"email": "olga@example.com"})
    assert answer.status_code == 429
    assert answer["Retry-After"] == "60"
    assert b"Too many attempts" in answer.content


@pytest.mark.parametrize(
    "path",
    [
        "/account/login/",
        "/account/signup/",
        "/account/password/reset/",
        "/account/password/reset/done/",
        "/account/confirm-email/",
        "/account/inactive/",
        "/account/password/reset/key/1-abc/",
        "/account/password/reset/key/done/",
    ],
)
def test_pages_without_a_person_are_ours(open_browser, path):
    answer = open_browser().get(path)
    page = answer.content.decode()

    assert answer.status_code == 200
    assert page.count("<h1>") == 1
    assert "<c-" not in page
    assert "style=" not in page
    assert "css/tokens.css" in page


def test_an_inactive_account_is_told_so(open_browser):
    olga = person("olga")
    olga.is_active = False
    olga.save(update_fields=["is_active"])

    answer = sign_in(open_browser(), "olga")

    assert answer["Location"] == "/account/inactive/"


class CountingHasher(Argon2idHasher):
    """Counts the passwords that it hashes: what a request costs."""

    hashed = 0

    def encode(self, password: str, salt: str) -> str:
        """Count, and hash as usual."""
        type(self).hashed += 1
        return super().encode(password, salt)


@pytest.mark.parametrize("email", ["max@example.com", "nobody@example.com"])
def test_signing_up_costs_the_same_for_known_and_new_addresses(
    open_browser, lab, settings, email
):
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.hashed = 0

    answer = open_browser().post(
        "/account/signup/", {"email": email, "username": "someone", "password1": PASSWORD}
    )

    assert answer.status_code == 302
    assert CountingHasher.hashed == 1
