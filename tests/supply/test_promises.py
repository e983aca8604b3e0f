"""Promises of docs/security.md that no other test shows."""

import base64
import io
import json
import logging
import logging.config
import math
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator

import pytest
import structlog
import time_machine
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings as django_settings
from django.contrib.auth import authenticate
from django.db import connection
from django.test import Client, override_settings

from identity import key_format
from identity.accounts.hashers import Argon2idHasher
from identity.accounts.session import SessionStore
from identity.actions import accounts
from kernel.crypto.keyring import KeyRing
from kernel.logs import logging_config
from orgs.models import User
from tests.supply.conftest import ROOT
from tests.wire.conftest import acme, forget_limits, stages
from tests.wire.stage import SYSTEM, Stage

__all__ = ["acme", "forget_limits", "stages"]

PASSWORD = "walrus-lantern-42-violet"
LOGIN = "/account/login/"


def person(name: str) -> User:
    """Return somebody with a proved address and a password."""
    user = accounts.sign_up(
        actor=SYSTEM, username=name, email=f"{name}@example.com", password=PASSWORD
    )
    accounts.vouch_for_address(actor=SYSTEM, user=user, email=user.email)
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def lines() -> Iterator[Callable[[], list[str]]]:
    """What the service's logging writes, line by line."""
    written = io.StringIO()
    before, structured = logging.root.handlers[:], structlog.get_config()
    wanted = logging_config(json=True)
    wanted["handlers"]["console"]["stream"] = written
    logging.config.dictConfig(wanted)
    yield lambda: written.getvalue().splitlines()
    structlog.contextvars.clear_contextvars()
    structlog.configure(**structured)
    logging.config.dictConfig(django_settings.LOGGING)
    logging.root.handlers[:] = before


# --- what browsers are told -----------------------------------------------------------------


@pytest.mark.django_db
def test_no_other_origin_is_let_in(acme: Stage) -> None:
    api = f"/api/v1/organizations/{acme.organization.slug}"
    for method in ("get", "options", "post"):
        for path in ("/", LOGIN, "/healthz", "/api/schema", api):
            answer = getattr(Client(), method)(
                path,
                headers={
                    "Origin": "https://evil.example",
                    "Access-Control-Request-Method": "DELETE",
                    "Access-Control-Request-Headers": "authorization",
                    **(acme.owner.headers if path == api else {}),
                },
            )
            told = {name.lower() for name in answer.headers}
            assert not {name for name in told if name.startswith("access-control-")}, path


@pytest.mark.django_db
def test_every_kind_of_answer_names_its_type(acme: Stage) -> None:
    slug, owner = acme.organization.slug, signed_in(acme.owner.user)
    api = f"/api/v1/organizations/{slug}"
    kinds = {
        LOGIN: "text/html; charset=utf-8",
        "/nowhere": "text/html; charset=utf-8",
        "/static/js/copy.js": 'text/javascript; charset="utf-8"',
        "/static/css/base.css": 'text/css; charset="utf-8"',
        api: "application/json",
        f"{api}/nowhere": "application/problem+json",
        "/.well-known/security.txt": "text/plain; charset=utf-8",
        f"/o/{slug}/audit/export.csv": "text/csv; charset=utf-8",
    }
    with override_settings(STEWARD_SECURITY_CONTACT="security@steward.example"):
        for path, kind in kinds.items():
            headers = acme.owner.headers if path.startswith("/api") else {}
            assert owner.get(path, headers=headers)["Content-Type"] == kind, path


@pytest.mark.django_db
def test_the_name_of_a_download_is_made_of_letters_of_the_address(acme: Stage) -> None:
    answer = signed_in(acme.owner.user).get(f"/o/{acme.organization.slug}/audit/export.csv")
    assert re.fullmatch(r'attachment; filename="[a-z0-9.-]+\.csv"', answer["Content-Disposition"])


