"""Whoever keeps a key hears that it will expire, once for each of 14, 7 and 1 days ahead."""

import datetime as dt

import pytest
import time_machine

from identity.actions import api_keys
from identity.subscribers import remind_of_expiry
from kernel.clock import now
from kernel.jobs.models import Job
from kernel.mail.models import Mail
from orgs.actions import service_accounts
from tests.identity.conftest import as_user

TODAY = dt.datetime(2031, 5, 1, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def today(db):
    with time_machine.travel(TODAY + dt.timedelta(hours=9), tick=False):
        yield


def remind(day: int) -> list[str]:
    """Run the job of a day and return to whom it wrote."""
    Mail.objects.all().delete()
    slot = TODAY + dt.timedelta(days=day)
    with time_machine.travel(slot + dt.timedelta(minutes=5), tick=False):
        remind_of_expiry(Job(payload={"slot": slot.isoformat()}))
    return sorted(Mail.objects.values_list("recipient", flat=True))


def test_a_person_is_reminded_three_times_and_not_on_the_days_between(lab):
    lab.key(lab.member, expires_at=now() + dt.timedelta(days=20))
    reminded = [day for day in range(25) if remind(day)]
    assert reminded == [6, 13, 19]


def test_the_mail_names_the_key_and_leads_to_it(lab):
    key = lab.key(lab.member, name="laptop", expires_at=now() + dt.timedelta(days=7)).key
    assert remind(0) == ["max@example.com"]
    text = Mail.objects.get().text
    assert key.prefix in text
    assert "/account/keys" in text


def test_admins_of_team_and_organization_hear_of_a_machines_key(lab):
    lab.key(expires_at=now() + dt.timedelta(days=7))
    assert remind(0) == ["olga@example.com"]
    assert f"/service-accounts/{lab.machine.wire_id}" in Mail.objects.get().text
    wide = service_accounts.create(
        actor=as_user(lab.owner), organization=lab.organization, name="wide", role="viewer"
    )
    lab.key(wide, expires_at=now() + dt.timedelta(days=7))
    assert remind(0) == ["olga@example.com", "olga@example.com"]


def test_ended_and_rotating_keys_are_left_alone(lab):
    actor = as_user(lab.owner)
    rotating, revoked = (lab.key(expires_at=now() + dt.timedelta(days=7)) for _ in range(2))
    api_keys.rotate(
        actor=actor,
        organization=lab.organization,
        key=rotating.key,
        overlap_seconds=30 * 86_400,
        expires_at=now() + dt.timedelta(days=90),
    )
    api_keys.revoke(actor=actor, organization=lab.organization, key=revoked.key)
    assert remind(0) == []
