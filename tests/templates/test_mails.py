"""Every mail's three parts: rendered without a request, readable, and linking nothing foreign."""

import datetime as dt
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string

from identity.models import APIKey
from kernel.templatetags.mail import unlinked
from orgs.models import AccessRequest, Invitation, Membership, Organization, Team, User

SOON = dt.datetime(2027, 3, 4, 5, 6, tzinfo=dt.UTC)
LINK = "http://testserver/somewhere/abc"
BAIT = "Win at prize.example <b>now</b> & more"

ORGANIZATION = Organization(name=BAIT, slug="north", purge_at=SOON, deletion_requested_at=SOON)
PERSON = User(username="ada", display_name=BAIT, email="ada@north.example")
MEMBER = Membership(organization=ORGANIZATION, user=PERSON)
TEAM = Team(organization=ORGANIZATION, name="vision")


def request_of(kind: str, **values: object) -> AccessRequest:
    facts = {"reason": BAIT, "state": "approved", "decided_by": BAIT, "answer": BAIT, **values}
    return AccessRequest(organization=ORGANIZATION, membership=MEMBER, kind=kind, **facts)


NOTICE = {"timestamp": SOON, "ip": "203.0.113.9", "user_agent": BAIT}
ABOUT_REQUEST = {"organization": ORGANIZATION, "person": PERSON, "link": LINK}
CONTEXTS: dict[str, list[dict[str, object]]] = {
    "orgs/invitation": [
        {
            "organization": ORGANIZATION,
            "invitation": Invitation(email="new@north.example", expires_at=SOON),
            "inviter": inviter,
            "link": LINK,
            "teams": teams,
        }
        for inviter, teams in ((BAIT, [TEAM, TEAM]), ("", []))
    ],
    "orgs/access_request": [
        ABOUT_REQUEST | {"request": request_of("team", team=TEAM, role="member")},
        ABOUT_REQUEST | {"request": request_of("role", role="admin")},
        ABOUT_REQUEST | {"request": request_of("seat", seat="full")},
        ABOUT_REQUEST | {"request": request_of("access", role="admin", wanted_hours=4)},
    ],
    "orgs/access_decided": [
        ABOUT_REQUEST | {"request": request_of("seat", seat="full")},
        ABOUT_REQUEST | {"request": request_of("seat", seat="full", state="declined", answer="")},
    ],
    "orgs/organization_deletion": [
        {"organization": ORGANIZATION, "person": PERSON, "actor": BAIT, "link": LINK}
    ],
    "orgs/member_removed": [{"organization": ORGANIZATION, "person": PERSON, "actor": BAIT}],
    "identity/email_confirmation": [
        {"user": PERSON, "email": PERSON.email, "activate_url": LINK},
    ],
    "identity/email_confirmation_signup": [
        {"user": PERSON, "email": PERSON.email, "activate_url": LINK},
    ],
    "identity/password_reset_key": [{"user": PERSON, "password_reset_url": LINK}],
    "identity/account_already_exists": [
        {"email": PERSON.email, "password_reset_url": LINK, "signup_url": LINK}
    ],
    "identity/unknown_account": [{"email": PERSON.email, "signup_url": LINK}],
    "identity/login_code": [{"code": "AB12-CD34"}],
    "identity/password_changed": [NOTICE],
    "identity/password_reset": [NOTICE],
    "identity/password_set": [NOTICE],
    "identity/email_confirm": [NOTICE],
    "identity/email_changed": [NOTICE | {"from_email": "a@x.example", "to_email": "b@x.example"}],
    "identity/email_deleted": [NOTICE | {"deleted_email": "a@x.example"}],
    "identity/api_key_expiry": [
        {
            "key": APIKey(name=BAIT, key_id="A" * 10, expires_at=SOON, user=PERSON),
            "organization": organization,
            "link": LINK,
        }
        for organization in (ORGANIZATION, None)
    ],
}


def templates_on_disk() -> set[str]:
    root = Path(settings.BASE_DIR) / "templates" / "email"
    return {
        str(path.relative_to(root)).removesuffix(".subject.txt")
        for path in root.rglob("*.subject.txt")
    }


def test_every_mail_is_covered_here():
    assert templates_on_disk() == set(CONTEXTS)


@pytest.mark.parametrize(
    ("name", "context"),
    [(name, context) for name, contexts in CONTEXTS.items() for context in contexts],
)
def test_mail_renders_in_three_parts(name, context):
    full = {"base_url": "http://testserver", "recipient": "ada@north.example", **context}
    subject, text, html = (
        render_to_string(f"email/{name}.{part}", full) for part in ("subject.txt", "txt", "html")
    )

    assert 10 < len(" ".join(subject.split())) <= 150
    assert "&lt;" not in subject
    assert "&amp;" not in subject
    # Plain text is plain: nothing escaped, no template left, no gaping holes.
    assert "&lt;" not in text
    assert not re.search(r"\{[{%]|None|\n\n\n|  ", text.strip())
    assert "Sent to ada@north.example" in text
    # The HTML escapes what people typed and says the same.
    assert "<b>now</b>" not in html
    assert not re.search(r"\{[{%]|<c-|None", html)
    assert "prize.example" not in text
    assert "prize.example" not in html
    for hidden in ("href=\"http://testserver", "Sent to ada@north.example"):
        assert hidden in html
    if LINK in context.values():
        assert f'href="{LINK}"' in html
        assert LINK in text
    assert set(re.findall(r'href="(https?://[^/"]+)', html)) == {"http://testserver"}


@pytest.mark.parametrize(
    "typed", ["prize.example", "https://prize.example/a", "me@prize.example", "a.b.c/d"]
)
def test_typed_text_is_not_linkable_and_reads_the_same(typed):
    shown = unlinked(typed)

    assert shown.replace("\u200b", "") == typed
    assert not re.search(r"\w[.@/]\w|://", shown)


def test_sentences_stay_untouched():
    assert unlinked("Ada asks. Now: yes / no") == "Ada asks. Now: yes / no"
