"""A session ends a day after its last use and seven days after its beginning, whatever it does."""

import datetime as dt

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client

from identity.accounts.session import SessionStore
from kernel.principal import Principal
from orgs.actions import users

pytestmark = pytest.mark.django_db

START = dt.datetime(2031, 5, 1, 9, 0, tzinfo=dt.UTC)


@pytest.fixture
def moved():
    """Return a clock that stands still until it is moved."""
    with time_machine.travel(START, tick=False) as clock:
        yield clock


@pytest.fixture
def signed_in(moved) -> Client:
    person = users.create(
        actor=Principal.system("tests"), username="olga", email="olga@example.com",
        display_name="Olga",
    )  # fmt: skip
    client = Client()
    client.force_login(person)
    return client


def is_in(client: Client) -> bool:
    return client.get("/account/sessions/").status_code == 200


def test_a_session_ends_after_a_day_without_use(signed_in, moved):
    moved.shift(dt.timedelta(hours=23))
    assert is_in(signed_in)
    moved.shift(dt.timedelta(hours=23))
    assert is_in(signed_in)
    moved.shift(dt.timedelta(hours=24, seconds=1))
    assert not is_in(signed_in)


def test_a_session_in_use_ends_after_seven_days(signed_in, moved):
    for _ in range(13):
        moved.shift(dt.timedelta(hours=12))
        assert is_in(signed_in)
    moved.shift(dt.timedelta(hours=11, minutes=59))
    assert is_in(signed_in)
    moved.shift(dt.timedelta(minutes=2))
    assert not is_in(signed_in)


def test_what_is_kept_in_a_session_does_not_lengthen_it(signed_in, moved):
    moved.shift(dt.timedelta(hours=30 - 7))
    session = SessionStore(signed_in.session.session_key)
    session["theme"] = "dark"
    session.set_expiry(10**9)
    session.save()
    ends = Session.objects.get(pk=session.session_key).expire_date
    assert ends <= START + dt.timedelta(days=7)
    moved.move_to(ends + dt.timedelta(seconds=1))
    assert not is_in(signed_in)


def test_signing_in_begins_anew_under_another_key(moved):
    session = SessionStore()
    session["join_token"] = "x"
    session.save()
    before = session.session_key
    moved.shift(dt.timedelta(hours=20))
    session.cycle_key()
    session.save()
    assert session.session_key != before
    assert not Session.objects.filter(pk=before).exists()
    assert session.get_expiry_date() == START + dt.timedelta(hours=44)


def test_use_is_noted_once_an_hour_and_not_with_every_request(signed_in, moved):
    moved.shift(dt.timedelta(minutes=30))
    assert is_in(signed_in)
    row = Session.objects.get(pk=signed_in.session.session_key)
    assert row.expire_date == START + dt.timedelta(days=1)
    moved.shift(dt.timedelta(minutes=31))
    assert is_in(signed_in)
    row.refresh_from_db()
    assert row.expire_date == START + dt.timedelta(days=1, minutes=61)


def test_the_browser_keeps_the_cookie_no_longer_than_the_session_lives(signed_in, moved):
    moved.shift(dt.timedelta(hours=2))
    cookie = signed_in.get("/account/sessions/").cookies["sessionid"]
    assert int(cookie["max-age"]) == 24 * 3600
