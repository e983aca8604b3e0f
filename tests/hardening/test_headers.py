"""Every page, answer and error carries the whole set of headers, under production's settings.

Source: OWASP ASVS 5.0 §3.3, §3.4, §3.6.1, §14.3.2; RFC 6265bis, RFC 9116.
"""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver

from identity.actions import accounts
from kernel.headers import FEATURES
from orgs.models import User
from tests.hardening.routes import routes
from tests.wire.stage import SYSTEM, Stage

pytestmark = pytest.mark.django_db

HOST = "steward.example"
ALL = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains; preload",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
}
DIRECTIVES = ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'")
CACHING = {"no-store", "private, no-cache"}


def browser(person: Any = None) -> Client:
    client = Client(headers={"Host": HOST})
    if person is not None:
        client.force_login(person)
    return client


def wrongs(answer: HttpResponse, path: str) -> list[str]:
    """Return what is wrong with an answer's headers."""
    found = [
        f"{name}: {answer.headers.get(name)!r}"
        for name, value in ALL.items()
        if answer.headers.get(name) != value
    ]
    referrer = answer.headers.get("Referrer-Policy")
    followed = path.startswith("/join/aaa")
    if referrer != ("no-referrer" if followed else "same-origin"):
        found.append(f"Referrer-Policy: {referrer!r}")
    policy = answer.headers.get("Content-Security-Policy", "")
    docs = path == "/api/docs"
    if not policy.startswith("default-src 'none'; script-src 'self'; "):
        found.append(f"Content-Security-Policy: {policy!r}")
    if "unsafe" in policy and not docs:
        found.append(f"unsafe: {policy!r}")
    found += [f"without {directive}" for directive in DIRECTIVES if directive not in policy]
    switched_off = answer.headers.get("Permissions-Policy", "")
    if any(f"{feature}=()" not in switched_off for feature in FEATURES):
        found.append(f"Permissions-Policy: {switched_off!r}")
    caching = answer.headers.get("Cache-Control", "")
    if caching not in CACHING and "no-store" not in caching:
        found.append(f"Cache-Control: {caching!r}")
    if caching == "private, no-cache" and not path.startswith("/api/"):
        found.append("a page may be kept on a disk")
    for name in answer.cookies:
        found += _cookie_wrongs(name, answer.cookies[name])
    return found


def _cookie_wrongs(name: str, cookie: Any) -> list[str]:
    right = (
        name.startswith("__Host-")
        and cookie["secure"]
        and (cookie["httponly"] or not cookie.value)
        and cookie["samesite"] == "Lax"
        and cookie["path"] == "/"
        and not cookie["domain"]
    )
    return [] if right else [f"cookie {cookie.OutputString()}"]


def test_every_address_answers_everybody_with_all_headers(
    production: Any, acme: Stage, rival: Stage, values: dict[str, str]
) -> None:
    told, seen, pages = [], 0, 0
    for who, person in (("owner", acme.owner), ("foreigner", rival.owner), ("nobody", None)):
        client = browser(person.user if person else None)
        for route in routes():
            path = route.path(values)
            if who == "foreigner" and "organization" not in route.parts:
                continue
            headers = person.headers if person and path.startswith("/api/v1") else {}
            answer = client.get(path, secure=True, headers=headers)
            seen += 1
            pages += answer.status_code == 200 and answer["Content-Type"].startswith("text/html")
            assert answer.status_code != 500, (path, who)
            told += [
                f"{who} {answer.status_code} {path}: {wrong}" for wrong in wrongs(answer, path)
            ]
    assert not told, "\n".join(told[:40])
    assert seen > 400
    assert pages > 60, "the crawl must meet real pages, not only errors"


def _raise(error: Exception) -> Callable[..., Any]:
    def view(*_args: Any, **_kwargs: Any) -> Any:
        raise error

    return view


FAILURES: dict[str, tuple[int, Callable[[Client, Any, Stage], HttpResponse]]] = {}


def failure(status: int) -> Any:
    def note(function: Any) -> Any:
        FAILURES[function.__name__] = (status, function)
        return function

    return note


@failure(400)
def an_unknown_host(client: Client, monkeypatch: Any, acme: Stage) -> HttpResponse:
    return client.get("/", secure=True, headers={"Host": "evil.example"})


@failure(400)
def broken_json(client: Client, monkeypatch: Any, acme: Stage) -> HttpResponse:
    return client.post(
        "/api/v1/organizations",
        "{",
        content_type="application/json",
        headers=acme.owner.headers,
        secure=True,
    )


@failure(401)
def no_key(client: Client, monkeypatch: Any, acme: Stage) -> HttpResponse:
    return client.get("/api/v1/me", secure=True)


@failure(403)
def a_lacking_permission(client: Client, monkeypatch: Any, acme: Stage) -> HttpResponse:
    client.force_login(acme.people["organization:viewer"].user)
    return client.get(f"/o/{acme.organization.slug}/audit", secure=True)


@failure(403)
def a_missing_form_token(client: Client, monkeypatch: Any, acme: Stage) -> HttpResponse:
    strict = Client(enforce_csrf_checks=True, headers={"Host": HOST})
    return strict.post("/account/login/", {"login": "x"}, secure=True)


@failure(404)
def an_absent_page(client: Client, monkeypatch: Any, acme: Stage) -> HttpResponse:
    return client.get("/nothing/here", secure=True)


@failure(405)
def a_method_of_no_page(client: Client, monkeypatch: Any, acme: Stage) -> HttpResponse:
    client.force_login(acme.owner.user)
    return client.put("/account/sessions/end-others", secure=True)


