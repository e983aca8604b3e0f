"""Nobody finds out who has an account: not by status, words, mails, or time.

Source: OWASP ASVS 5.0 §6.3.8. Times are CPU times of this process with the product's own
password hash, medians of samples taken in turn; the figures are recorded.
"""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.test import Client

from identity import key_format
from identity.accounts import attempts
from kernel.crypto import tokens
from kernel.jobs.sweep import sweep
from kernel.mail.models import Mail
from orgs.actions import invitations
from tests.hardening.people import PASSWORD, costs, person
from tests.wire.stage import Stage

pytestmark = pytest.mark.django_db

WITHIN = 0.10
AT_MOST_ROUNDS = 100
BLOCK_OF_ROUNDS = 20
_ONE_OF_MANY = itertools.count()
ID = {"X-Request-Id": "request-of-a-test"}
WRONG = "not her password at all"


@pytest.fixture(autouse=True)
def no_limits_and_real_hashes(settings, monkeypatch):
    settings.PASSWORD_HASHERS = ["identity.accounts.hashers.Argon2idHasher"]
    for name in ("ACCOUNT_FROM_BLOCK", "BLOCK", "ACCOUNT", "EVERYWHERE", "KNOWN_DEVICE"):
        monkeypatch.setattr(attempts, name, replace(getattr(attempts, name), failures=0))


@pytest.fixture(autouse=True)
def people():
    person("olga")
    person("unproved", proved=False)
    person("inactive", active=False)


@dataclass(frozen=True)
class Seen:
    """What somebody outside can see of an answer."""

    status: int
    location: str
    page: str
    headers: tuple[str, ...]
    mails: int


def seen(answer: Any, mails: int, told: str) -> Seen:
    """Return what is to be seen, without what the asker said and what is random anyway."""
    page = answer.content.decode().replace(told, "WHO")
    page = re.sub(r'("X-CSRFToken": ")[^"]*', r"\1", page)
    page = re.sub(r'(name="csrfmiddlewaretoken" value=")[^"]*', r"\1", page)
    return Seen(
        answer.status_code,
        answer.headers.get("Location", "").replace(told, "WHO"),
        page,
        tuple(sorted(set(answer.headers) - {"Content-Length"})),
        mails,
    )


def sign_in(login: str) -> Any:
    return Client(headers=ID).post("/account/login/", {"login": login, "password": WRONG})


def sign_up(email: str) -> Any:
    name = f"new{next(_ONE_OF_MANY):05d}"
    body = {"email": email, "username": name, "password1": PASSWORD}
    return Client(headers=ID).post("/account/signup/", body)


def sign_up_anew(_email: str) -> Any:
    return sign_up(f"fresh{next(_ONE_OF_MANY):05d}@example.com")


def reset(email: str) -> Any:
    return Client(headers=ID).post("/account/password/reset/", {"email": email})


def ask_with_key(text: str) -> Any:
    return Client(headers=ID).get("/api/v1/me", headers={"Authorization": f"Bearer {text}"})


def key_with_id(key_id: str) -> str:
    """Return a key with a right checksum and a secret of nobody."""
    body = f"stw_{key_id}_{tokens.base62_encode(bytes(31) + bytes([next(_ONE_OF_MANY) % 256]))}"
    return body + tokens.crc32_base62(body)


def ask_with_id(key_id: str) -> Any:
    return ask_with_key(key_with_id(key_id))


PAIRS: dict[str, tuple[Callable[[str], Any], str, Callable[[str], Any], str]] = {
    "sign-in by address: unknown, known": (
        sign_in, "nobody@example.com", sign_in, "olga@example.com",
    ),
    "sign-in by name: unknown, known": (sign_in, "nobody", sign_in, "olga"),
    "sign-in: unknown, not proved": (
        sign_in, "nobody@example.com", sign_in, "unproved@example.com",
    ),
    "sign-in: unknown, inactive": (sign_in, "nobody", sign_in, "inactive"),
    "sign-up: new, known": (sign_up_anew, "fresh", sign_up, "olga@example.com"),
    "reset: unknown, known": (reset, "nobody@example.com", reset, "olga@example.com"),
    "reset: unknown, not proved": (reset, "nobody@example.com", reset, "unproved@example.com"),
    "key: unknown id, known id": (ask_with_id, "AAAAAAAAAA", ask_with_id, ""),
}  # fmt: skip


