"""Passwords are limited before they are hashed, and nobody is locked out by somebody else."""

import threading

import pytest
from django.test import Client

from identity.accounts import attempts, hashers
from identity.accounts.hashers import Argon2idHasher
from kernel.addresses import block_of
from kernel.api.throttle import KEY_FAILURE_LIMIT
from kernel.errors import Throttled
from orgs.models import User
from tests.hardening.people import PASSWORD, CountingHasher, person
from tests.wire.stage import Stage

pytestmark = pytest.mark.django_db

WRONG = "not her password at all"


@pytest.fixture(autouse=True)
def counting(settings):
    settings.PASSWORD_HASHERS = ["tests.hardening.people.CountingHasher"]
    CountingHasher.hashed = 0


def attempt(login, password=WRONG, *, client=None, address="192.0.2.7"):
    browser = client or Client()
    return browser.post(
        "/account/login/", {"login": login, "password": password}, REMOTE_ADDR=address
    )


def test_attempts_beyond_the_limit_are_refused_before_any_hash():
    person("olga")
    for _ in range(attempts.ACCOUNT_FROM_BLOCK.failures):
        assert attempt("olga").status_code == 200
    CountingHasher.hashed = 0

    answers = [attempt("olga", PASSWORD), attempt("OLGA", WRONG)]

    assert [answer.status_code for answer in answers] == [429, 429]
    assert CountingHasher.hashed == 0
    assert int(answers[0]["Retry-After"]) > 0
    assert b"too many attempts to sign in" in answers[0].content


def test_an_unknown_name_is_limited_like_a_known_one():
    statuses = [attempt("nobody-here").status_code for _ in range(6)]

    assert statuses == [200] * 5 + [429]


def test_an_address_block_is_limited_over_all_accounts():
    statuses = [
        attempt(f"name{number}", address=f"2001:db8:1:2::{number:x}").status_code
        for number in range(12)
    ]

    assert statuses == [200] * 10 + [429, 429]
    assert attempt("name1", address="2001:db8:1:3::1").status_code == 200


def test_an_account_is_limited_from_everywhere_together(monkeypatch):
    monkeypatch.setattr(attempts, "ACCOUNT", attempts.Limit("sign_in.account", 8, 3600))
    person("olga")
    statuses = [attempt("olga", address=f"198.51.100.{number}").status_code for number in range(9)]

    assert statuses == [200] * 8 + [429]
    assert attempt("olga", PASSWORD, address="203.0.113.1").status_code == 429
    assert attempt("peter", address="203.0.113.1").status_code == 200


def test_guesses_from_elsewhere_do_not_lock_a_person_out_of_their_own_browser(monkeypatch):
    monkeypatch.setattr(attempts, "ACCOUNT", attempts.Limit("sign_in.account", 8, 3600))
    person("olga")
    hers = Client()
    assert attempt("olga", PASSWORD, client=hers).status_code == 302
    hers.post("/account/logout/")
    for number in range(10):
        attempt("olga", address=f"198.51.100.{number}")

    assert attempt("olga", PASSWORD).status_code == 429
    assert attempt("olga@example.com", PASSWORD, client=hers).status_code == 302


def test_a_known_browser_has_a_limit_of_its_own_and_serves_for_one_account():
    person("olga")
    person("peter")
    hers = Client()
    attempt("olga", PASSWORD, client=hers)
    hers.post("/account/logout/")

    statuses = [attempt("olga", client=hers).status_code for _ in range(6)]
    others = [attempt("peter", client=hers).status_code for _ in range(6)]

    assert statuses == [200] * 5 + [429]
    assert others == [200] * 5 + [429]


def test_an_invented_mark_of_a_device_is_worth_nothing():
    olga = person("olga")
    forged = Client()
    forged.cookies["device"] = f"{olga.pk.hex}.abc:1abcde:{'x' * 43}"

    statuses = [attempt("olga", client=forged).status_code for _ in range(6)]

    assert statuses[-1] == 429


def test_asking_for_the_password_again_is_limited_too():
    client = Client()
    client.force_login(person("olga"))

    statuses = [
        client.post("/account/reauthenticate/", {"password": WRONG}).status_code for _ in range(6)
    ]

    assert statuses[0] == 200
    assert statuses[-1] == 429


def test_no_more_than_two_passwords_are_hashed_at_once(monkeypatch):
    monkeypatch.setattr(hashers, "WAIT_SECONDS", 60)
    running, most, lock = 0, 0, threading.Lock()
    both_are_in = threading.Barrier(2)
    real = hashers.Argon2PasswordHasher.encode

    def encode(self, password, salt):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if password.startswith("meet"):
            both_are_in.wait(10)
        try:
            return real(self, password, salt)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(hashers.Argon2PasswordHasher, "encode", encode)
    words = ["meet 1", "meet 2", *[f"word {number}" for number in range(8)]]
    threads = [
        threading.Thread(target=Argon2idHasher().encode, args=(word, "saltsaltsalt"))
        for word in words
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert most == 2


def test_who_waits_too_long_for_a_turn_is_told_when_to_come_back(monkeypatch):
    monkeypatch.setattr(hashers, "WAIT_SECONDS", 0.01)
    person("olga")
    for _ in range(hashers.AT_ONCE):
        assert hashers._gate.acquire(timeout=5)
    try:
        with pytest.raises(Throttled):
            Argon2idHasher().encode("word", "saltsaltsalt")
        answer = attempt("olga", PASSWORD)
    finally:
        for _ in range(hashers.AT_ONCE):
            hashers._gate.release()

    assert answer.status_code == 429
    assert answer["Retry-After"] == str(hashers.RETRY_AFTER_SECONDS)
    assert attempt("olga", PASSWORD).status_code == 302


def test_a_password_is_the_same_however_its_characters_are_composed(settings):
    composed, decomposed, wide = (
        "Zürich café 2031 x",
        "Zu\u0308rich cafe\u0301 2031 x",
        "Zürich café ２０３１ x",
    )
    olga = person("olga")
    olga.set_password(composed)
    olga.save()

    for typed in (composed, decomposed, wide):
        assert User.objects.get(username="olga").check_password(typed)
    assert not olga.check_password("zürich café 2031 x")


def test_bad_keys_of_others_never_refuse_a_good_key(settings, acme: Stage):
    settings.STEWARD_KEY_FAILURE_RATE = KEY_FAILURE_LIMIT
    client = Client(REMOTE_ADDR="192.0.2.9")
    wrong = {"Authorization": "Bearer " + "f" * 40}

    statuses = [client.get("/api/v1/me", headers=wrong).status_code for _ in range(25)]

    assert statuses == [401] * KEY_FAILURE_LIMIT + [429] * 5
    assert client.get("/api/v1/me", headers=acme.owner.headers).status_code == 200
    assert client.get("/api/v1/me", headers=wrong, REMOTE_ADDR="192.0.2.10").status_code == 401


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_limits_count_by_the_block_that_one_customer_has(address, block):
    assert block_of(address) == block


def test_behind_proxies_a_request_that_bypassed_them_is_nowhere_near(settings, mail):
    settings.STEWARD_TRUSTED_PROXIES = 2

    bypassed = Client().get(
        "/outbox", REMOTE_ADDR="127.0.0.1", headers={"X-Forwarded-For": "127.0.0.1"}
    )
    proxied = Client().get(
        "/outbox", REMOTE_ADDR="127.0.0.1", headers={"X-Forwarded-For": "127.0.0.1, 10.0.0.1"}
    )

    assert (bypassed.status_code, proxied.status_code) == (404, 200)
