"""What a request may be, and that nothing odd in it is ever a fault or a long wait.

Source: OWASP ASVS 5.0 §1.2, §2.2, §4.1, §4.2, §15.3; CWE-1333 (ReDoS).
"""

import itertools
import json
import re
import time
import unicodedata
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from identity.actions import api_keys
from kernel.api.body import MAX_DEPTH
from kernel.errors import Invalid
from kernel.limits import MAX_ADDRESS_BYTES, MAX_HEADER_BYTES, MAX_HEADERS
from orgs.actions import organizations, projects, roles, teams, users
from tests.hardening.routes import routes
from tests.wire.stage import SYSTEM, Stage
from tests.wire.table import TABLE
from tests.wire.test_permissions_table import ROUTES, url_of

pytestmark = pytest.mark.django_db

SECONDS_FOR_ONE_REQUEST = 2.0
TWISTED = "Ac\u202eme\u2066 \x00\x1b[31m\r\nBcc: x@y.z\u200b Ltd"
ODD = {
    "nul": "a\x00b",
    "line break": "a\r\nBcc: x@y.example",
    "bidi": "\u202egnp.exe\u2066",
    "surrogate": "\ud800",
    "combining": "e" + "\u0301" * 3000,
    "long": "a" * 20_000,
    "spaces": " " * 20_000 + "x",
    "nested words": "a@" * 8_000 + "!",
    "dots": "." * 10_000,
    "digits": "9" * 5_000,
    "markup": "<script>alert(1)</script>{{ 7*7 }}${7*7}'\";--",
    "expanding": "\ufdfa" * 2_000,
    "emoji": "👩‍👩‍👧‍👦" * 500,
    "path": "../../../../etc/passwd%00",
}


def ask(acme: Stage, body: Any, **given: Any) -> Any:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    options = {"content_type": "application/json", **given}
    headers = {**acme.owner.headers, **options.pop("headers", {})}
    data = text.encode() if isinstance(text, str) else text
    return Client().generic("POST", "/api/v1/organizations", data, headers=headers, **options)


def nested(depth: int) -> str:
    return '{"name": ' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"name": "A", "name": "B"}', "stands twice"),
        ('{"name": "A", "x": {"b": 1, "b": 1}}', "stands twice"),
        (nested(MAX_DEPTH + 1), "nested too deeply"),
        ("[" * 100_000, "nested too deeply"),
        ('{"name": NaN}', "not a JSON number"),
        ('{"name": 1e999}', "too large for a number"),
        ('{"name": ' + "9" * 10_000 + "}", "not JSON"),
        ("\ufeff{}", "not JSON"),
        ('{"name": "A"}'.encode("utf-16"), "not JSON"),
        (b'{"name": "\xff"}', "not JSON"),
    ],
)
def test_a_body_that_two_readers_could_read_differently_is_refused(
    acme: Stage, body: Any, words: str
) -> None:
    answer = ask(acme, body)

    assert answer.status_code == 400
    assert words in answer.json()["detail"]


def test_a_body_may_be_nested_as_deep_as_the_limit(acme: Stage) -> None:
    assert "nested" not in ask(acme, nested(MAX_DEPTH)).json()["detail"]


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
             "application/xml", "application/jsonp", "text/json"],
)  # fmt: skip
def test_other_kinds_of_bodies_are_refused(acme: Stage, kind: str) -> None:
    assert ask(acme, '{"name": "A"}', content_type=kind).status_code == 415


@pytest.mark.parametrize("charset", ["utf-16", "utf-7", "no-such-charset", "\u00e4", ""])
def test_no_charset_changes_how_a_body_is_read(acme: Stage, charset: str) -> None:
    kind = f"application/json; charset={charset}"
    name = {"name": f"Charset {len(charset)}{charset[-1:].encode().hex()}"}

    body = json.dumps(name).encode()
    assert ask(acme, body, content_type=kind).status_code == 201
    form = Client().generic(
        "POST",
        "/account/login/",
        b"login=olga&password=x",
        content_type=f"application/x-www-form-urlencoded; charset={charset}",
    )
    assert form.status_code in {200, 400}


def test_a_request_is_held_to_the_documented_sizes(acme: Stage) -> None:
    client = Client()
    at_most = {f"X-{number}": "v" for number in range(MAX_HEADERS - 5)}

    assert client.get("/healthz?" + "x" * (MAX_ADDRESS_BYTES - 10)).status_code == 200
    assert client.get("/healthz?" + "x" * MAX_ADDRESS_BYTES).status_code == 414
    assert client.get("/healthz", headers=at_most).status_code == 200
    too_many = {f"X-{number}": "v" for number in range(MAX_HEADERS + 1)}
    assert client.get("/healthz", headers=too_many).status_code == 431
    assert client.get("/healthz", headers={"X-Big": "v" * MAX_HEADER_BYTES}).status_code == 431
    problem = client.get("/api/v1/me?" + "x" * MAX_ADDRESS_BYTES).json()
    assert (problem["status"], problem["code"]) == (414, "address_too_long")
    large = ask(acme, " " * 1_000_001)
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    assert ask(acme, " " * 999_000 + '{"name": "Fits"}').status_code == 201


def test_forms_are_held_to_a_number_of_fields_and_no_files() -> None:
    many = "&".join(f"a{number}=1" for number in range(2_001))
    kind = "application/x-www-form-urlencoded"

    assert Client().post("/account/login/", many, content_type=kind).status_code == 400
    from django.core.files.uploadedfile import SimpleUploadedFile

    upload = {"login": "x", "file": SimpleUploadedFile("x.txt", b"x")}
    assert Client().post("/account/login/", upload).status_code == 400


