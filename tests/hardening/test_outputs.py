"""What people type stays text: in spreadsheets, mails and logs."""

import csv
import io
import logging
import logging.config
import re

import pytest
import structlog
from django.test import Client

from kernel.events.models import Event
from kernel.jobs.sweep import sweep
from kernel.logs import logging_config
from kernel.mail.models import Mail
from kernel.mail.send import write
from kernel.sheet import harmless, lines
from orgs.actions import invitations, organizations, users
from orgs.models import Membership
from tests.wire.stage import Stage

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\u00a0=1",
        "\uff1d1",
        "\uff201",
    ],
)
def test_no_cell_of_an_export_is_a_formula(cell: str) -> None:
    told = "".join(lines(["name"], [[cell], ["plain"]]))

    assert harmless(cell).startswith("'")
    assert list(csv.reader(io.StringIO(told)))[1] == [f"'{cell}"]
    assert told.endswith('"plain"\r\n')


def browser(stage: Stage, role: str = "organization:owner") -> Client:
    client = Client()
    client.force_login(stage.people[role].user)
    return client


def exported(client: Client, path: str) -> list[dict[str, str]]:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="[\w.-]+\.csv"', answer["Content-Disposition"])
    assert answer["Cache-Control"] == "no-store"
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


def test_members_are_exported_whole_harmless_and_the_export_is_noted(acme: Stage) -> None:
    target = acme.people["target"]
    users.update_profile(
        actor=target.principal, user=target.user, display_name='=HYPERLINK("https://evil.example")'
    )
    path = f"/o/{acme.organization.slug}/members/export.csv"

    rows = exported(browser(acme), path)

    active = Membership.objects.of(acme.organization).active().count()
    assert len(rows) == active
    found = next(row for row in rows if row["username"] == target.user.username)
    assert found["name"].startswith("'=HYPERLINK")
    assert found["teams"]
    event = Event.objects.of(acme.organization).filter(type="orgs.members.exported").get()
    assert event.actor_label == acme.owner.user.username
    narrowed = exported(browser(acme), f"{path}?status=deactivated")
    assert [row["status"] for row in narrowed] == ["deactivated"]
    assert len(exported(browser(acme), f"{path}?q={target.user.username}")) == 1


def test_the_audit_log_is_exported_harmless_and_the_export_is_noted(acme: Stage) -> None:
    organizations.update(
        actor=acme.owner.principal,
        organization=acme.organization,
        changes={"name": "=cmd|' /C calc'!A0"},
    )
    path = f"/o/{acme.organization.slug}/audit/export.csv"

    rows = exported(browser(acme), f"{path}?kind=orgs.organization.")

    cells = [cell for row in rows for cell in row.values()]
    assert any("=cmd" in cell for cell in cells)
    assert not any(cell.startswith(("=", "+", "@")) for cell in cells)
    event = Event.objects.of(acme.organization).filter(type="orgs.audit.exported").get()
    assert event.changes["filters"] == {"kind": "orgs.organization."}


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("audit/export.csv", "organization:member"),
        ("audit/export.csv", "organization:viewer"),
    ],
)
def test_exports_need_the_permission_of_what_they_hold(acme: Stage, path: str, role: str) -> None:
    answer = browser(acme, role).get(f"/o/{acme.organization.slug}/{path}")

    assert answer.status_code == 403
    assert not Event.objects.of(acme.organization).filter(type__endswith=".exported").exists()


def test_nobody_exports_what_is_anothers(acme: Stage, rival: Stage) -> None:
    for path in ("audit/export.csv", "members/export.csv"):
        foreign = browser(rival).get(f"/o/{acme.organization.slug}/{path}")
        absent = browser(rival).get(f"/o/no-such-place/{path}")
        assert foreign.status_code == absent.status_code == 404


def test_names_cannot_write_headers_links_or_markup_into_mails(acme: Stage) -> None:
    bait = "Win at https://evil.example <b>now</b>\r\nBcc: all@evil.example"
    users.update_profile(actor=acme.owner.principal, user=acme.owner.user, display_name=bait)
    organizations.update(
        actor=acme.owner.principal,
        organization=acme.organization,
        changes={"name": ("prize.example " + "x" * 100)[:110]},
    )
    acme.organization.refresh_from_db()
    invitations.create_many(
        actor=acme.owner.principal, organization=acme.organization, addresses=["bait@example.com"]
    )
    while sweep():
        pass
    sent = Mail.objects.get(recipient="bait@example.com")

    assert len(sent.subject) <= 150
    assert "\n" not in sent.subject
    assert "Bcc" not in re.sub(r"\S*Bcc:\u200b?", "", sent.subject)
    for part in (sent.subject, sent.text, sent.html):
        assert "evil.example" not in part
        assert "prize.example" not in part
        assert "<b>now</b>" not in part
    assert all(len(name) <= 90 for name in sent.subject.split(" invited you to "))


def test_a_mail_address_is_one_address(acme: Stage) -> None:
    for address in ("a@example.com\nBcc: b@example.com", "a@example.com, b@example.com\r\n"):
        outcome = invitations.create_many(
            actor=acme.owner.principal, organization=acme.organization, addresses=[address]
        )
        assert [found.verdict for found in outcome] == ["invalid"]
    queued = write(
        template="identity/unknown_account",
        recipient="someone@example.com",
        context={"email": "x\r\nSubject: y", "signup_url": "https://x.example"},
    )
    assert "\n" not in queued.subject


@pytest.mark.parametrize("form", ["json", "console"])
def test_nothing_typed_forges_a_line_or_a_colour_in_the_log(form: str) -> None:
    configured = logging_config(json=form == "json", level="INFO")["formatters"]["structured"]
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        logging.config.DictConfigurator({"version": 1}).configure_formatter(configured)
    )
    access = logging.getLogger("steward.access")
    before = access.level
    access.addHandler(handler)
    access.setLevel(logging.INFO)
    evil = "a\x1b[2K\x1b[1A\r\n2026-01-01 [info] forged\u202e\u2028\x9b31m"
    try:
        Client().get("/" + evil, headers={"User-Agent": f"agent {evil}"})
        structlog.stdlib.get_logger("steward.access").info(f"event {evil}", **{evil: evil})
    finally:
        access.removeHandler(handler)
        access.setLevel(before)

    text = stream.getvalue()
    assert len(text.splitlines()) == 2
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "forged" in text
