"""When people were last active, which "idle for 30 days" rests on."""

import datetime as dt

import pytest
from django.test import Client
from rest_framework.test import APIClient

from identity.actions import api_keys
from identity.models import UserSession
from identity.usage import sessions
from kernel import latest
from kernel.clock import now
from orgs import presence
from orgs.models import Membership, User


@pytest.fixture(autouse=True)
def nothing_rests():
    for buffer in (presence.places, sessions):
        buffer.flush()
        buffer._noted_at.clear()


def last_active(world) -> dt.datetime | None:
    return Membership.objects.of(world.organization).get(pk=world.member.member.pk).last_active_at


def test_a_page_of_the_console_counts(world):
    browser = Client()
    browser.force_login(
        world.member.user, backend="identity.accounts.backend.OneHashBackend"
    )
    assert browser.get(f"/o/{world.organization.slug}/members").status_code == 200
    assert last_active(world) is None
    presence.places.flush()
    seen = last_active(world)
    assert seen is not None
    assert User.objects.get(pk=world.member.user.pk).last_active_at == seen


def test_a_call_with_a_personal_key_counts_and_a_machines_does_not(world):
    personal = api_keys.create(
        actor=world.member.principal,
        organization=world.organization,
        owner=world.member.user,
        name="laptop",
    )
    path = f"/api/v1/organizations/{world.organization.slug}"
    answer = APIClient().get(path, HTTP_X_API_KEY=personal.secret)
    assert answer.status_code == 200
    assert presence.places.flush() == 1
    assert last_active(world) is not None
    presence.note(world.machine_principal, world.organization)
    assert presence.places.flush() == 0


def test_an_older_sign_of_life_never_replaces_a_newer_one(world):
    member = Membership.objects.of(world.organization).get(pk=world.member.member.pk)
    member.last_active_at = later = now() + dt.timedelta(hours=1)
    member.save()
    presence.note(world.member.principal, world.organization)
    presence.places.flush()
    assert last_active(world) == later


def test_a_session_is_seen_with_its_address_and_device(world):
    browser = Client()
    browser.force_login(
        world.member.user, backend="identity.accounts.backend.OneHashBackend"
    )
    key = browser.session.session_key
    old = now() - dt.timedelta(hours=2)
    UserSession.objects.update_or_create(
        session_key=key,
        defaults={"user": world.member.user, "ip": "192.0.2.1", "last_seen_at": old},
    )
    browser.get(f"/o/{world.organization.slug}/members", HTTP_USER_AGENT="Probe/2")
    latest.flush_all()
    row = UserSession.objects.get(session_key=key)
    assert row.last_seen_at > old
    assert (row.ip, row.user_agent) == ("127.0.0.1", "Probe/2")
