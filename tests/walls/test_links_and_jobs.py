"""Links and job rows: what they carry opens their own organization's doors alone."""

from typing import Any

import pytest

from config.wiring import JOBS, REACTIONS
from kernel.clock import now
from kernel.events.models import Event
from kernel.jobs.enqueue import enqueue
from kernel.jobs.models import Job
from kernel.jobs.run import run
from kernel.mail.models import Mail
from orgs.actions import invitations
from tests.walls.answers import difference, send, told
from tests.walls.rows import content, fingerprint
from tests.walls.test_lists_and_pages import leaks
from tests.walls.town import Caller, Town

pytestmark = pytest.mark.django_db

ABOUT_AN_EVENT = sorted({kind for reaction in REACTIONS.values() for kind in reaction.after})


@pytest.mark.parametrize("kind", ABOUT_AN_EVENT)
def test_a_job_that_names_another_s_event_does_nothing_to_it(kind: str, town: Town) -> None:
    mine, theirs = town.acme.organization, town.rival.organization
    before, mails = fingerprint(theirs), Mail.objects.count()
    events = {event.type: event for event in Event.objects.of(theirs)}
    wanted = [name for name, reaction in REACTIONS.items() if kind in reaction.after]
    named = [events[name] for name in wanted if name in events] or list(events.values())[:1]
    for event in named:
        enqueue(kind, {"event": str(event.pk)}, organization_id=mine.pk)
        job = Job.objects.filter(kind=kind, organization_id=mine.pk).latest("created_at")
        assert not run(job.pk), f"{kind} ran for {event.type}"
        job.refresh_from_db()
        assert "DoesNotExist" in job.last_error
    assert Mail.objects.count() == mails
    assert fingerprint(theirs) == before


def test_every_job_of_an_event_is_looked_at() -> None:
    assert ABOUT_AN_EVENT
    assert set(ABOUT_AN_EVENT) <= set(JOBS)


def test_a_job_that_names_another_s_mail_does_not_send_it(town: Town, mailoutbox: Any) -> None:
    mine, theirs = town.acme.organization, town.rival.organization
    mail = Mail.objects.filter(organization_id=theirs.pk).latest("created_at")
    before = content(theirs)
    job = Job.objects.create(
        kind="kernel.mail.send",
        payload={"mail": str(mail.pk)},
        organization_id=mine.pk,
        due_at=now(),
        created_at=now(),
    )
    run(job.pk)
    assert mailoutbox == []
    assert content(theirs) == before


@pytest.mark.parametrize("state", ["open", "used", "taken back", "expired", "invented"])
def test_a_link_of_another_organization_leads_nobody_else_in(state: str, town: Town) -> None:
    invitation = town.rival.rows["invitation"]
    token, moment = town.foreign["token"], now()
    change: dict[str, Any] = {
        "open": {},
        "used": {"accepted_at": moment},
        "taken back": {"revoked_at": moment},
        "expired": {"expires_at": moment},
        "invented": {},
    }[state]
    type(invitation).objects.filter(pk=invitation.pk).update(**change)
    before = fingerprint(town.rival.organization)
    if state == "invented":
        token = town.absent["token"]
    for name in ("organization:owner", "outsider"):
        caller = town.callers[name]
        send(caller, "GET", f"/join/{token}")
        page, accepted = send(caller, "GET", "/join"), send(caller, "POST", "/join")
        assert page.status_code in (403, 404, 410)
        assert not accepted.headers.get("Location", "").startswith("/o/")
        if state != "open":  # the open one tells whoever holds it where it leads
            assert leaks(told(page), town.marks) == []
    assert fingerprint(town.rival.organization) == before


def test_my_own_invitation_s_page_under_another_s_address_is_missing(town: Town) -> None:
    owner = town.callers["organization:owner"]
    mine = town.own["invitation"]
    for under in (town.foreign["organization"], town.absent["organization"]):
        path = f"/api/v1/organizations/{under}/invitations/{mine}/link"
        assert send(owner, "GET", path, text="").status_code == 404
    assert invitations.link(town.acme.rows["invitation"]).endswith(town.own["token"])


def test_the_outbox_tells_nobody_from_outside_whether_a_mail_is_there(town: Town) -> None:
    for caller in (*town.callers.values(), Caller("nobody")):
        found, none = (
            told(send(caller, "GET", f"/outbox/{ids['mail']}"))
            for ids in (town.foreign, town.absent)
        )
        found = (found[0], found[1], town.sent_as_absent(found[2]))
        assert found[0] == 404
        assert difference(found, none) == "", caller.name


def test_an_audit_search_finds_nothing_of_another_s(town: Town) -> None:
    owner = town.callers["organization:owner"]
    rival = town.rival.owner.user
    for url in ("/o/acme/audit", "/o/acme/audit/export.csv"):
        for query in (f"q={town.foreign['member']}", f"actor={town.rival.owner.user.wire_id}"):
            answer = told(send(owner, "GET", f"{url}?{query}"))
            text = answer[2].replace(town.foreign["member"], "").replace(rival.wire_id, "")
            assert answer[0] == 200
            assert leaks((answer[0], answer[1], text), town.marks) == []