@pytest.fixture
def pair(request, acme: Stage):
    first, unknown, second, known = PAIRS[request.param]
    if not known:
        known = key_format.make().key_id
        from identity.models import APIKey

        known = APIKey.objects.system_of_user(acme.owner.user.pk).first().key_id
    return request.param, (lambda: first(unknown), unknown), (lambda: second(known), known)


@pytest.mark.parametrize("pair", PAIRS, indirect=True)
def test_who_is_known_and_who_is_not_get_the_same_answer_and_as_many_mails(pair):
    name, *acts = pair
    while sweep():
        pass
    found = []
    for act, who in acts:
        before = Mail.objects.count()
        answer = act()
        while sweep():
            pass
        found.append(seen(answer, Mail.objects.count() - before, who))

    assert found[0] == found[1]
    assert found[0].mails == (1 if name.startswith(("reset", "sign-up")) else 0)


@pytest.mark.parametrize("pair", PAIRS, indirect=True)
def test_who_is_known_and_who_is_not_take_the_same_time(pair, record_property):
    name, (first, _), (second, _) = pair
    rounds, left, right = 0, 1.0, 0.0
    while abs(left - right) > WITHIN * max(left, right) and rounds < AT_MOST_ROUNDS:
        rounds += BLOCK_OF_ROUNDS
        left, right = costs(first, second, rounds)
    figures = f"{name}: {left * 1000:.2f} ms, {right * 1000:.2f} ms of CPU, {rounds} rounds"
    record_property("figures", figures)
    print(figures)

    assert abs(left - right) <= WITHIN * max(left, right), figures


def test_the_page_after_signing_up_is_the_same_too():
    known, fresh = Client(headers=ID), Client(headers=ID)
    body = {"username": "someone", "password1": PASSWORD}
    known.post("/account/signup/", {**body, "email": "olga@example.com"})
    fresh.post("/account/signup/", {**body, "email": "rosa@example.com"})

    pages = [client.get("/account/confirm-email/") for client in (known, fresh)]

    assert seen(pages[0], 0, "olga@example.com") == seen(pages[1], 0, "rosa@example.com")
    assert {mail.template for mail in Mail.objects.all()} == {
        "identity/account_already_exists",
        "identity/email_confirmation_signup",
    }


def test_another_address_is_added_alike_whether_somebody_has_it_or_not():
    found = []
    for number, address in enumerate(("olga@example.com", "rosa@example.com")):
        client = Client(headers=ID)
        client.force_login(person(f"adder{number}"))
        before = Mail.objects.count()
        answer = client.post("/account/email/", {"action_add": "", "email": address})
        found.append(seen(answer, Mail.objects.count() - before, address))

    assert found[0] == found[1]
    assert found[0].mails > 0


def test_an_invitation_says_nothing_about_who_has_an_account(acme: Stage):
    outcomes = [
        invitations.create_many(
            actor=acme.owner.principal, organization=acme.organization, addresses=[address]
        )[0]
        for address in ("olga@example.com", "rosa@example.com")
    ]

    assert [(outcome.verdict, outcome.detail) for outcome in outcomes] == [("invited", "")] * 2


def test_a_link_that_never_was_is_answered_like_one_that_ended():
    pages = []
    for token in ("A" * 43, "b" * 43):
        client = Client(headers=ID)
        client.get(f"/join/{token}")
        pages.append(seen(client.get("/join"), 0, token))

    assert pages[0] == pages[1]
    assert pages[0].status == 404