def test_a_method_is_what_it_is(acme: Stage) -> None:
    path = f"/api/v1/organizations/{acme.organization.slug}"
    override = {**acme.owner.headers, "X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "DELETE"}

    answer = Client().get(f"{path}?_method=DELETE", headers=override)
    plain = Client().get(path, headers=override)

    assert answer.status_code == 400
    assert plain.status_code == 200
    acme.organization.refresh_from_db()
    assert acme.organization.deletion_requested_at is None


def test_a_parameter_given_twice_is_refused_not_chosen_from(acme: Stage) -> None:
    path = f"/api/v1/organizations/{acme.organization.slug}/members"

    answer = Client().get(f"{path}?limit=1&limit=100", headers=acme.owner.headers)

    assert answer.status_code == 400
    assert "more than once" in answer.json()["detail"]


def test_names_hold_no_control_or_direction_changing_characters(acme: Stage) -> None:
    here = {"actor": acme.owner.principal, "organization": acme.organization}
    named = [
        organizations.create(actor=acme.owner.principal, name=TWISTED, owner=acme.owner.user).name,
        roles.create(name=TWISTED, scope="organization", inherits="member", **here).name,
        api_keys.create(owner=acme.owner.user, name=TWISTED, **here).key.name,
        users.update_profile(
            actor=acme.owner.principal, user=acme.owner.user, display_name=TWISTED
        ).display_name,
    ]

    for name in named:
        assert name.isprintable()
        assert "Acme" in name
        assert "\u202e" not in name
    for take in (
        lambda: teams.create(name=TWISTED, **here),
        lambda: projects.create(team=acme.team, name=TWISTED, **here),
        lambda: users.create(actor=SYSTEM, username=TWISTED, email="x@example.com"),
    ):
        with pytest.raises(Invalid):
            take()


def test_a_name_is_kept_in_one_form(acme: Stage) -> None:
    decomposed = unicodedata.normalize("NFD", "Zürich Café")

    made = organizations.create(actor=acme.owner.principal, name=decomposed, owner=acme.owner.user)

    assert made.name == "Zürich Café"


def _timed(send: Any, told: list[str], what: str) -> None:
    started = time.thread_time()
    answer = send()
    took = time.thread_time() - started
    if answer.status_code >= 500 or took > SECONDS_FOR_ONE_REQUEST:
        told.append(f"{what}: {answer.status_code} in {took:.1f} s")


def test_no_odd_value_in_any_body_is_a_fault_or_a_long_wait(acme: Stage) -> None:
    told: list[str] = []
    client = Client(raise_request_exception=False)
    sent, turns = 0, itertools.cycle(ODD)
    for line in (line for line in TABLE if line.body):
        assert line.body is not None
        url = url_of(line, acme.ids)
        for member, value in line.body.items():
            if isinstance(value, dict):
                continue
            for name in itertools.islice(turns, 4):
                odd = ODD[name]
                body = {**line.body, member: [odd] if isinstance(value, list) else odd}
                text = json.dumps(body)
                sent += 1
                _timed(
                    lambda url=url, text=text, line=line: client.generic(
                        line.method,
                        url,
                        text,
                        content_type="application/json",
                        headers=acme.owner.headers,
                    ),
                    told,
                    f"{line} {member} {name}",
                )
    assert told == []
    assert sent > 150


def test_no_odd_value_in_any_address_or_query_is_a_fault_or_a_long_wait(
    acme: Stage, values: dict[str, str]
) -> None:
    told: list[str] = []
    browser = Client(raise_request_exception=False)
    browser.force_login(acme.owner.user)
    odd = [text[:1_500] for name, text in ODD.items() if name not in {"surrogate", "path"}]
    for number, route in enumerate(routes()):
        headers = acme.owner.headers if route.template.startswith("api/v1") else {}
        for part in (*route.parts, "q"):
            # Not every value at every place: the values take turns over the places.
            text = odd[(number + len(part)) % len(odd)]
            path = route.path({**values, part: text}) if part in route.parts else route.path(values)
            query = {} if part in route.parts else dict.fromkeys(QUERY, text)
            _timed(
                lambda path=path, query=query, headers=headers: browser.get(
                    path, query, headers=headers
                ),
                told,
                f"{route} {part} {text[:12]!r}",
            )
    told = [line for line in told if not re.match(r"readyz \w+ .*: 503 ", line)]
    assert told == []


QUERY = (
    "q",
    "cursor",
    "role",
    "seat",
    "team",
    "actor",
    "target",
    "kind",
    "days",
    "sort",
    "next",
    "to",
)


def test_no_odd_value_in_the_forms_of_sign_in_is_a_fault_or_a_long_wait() -> None:
    told: list[str] = []
    client = Client(raise_request_exception=False)
    names = ("login", "password", "email", "username", "password1", "next")
    for path in ("/account/login/", "/account/signup/", "/account/password/reset/"):
        for name, odd in ODD.items():
            text = odd.encode("utf-8", "replace").decode()
            form = dict.fromkeys(names, text)
            _timed(lambda path=path, form=form: client.post(path, form), told, f"{path} {name}")
    assert told == []


def test_every_line_of_the_table_was_a_route() -> None:
    assert {line.route for line in TABLE} <= set(ROUTES)
    assert reverse("account_login") == "/account/login/"