@failure(413)
def a_body_too_large(client: Client, monkeypatch: Any, acme: Stage) -> HttpResponse:
    return client.post(
        "/api/v1/organizations",
        b" " * 1_100_000,
        content_type="application/json",
        headers=acme.owner.headers,
        secure=True,
    )


@failure(413)
def a_form_too_large(client: Client, monkeypatch: Any, acme: Stage) -> HttpResponse:
    return client.post("/account/login/", {"login": "x" * 1_100_000}, secure=True)


@failure(414)
def an_address_too_long(client: Client, monkeypatch: Any, acme: Stage) -> HttpResponse:
    return client.get("/?" + "x" * 9000, secure=True)


@failure(429)
def too_many_requests(client: Client, monkeypatch: Any, acme: Stage) -> HttpResponse:
    from django.conf import settings

    monkeypatch.setattr(settings, "STEWARD_ANONYMOUS_RATE", 1)
    client.get("/api/v1/me", secure=True)
    return client.get("/api/v1/me", secure=True)


@failure(500)
def a_bug_of_ours(client: Client, monkeypatch: Any, acme: Stage) -> HttpResponse:
    client.raise_request_exception = False
    client.force_login(acme.owner.user)
    monkeypatch.setattr("orgs.console.overview.Overview.get", _raise(ValueError("a bug")))
    return client.get(f"/o/{acme.organization.slug}/", secure=True)


@failure(503)
def a_database_that_is_away(client: Client, monkeypatch: Any, acme: Stage) -> HttpResponse:
    monkeypatch.setattr("identity.api.me.MeView.get", _raise(OperationalError("gone")))
    return client.get("/api/v1/me", headers=acme.owner.headers, secure=True)


@pytest.mark.parametrize("name", FAILURES)
def test_every_error_carries_all_headers(
    production: Any, monkeypatch: pytest.MonkeyPatch, acme: Stage, name: str
) -> None:
    status, provoke = FAILURES[name]

    answer = provoke(browser(), monkeypatch, acme)

    assert answer.status_code == status
    assert wrongs(answer, "") == []


def test_plain_http_is_led_to_https_with_all_headers(production: Any) -> None:
    answer = browser().get("/account/login/")

    assert answer["Location"] == f"https://{HOST}/account/login/"
    assert [wrong for wrong in wrongs(answer, "") if "Strict-Transport" not in wrong] == []


def test_signing_in_sets_only_host_cookies_and_changes_the_session(
    production: Any, acme: Stage
) -> None:
    user = User.objects.get(pk=acme.owner.user.pk)
    accounts.vouch_for_address(actor=SYSTEM, user=user, email=user.email)
    accounts.set_password(actor=SYSTEM, user=user, password="walrus-lantern-42-violet")
    client = browser()
    client.get("/account/login/", secure=True)
    before = client.cookies.get("__Host-session")

    answer = client.post(
        "/account/login/",
        {"login": user.username, "password": "walrus-lantern-42-violet"},
        secure=True,
    )

    assert answer.status_code == 302
    assert wrongs(answer, "/account/login/") == []
    assert "__Host-session" in answer.cookies
    assert before is None or before.value != answer.cookies["__Host-session"].value
    assert {"__Host-session", "__Host-csrf", "__Host-device"} <= set(client.cookies)
    assert {name for name in client.cookies if not name.startswith("__Host-")} == set()
    for name, cookie in client.cookies.items():
        told = (cookie["secure"], cookie["httponly"], cookie["path"], cookie["domain"])
        assert told == (True, True, "/", ""), name


def test_signing_out_makes_the_browser_forget_what_it_kept(production: Any, acme: Stage) -> None:
    client = browser(acme.owner.user)

    kept = client.get("/account/", secure=True)
    answer = client.post("/account/logout/", secure=True)

    assert kept.status_code == 200
    assert "Clear-Site-Data" not in kept.headers
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert not answer.cookies["__Host-session"].value
    assert wrongs(answer, "/account/logout/") == []


def test_the_contact_for_vulnerabilities_is_told_and_does_not_expire(
    production: Any, settings: Any
) -> None:
    for day in ("2026-11-26", "2031-02-03"):
        with time_machine.travel(f"{day}T10:00:00Z", tick=False):
            text = browser().get("/.well-known/security.txt", secure=True).content.decode()
        assert "Contact: mailto:security@steward.example\n" in text
        found = re.search(r"^Expires: (\S+)Z$", text, re.MULTILINE)
        assert found
        left = dt.datetime.fromisoformat(found[1]) - dt.datetime.fromisoformat(day)
        assert dt.timedelta(days=90) < left < dt.timedelta(days=366)
        assert f"Canonical: https://{HOST}/.well-known/security.txt" in text
    settings.STEWARD_SECURITY_CONTACT = ""
    assert browser().get("/.well-known/security.txt", secure=True).status_code == 404


def test_password_managers_find_the_page_where_the_password_is_changed(production: Any) -> None:
    answer = browser().get("/.well-known/change-password", secure=True)

    assert answer["Location"] == "/account/password/change/"


def test_htmx_may_neither_evaluate_nor_set_styles_nor_keep_pages(production: Any) -> None:
    page = browser().get("/account/login/", secure=True).content.decode()

    for switch in ('"allowEval":false', '"includeIndicatorStyles":false', '"historyCacheSize":0'):
        assert switch in page
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)


def test_every_view_is_reached_by_the_crawl() -> None:
    def count(patterns: Any) -> int:
        return sum(
            count(entry.url_patterns) if hasattr(entry, "url_patterns") else 1 for entry in patterns
        )

    assert len(routes()) == count(get_resolver().url_patterns)