@pytest.mark.django_db
def test_a_program_that_speaks_plain_http_is_refused_and_not_led_on(acme: Stage) -> None:
    path = f"/api/v1/organizations/{acme.organization.slug}"
    with override_settings(SECURE_SSL_REDIRECT=True):
        clear = Client().get(path, headers=acme.owner.headers)
        assert clear.status_code == 403
        assert clear.json()["code"] == "https_required"
        assert "Location" not in clear
        assert Client().get(path, headers=acme.owner.headers, secure=True).status_code == 200
        assert Client().get(LOGIN).status_code == 301


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", LOGIN, "/healthz", "/api/v1/me", "/api/schema", "/outbox"])
def test_trace_is_refused(path: str) -> None:
    for client in (Client(), signed_in(person("olga"))):
        answer = client.trace(path, headers={"X-Canary": "walrus"})
        assert answer.status_code in {302, 401, 404, 405}
        assert b"walrus" not in answer.content


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/.git/config", "/.env", "/var/secrets.json", "/manage.py", "/config/settings/base.py",
        "/static/", "/static/js/", "/static/../manage.py", "/static/%2e%2e/manage.py",
        "/static/..%2fmanage.py", "/static//etc/passwd", "/requirements.txt", "/backup.zip",
    ],
)  # fmt: skip
def test_no_file_beside_the_static_ones_is_served(path: str) -> None:
    assert Client().get(path).status_code == 404


# --- people, passwords, sessions ------------------------------------------------------------


@pytest.mark.django_db
def test_a_new_password_needs_the_old_one() -> None:
    user = person("olga")
    client, new = signed_in(user), "another-lantern-43-walrus"
    for old in ({}, {"oldpassword": ""}, {"oldpassword": "not-the-old-password"}):
        answer = client.post(
            "/account/password/change/", {**old, "password1": new, "password2": new}
        )
        assert answer.status_code == 200
        user.refresh_from_db()
        assert user.check_password(PASSWORD)


@pytest.mark.django_db
def test_password_fields_hide_what_is_typed_and_let_managers_fill_them() -> None:
    found = 0
    for client, path in (
        (Client(), LOGIN),
        (Client(), "/account/signup/"),
        (signed_in(person("olga")), "/account/password/change/"),
        (signed_in(person("pavel")), "/account/reauthenticate/"),
    ):
        page = client.get(path).content.decode()
        for field in re.findall(r"<input[^>]*name=\"[^\"]*password[^\"]*\"[^>]*>", page):
            found += 1
            assert 'type="password"' in field, (path, field)
            assert re.search(r'autocomplete="(current|new)-password"', field), (path, field)
            assert "maxlength" not in field or int(re.search(r'maxlength="(\d+)"', field)[1]) >= 64
            assert "onpaste" not in field
    assert found >= 4


@pytest.mark.django_db
def test_a_password_of_years_ago_still_signs_in() -> None:
    person("olga")
    with time_machine.travel("2040-01-01"):
        assert authenticate(None, username="olga", password=PASSWORD) is not None


@pytest.mark.django_db
def test_a_session_is_named_by_more_than_128_random_bits() -> None:
    names = set()
    for _ in range(20):
        session = SessionStore()
        session.create()
        names.add(session.session_key)
    assert len(names) == 20
    assert all(re.fullmatch(r"[a-z0-9]{32}", name) for name in names)
    assert math.log2(36**32) > 128
    letters = set("".join(names))
    assert len(letters) > 30


@pytest.mark.django_db
def test_every_page_of_somebody_signed_in_lets_them_sign_out(acme: Stage) -> None:
    client, slug = signed_in(acme.owner.user), acme.organization.slug
    for path in (
        f"/o/{slug}/", f"/o/{slug}/members", f"/o/{slug}/teams", f"/o/{slug}/audit",
        f"/o/{slug}/settings", f"/o/{slug}/keys", "/account/", "/account/sessions/",
        "/account/email/", "/organizations",
    ):  # fmt: skip
        page = client.get(path)
        assert page.status_code == 200, path
        assert "/account/logout/" in page.content.decode(), path


def test_passwords_are_hashed_by_argon2id_at_least_as_hard_as_advised() -> None:
    encoded = Argon2idHasher().encode(PASSWORD, "a" * 22)
    found = re.fullmatch(r"argon2\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$.+", encoded)
    assert found, encoded
    memory, turns, lanes = map(int, found.groups())
    assert memory >= 19_456
    assert turns >= 2
    assert lanes >= 1
    base = (ROOT / "config/settings/base.py").read_text()
    assert 'PASSWORD_HASHERS = ["identity.accounts.hashers.Argon2idHasher"]' in base
    assert "PASSWORD_HASHERS" not in (ROOT / "config/settings/production.py").read_text()


# --- secrets and cryptography ---------------------------------------------------------------


