"""The first day of an organization, in a real browser, from nothing to a verified trail.

One person signs up, makes an organization and a team, invites another, who joins; then a
machine gets a key, works with it, and the key is rotated. Mails come by the worker.
"""

import re
import sqlite3
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Steward, wait_for

pytestmark = pytest.mark.e2e

PASSWORD = "walrus-lantern-42-violet"


def open_mail(page: Page, steward: Steward, subject: str) -> str:
    """Wait for a mail in the outbox and return its first link."""

    def arrived() -> bool:
        page.goto(f"{steward.url}/outbox")
        return page.get_by_role("link", name=subject).count() > 0

    wait_for(arrived, f"the mail “{subject}”")
    page.get_by_role("link", name=subject).first.click()
    href = page.locator(".letter a").first.get_attribute("href")
    assert href
    return href


def sign_up(page: Page, steward: Steward, email: str, username: str) -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()


def browser_page(browser: Browser) -> Page:
    page = browser.new_context().new_page()
    page.set_default_timeout(15_000)
    violations: list[str] = []
    page.on(
        "console",
        lambda message: (
            violations.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    page.context.violations = violations  # type: ignore[attr-defined]
    return page


def test_from_nothing_to_a_rotated_key_and_a_verified_trail(
    steward: Steward, browser: Browser
) -> None:
    # --- Olivia signs up and proves her address by the mail that the worker delivered.
    olivia = browser_page(browser)
    olivia.goto(f"{steward.url}/")
    expect(olivia).to_have_url(re.compile("/account/login/"))
    olivia.get_by_role("link", name="Sign up").click()
    sign_up(olivia, steward, "olivia@acme.example", "olivia")
    olivia.goto(open_mail(olivia, steward, re.compile("[Cc]onfirm")))
    olivia.get_by_role("button", name=re.compile("[Cc]onfirm")).click()
    if "/account/login/" in olivia.url:
        olivia.get_by_label(re.compile("Email|Username")).first.fill("olivia@acme.example")
        olivia.get_by_label("Password", exact=True).fill(PASSWORD)
        olivia.get_by_role("button", name="Sign in").click()

    # --- An organization and a team.
    olivia.goto(f"{steward.url}/organizations/new")
    olivia.get_by_label("Name", exact=True).fill("Acme Robotics")
    olivia.get_by_role("button", name="Create organization").click()
    expect(olivia).to_have_url(f"{steward.url}/o/acme-robotics/")
    home = f"{steward.url}/o/acme-robotics"
    olivia.goto(f"{home}/teams/new")
    olivia.get_by_label("Name", exact=True).fill("research")
    olivia.get_by_role("button", name="Create team").click()
    expect(olivia.get_by_role("heading", level=1)).to_contain_text("research")

    # --- An invitation, whose mail arrives through the worker.
    olivia.goto(f"{home}/members/invite")
    olivia.get_by_label("E-mail addresses").fill("Ben Okri <ben@acme.example>, not-an-address")
    olivia.get_by_label("research").check()
    olivia.get_by_role("button", name=re.compile("Send")).click()
    expect(olivia.get_by_role("main")).to_contain_text("ben@acme.example")
    expect(olivia.get_by_role("main")).to_contain_text("not-an-address")
    invitation = open_mail(olivia, steward, re.compile("invited you to Acme Robotics"))
    assert "/join/" in invitation

    # --- Ben follows the link, registers without a second mail, and is a member with a seat.
    ben = browser_page(browser)
    ben.goto(invitation)
    expect(ben).to_have_url(f"{steward.url}/join")
    ben.get_by_role("link", name="Sign up and join").click()
    expect(ben.get_by_label("Email")).to_have_value("ben@acme.example")
    ben.get_by_label("Username").fill("ben")
    ben.get_by_label("Password").fill(PASSWORD)
    ben.get_by_role("button", name="Sign up").click()
    expect(ben).to_have_url(f"{steward.url}/join")
    ben.get_by_role("button", name=re.compile("Join Acme Robotics")).click()
    expect(ben).to_have_url(re.compile("/o/acme-robotics/"))
    ben.goto(invitation)
    expect(ben.get_by_role("main")).to_contain_text(re.compile("accepted|no longer"))
    olivia.goto(f"{home}/members")
    expect(olivia.get_by_role("main")).to_contain_text("ben@acme.example")
    expect(olivia.get_by_role("main")).to_contain_text("2 of 25 taken")
    olivia.goto(f"{home}/teams/research")
    expect(olivia.get_by_role("main")).to_contain_text("ben")

    # --- A machine gets a key, shown once, and works with it as a CI job would.
    olivia.goto(f"{home}/service-accounts/new")
    olivia.get_by_label("Name", exact=True).fill("nightly-train")
    olivia.get_by_label(re.compile("Team")).fill("research")
    olivia.get_by_role("button", name="Create").click()
    olivia.get_by_role("link", name="New key").first.click()
    olivia.get_by_label("Name", exact=True).fill("CI")
    olivia.get_by_role("button", name="Make the key").click()
    first = shown_key(olivia)
    account = finish_copying(olivia)
    assert first not in olivia.content()
    me = steward.curl("/api/v1/me", first)
    assert (me.status, me.body["name"], me.body["team"]) == (200, "nightly-train", "research")
    may = steward.call(
        "/api/v1/organizations/acme-robotics/projects",
        first,
        "POST",
        {"name": "walker", "team": "research"},
    )
    assert may.status == 201, may.body
    may_not = steward.curl("/api/v1/organizations/acme-robotics/audit-events", first)
    assert may_not.status == 403
    assert may_not.body["permission"] == "audit.read"

    # --- The key is rotated with an overlap: both work, and the old one dies at its time.
    olivia.goto(account)
    olivia.get_by_role("link", name=re.compile("Rotate")).first.click()
    olivia.get_by_label("1 hour").check()
    olivia.get_by_role("button", name="Rotate the key").click()
    second = shown_key(olivia)
    assert second != first
    assert steward.curl("/api/v1/me", first).status == 200
    assert steward.curl("/api/v1/me", second).status == 200
    olivia.goto(account)
    expect(olivia.get_by_role("main")).to_contain_text(re.compile("Stops working in"))
    ends_within_seconds(olivia, steward, first, seconds=4)
    assert steward.curl("/api/v1/me", second).status == 200

    # --- The trail shows every step, verifies, and fails once a row is changed behind it.
    olivia.goto(f"{home}/audit")
    trail = olivia.get_by_role("main")
    for step in (
        "created the organization Acme Robotics",
        "created the team research",
        "invited ben@acme.example",
        "accepted an invitation",
        "created the service account nightly-train",
        "created the API key CI",
        "rotated the API key CI",
        "created the project walker",
    ):
        expect(trail).to_contain_text(step)
    assert steward.manage("check_invariants").returncode == 0
    verified = steward.manage("verify_audit_log")
    assert verified.returncode == 0, verified.stderr
    tamper(Path(steward.environment["STEWARD_DATA_DIR"]) / "steward.sqlite3")
    broken = steward.manage("verify_audit_log")
    assert broken.returncode == 1
    assert "its content was changed" in broken.stdout
    for page in (olivia, ben):
        assert page.context.violations == []  # type: ignore[attr-defined]


def shown_key(page: Page) -> str:
    """Return the key that the page shows this once."""
    expect(page.get_by_role("heading", name="Your new key")).to_be_visible()
    found = re.search(r"stw_[0-9A-Za-z]{10}_[0-9A-Za-z]{49}", page.content())
    assert found
    return found.group(0)


def finish_copying(page: Page) -> str:
    """Confirm that the key was stored; return the address of the account's page."""
    page.get_by_label("I have stored it somewhere safe").check()
    page.get_by_role("button", name="Done").click()
    page.wait_for_url(re.compile("/service-accounts/sa_"))
    return page.url.rstrip("?")


def ends_within_seconds(page: Page, steward: Steward, old: str, seconds: int) -> None:
    """Shorten the overlap by the API with a personal key of Olivia's, and see it end."""
    page.goto(f"{steward.url}/account/keys/new")
    page.get_by_label("Name", exact=True).fill("admin script")
    page.get_by_role("button", name="Make the key").click()
    personal = shown_key(page)
    path = "/api/v1/organizations/acme-robotics/api-keys"
    keys = steward.call(f"{path}?state=live", personal).body["data"]
    rotating = next(key for key in keys if key["state"] == "rotating")
    changed = steward.call(
        f"{path}/{rotating['id']}/overlap", personal, "PUT", {"overlap_seconds": seconds}
    )
    assert changed.status == 200, changed.body
    assert steward.curl("/api/v1/me", old).status == 200
    started = time.monotonic()
    wait_for(lambda: steward.curl("/api/v1/me", old).status == 401, "the end of the old key", 15)
    assert time.monotonic() - started > seconds / 2
    assert steward.curl("/api/v1/me", old).body["code"] == "key_rotated_out"


def tamper(database: Path) -> None:
    """Change one event as somebody with the file in hand could: triggers dropped first."""
    with sqlite3.connect(database) as connection:
        triggers = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'kernel_event'"
        ).fetchall()
        assert triggers, "the log must refuse changes by itself"
        with pytest.raises(sqlite3.DatabaseError):
            connection.execute("UPDATE kernel_event SET actor_label = 'nobody'")
        for (name,) in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute(
            "UPDATE kernel_event SET actor_label = 'nobody' "
            "WHERE type = 'orgs.invitation.created'"
        )
