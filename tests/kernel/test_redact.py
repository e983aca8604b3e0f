"""Canaries: a secret in any known place or shape never passes."""

import datetime as dt
import decimal
import time
import uuid

import pytest
from django.db import models

from kernel.redact import REDACTED, mask, names_a_secret, redact

CANARY = "C4n4ryC4n4ryC4n4ry"


@pytest.mark.parametrize(
    "name",
    ["password", "Password", "new_password1", "api_key", "apiKey", "X-API-Key", "Authorization",
     "HTTP_AUTHORIZATION", "client_secret", "clientSecret", "refresh_token", "sessionid",
     "Set-Cookie", "totp_secret", "recovery_codes", "private key", "id_token", "smtp_password",
     "HTTP_COOKIE", "SECRET_KEY", "card"],
)  # fmt: skip
def test_members_that_name_a_secret_are_hidden_at_any_depth(name):
    assert names_a_secret(name)
    assert CANARY not in repr(redact({name: CANARY}))
    assert CANARY not in repr(redact({"a": [{"b": ({name: [CANARY]},)}]}))


@pytest.mark.parametrize(
    "name", ["user", "key_id", "role", "status_code", "organization", "tokenizer", "keyboard"]
)
def test_other_members_pass(name):
    assert redact({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("stw_ABCDEFGHIJ_" + "x" * 49, "stw_ABCDEFGHIJ"),
        ("Authorization: Bearer abcdef.ghijkl", "Bearer"),
        ("Basic dXNlcjpwYXNzd29yZA==", "Basic"),
        ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", ""),
        ("postgresql://steward:hunter2@db/steward", "@db/steward"),
        ("https://x/cb?code=abc123&state=xyz", "https://x/cb?code="),
        ("https://x/#access_token=abc123", "#access_token="),
        ("token: " + "0123456789abcdef" * 2 + "01234567", "token: "),
        ("sk_live_abcdefghijklmnop", "sk_live_"),
        ("whsec_abcdefghijklmnop", "whsec_"),
        ("MQ:1uHbXx:" + "s" * 43, ""),
        ("reset at c5abcd-" + "0123456789abcdef" * 2, "reset at "),
        ("join/" + "A1b2C3d4E5f" * 3 + "A1b2C3d4E5", "join/"),
        ("/join/" + "A1b2C3d4E5f" * 3 + "A1b2C3d4E5x", "/join/"),
        ("/account/password/reset/key/1-set-passwordx", "/reset/key/"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", ""),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", ""),
    ],
)
def test_shapes_of_secrets_are_masked_and_what_is_public_stays(text, kept):
    masked = mask(f"before {text} after")
    assert masked.startswith("before ")
    assert REDACTED in masked
    assert kept in masked
    for piece in ("hunter2", "abc123", "x" * 40, "MIIE", "c2lnbmF0", "dXNlcjp", "s" * 43):
        assert piece not in masked


@pytest.mark.parametrize(
    "text",
    ["org_" + "0" * 32, "a git commit 0123456789abcdef0123456789abcdef01234567", "2026-01-01",
     str(uuid.UUID(int=5)), "the token was revoked", "https://example.com/path?limit=5"],
)  # fmt: skip
def test_what_is_no_secret_is_not_touched(text):
    assert mask(text) == text


def test_plain_values_pass_as_they_are():
    values = [1, 2.5, True, None, decimal.Decimal("1.5"), dt.date(2026, 1, 1), uuid.UUID(int=1)]
    assert redact(values) == values


def test_collections_become_lists_and_objects_text():
    class Thing:
        def __str__(self):
            return "Bearer abcdefgh"

    class Kind(models.TextChoices):
        A = "a"

    assert redact({"t": (1, {2}), "o": Thing(), "k": Kind.A, "b": b"abc"}) == {
        "t": [1, [2]],
        "o": f"Bearer {REDACTED}",
        "k": "a",
        "b": "<3 bytes>",
    }


def test_absence_and_yes_or_no_are_no_secret():
    assert redact({"password": None, "token": "", "secret": True}) == {
        "password": None,
        "token": "",
        "secret": True,
    }


def test_depth_is_bounded():
    deep = {"a": CANARY}
    for _ in range(20):
        deep = {"a": deep}
    assert "[too deep]" in repr(redact(deep))
    assert CANARY not in repr(redact(deep))


@pytest.mark.parametrize(
    "piece",
    ["-----BEGIN ", "://a:", "eyJaaaaa.", "Bearer ", "token:", "aaaaaa-", "stw_", "a:bbbbbb:",
     "&code="],
)  # fmt: skip
def test_no_text_makes_masking_slow(piece):
    text = piece * (100_000 // len(piece))
    started = time.monotonic()
    mask(text)
    assert time.monotonic() - started < 2