def test_what_is_sealed_is_sealed_by_aes_256_gcm() -> None:
    key = secrets.token_bytes(32)
    ring = KeyRing([base64.b64encode(key).decode()])
    body = ring.encrypt(b"the text", aad=b"row").split(".")[2]
    raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    assert AESGCM(key).decrypt(raw[:12], raw[12:], b"row") == b"the text"
    nonces = {ring.encrypt(b"", aad=b"").split(".")[2][:16] for _ in range(500)}
    assert len(nonces) == 500


def test_what_must_not_be_guessed_has_at_least_128_random_bits() -> None:
    made = {key_format.make().text.split("_")[2][:43] for _ in range(200)}
    assert len(made) == 200
    assert 43 * math.log2(62) > 256
    assert {len(key_format.make(legacy=True).text) for _ in range(20)} == {40}  # 160 bits


def test_no_secret_of_an_installation_is_in_the_repository() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    paths = [ROOT / name for name in listed if name] or [
        path for path in ROOT.rglob("*.py") if ".venv" not in path.parts
    ]
    names = {path.name for path in paths}
    assert not names & {"secrets.json", ".env", "id_rsa", "db.sqlite3"}
    block = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=\n]{64}")
    key = re.compile(r"stw_[0-9A-Za-z]{10}_[0-9A-Za-z]{49}")
    for path in paths:
        if path.suffix not in {".py", ".md", ".toml", ".yml", ".txt", ".sh", ".html", ".json"}:
            continue
        if not path.is_file() or "tests" in path.parts or path.name.startswith("requirements"):
            continue
        text = path.read_text(errors="replace")
        assert not block.search(text), path
        for found in key.findall(text):
            assert not key_format.is_well_formed(found) or "docs" in path.parts, path


# --- logs -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_sign_ins_leave_a_trace_whether_they_succeed_or_not(
    lines: Callable[[], list[str]],
) -> None:
    from kernel.events.models import INSTANCE_CHAIN, Event

    person("olga")
    Client().post(LOGIN, {"login": "olga", "password": "a-wrong-password-1"})
    refused = [json.loads(line) for line in lines() if "sign_in_refused" in line]
    assert len(refused) == 1
    assert refused[0]["ip"] == "127.0.0.1"
    assert refused[0]["request_id"]
    assert "a-wrong-password-1" not in json.dumps(refused)

    Client().post(LOGIN, {"login": "olga", "password": PASSWORD})
    newest = Event.objects.of(INSTANCE_CHAIN).order_by("-sequence").first()
    assert newest is not None
    assert newest.type == "identity.session.started"
    assert newest.ip == "127.0.0.1"


@pytest.mark.django_db
def test_a_refusal_leaves_a_line_with_who_and_what(
    acme: Stage, lines: Callable[[], list[str]]
) -> None:
    viewer = acme.people["organization:viewer"]
    path = f"/api/v1/organizations/{acme.organization.slug}/teams"
    answer = Client().post(path, "{}", content_type="application/json", headers=viewer.headers)
    assert answer.status_code in {403, 422}
    (line,) = [entry for entry in map(json.loads, lines()) if entry["event"] == "request"]
    assert line["status"] == answer.status_code
    assert line["principal"].endswith(str(viewer.user.pk)) or line["principal"]
    assert line["credential"]
    assert line["path"] == path


def test_no_value_adds_a_line_to_the_log(lines: Callable[[], list[str]]) -> None:
    forged = 'x\r\n{"event": "forged"}\u2028{"event": "forged"}'
    Client().get("/healthz/" + "%0d%0aforged", headers={"User-Agent": forged})
    structlog.stdlib.get_logger("t").warning("probe", value=forged)
    logging.getLogger("t").warning("probe %s", forged)
    events = [json.loads(line)["event"] for line in lines()]
    assert "forged" not in events
    assert len(events) == 3


# --- the database's role --------------------------------------------------------------------


@pytest.mark.postgresql
@pytest.mark.django_db
def test_the_service_s_role_owns_nothing_and_passes_no_wall() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles "
            "WHERE rolname = current_user"
        )
        assert cursor.fetchone() == (False, False, False, False)
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = current_user"
        )
        assert cursor.fetchone() == (0,)
        for right in ("UPDATE", "DELETE", "TRUNCATE"):
            cursor.execute("SELECT has_table_privilege('kernel_event', %s)", [right])
            assert cursor.fetchone() == (False,), right
