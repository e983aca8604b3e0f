"""A real browser on every page of an organization: no violation of the policy, no warning."""

import re
import socket
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.e2e.conftest import (
    Steward,
    browser,
    browser_context_args,
    browser_type_launch_args,
    playwright,
    steward,
)

__all__ = [
    "browser",
    "browser_context_args",
    "browser_type_launch_args",
    "playwright",
    "steward",
]

pytestmark = pytest.mark.e2e

PASSWORD = "walrus-lantern-42-violet"
ANONYMOUS = (
    "/account/login/", "/account/signup/", "/account/password/reset/", "/docs/errors",
    "/docs/errors/not_found", "/nothing/here", "/join", "/outbox",
)  # fmt: skip
PERSONAL = (
    "/", "/account/", "/account/email/", "/account/sessions/", "/account/keys",
    "/account/keys/new", "/account/password/change/", "/organizations/new", "/account/logout/",
)  # fmt: skip
ORGANIZATION = (
    "", "members", "members/invite", "members/invitations", "members/requests",
    "members/deactivated", "members/seats", "requests/new", "teams", "teams/new", "teams/core",
    "teams/core/settings", "projects", "roles", "roles/new", "grants", "grants/new", "keys",
    "service-accounts", "service-accounts/new", "audit", "settings", "settings/policies",
    "settings/features",
)  # fmt: skip


REMARKS = "Failed to load resource|Unrecognized feature: '(bluetooth|web-share)'"
"""What a browser says of a status that was wanted, and of features of other platforms."""

MAKE_OWNER = f"""
from identity.actions import accounts
from identity.actions.bootstrap import bootstrap
from kernel.principal import Principal

made = bootstrap(organization_name="Acme", owner_email="olivia@acme.example", team_name="core")
accounts.set_password(actor=Principal.system("test"), user=made.owner, password="{PASSWORD}")
"""


def test_no_page_violates_the_policy_and_back_shows_nothing_after_signing_out(
    steward: Steward, browser: Browser
) -> None:
    done = steward.manage("shell", "-c", MAKE_OWNER)
    assert done.returncode == 0, done.stderr
    page = browser.new_context().new_page()
    page.set_default_timeout(60_000)
    said: list[str] = []
    page.on("console", lambda message: _note(message, page, said))
    page.on("pageerror", lambda error: said.append(f"{page.url} error: {error}"))
    for path in ANONYMOUS:
        page.goto(f"{steward.url}{path}", wait_until="domcontentloaded")
    _sign_in(page, steward)
    seen = 0
    for path in (*PERSONAL, *(f"/o/acme/{path}" for path in ORGANIZATION)):
        answer = page.goto(f"{steward.url}{path}", wait_until="domcontentloaded")
        assert answer is not None
        seen += answer.status == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]

    wrong = [line for line in said if not re.search(REMARKS, line)]
    assert wrong == []
    assert seen > 25
    page.goto(f"{steward.url}/account/sessions/")
    page.goto(f"{steward.url}/account/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/account/login/"))
    for _ in range(2):
        page.go_back()
        assert "olivia@acme.example" not in page.content()
        assert "Chrome" not in page.inner_text("main")


def _note(message: ConsoleMessage, page: Page, said: list[str]) -> None:
    if message.type in {"warning", "error"}:
        said.append(f"{page.url} {message.type}: {message.text}")


def _sign_in(page: Page, steward: Steward) -> None:
    page.goto(f"{steward.url}/account/login/")
    page.get_by_label(re.compile("Email|Username")).first.fill("olivia@acme.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/o/acme/"))


def test_the_server_itself_bounds_headers_and_reads_no_request_in_two_ways(
    steward: Steward,
) -> None:
    ok = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    post = b"POST /account/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"

    assert _status(steward, ok + b"\r\n") == 200
    assert _status(steward, ok + b"X-A: " + b"a" * 40_000 + b"\r\n\r\n") == 431
    assert _status(steward, ok + b"X-A: 1\r\n" * 150 + b"\r\n") in REFUSED
    assert _status(steward, ok + b"X-A: " + b"a" * 2_000_000 + b"\r\n\r\n") in REFUSED
    assert _status(steward, ok.replace(b"/healthz", b"/" + b"a" * 9_000) + b"\r\n") == 414
    assert _status(steward, ok.replace(b"127.0.0.1", b"evil.example") + b"\r\n") == 400
    smuggled = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x"
    assert _status(steward, post + smuggled) in REFUSED | {403}
    two = b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"
    assert _status(steward, post + two) in REFUSED
    assert _status(steward, post + b"Content-Length: 2000000\r\n\r\n") == 413
    assert _status(steward, b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A\x00: 1\r\n\r\n") in REFUSED
    assert _status(steward, ok + b"\r\n") == 200


REFUSED = {0, 400, 413, 431}
"""0: the server closed the connection without an answer."""


def _status(steward: Steward, request: bytes) -> int:
    """Send bytes as they are; return the status of the answer, 0 for none."""
    host, port = urlsplit(steward.url).hostname, urlsplit(steward.url).port
    with socket.create_connection((host or "", port or 0), timeout=60) as connection:
        try:
            connection.sendall(request)
            answer = connection.recv(100)
        except OSError:
            return 0
    return int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/1.1 ") else 0
