"""The time that decisions go by is the database's, whatever this machine's clock says."""

import datetime as dt
import time

import pytest
import time_machine
from django.core.signals import request_started
from django.db import connection

from kernel import clock, ids, synchrony
from kernel.ids import uuid7

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def follows(settings, monkeypatch):
    """Tie this process to the database's clock for one test."""
    settings.STEWARD_DATABASE_TIME = True
    synchrony.install()
    monkeypatch.setattr(synchrony, "_measured_at", float("-inf"))
    # As in a process that has just begun: ids do not fall behind what was made before, and
    # other tests make some in the future.
    monkeypatch.setattr(ids, "_last_tick", 0)
    connection.close()
    yield
    synchrony.connection_created.disconnect(dispatch_uid="kernel.synchrony")
    request_started.disconnect(dispatch_uid="kernel.synchrony")
    clock.follow(None)


def database_now() -> dt.datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def away_by_seconds() -> float:
    return abs((clock.now() - database_now()).total_seconds())


@pytest.mark.parametrize(
    "wrong", [dt.timedelta(minutes=10), dt.timedelta(minutes=-10), dt.timedelta(days=-400)]
)
def test_a_new_connection_corrects_a_wrong_clock(wrong):
    with time_machine.travel(clock.system_now() + wrong):
        connection.ensure_connection()
        assert away_by_seconds() < 1
        assert clock.skew_seconds() == pytest.approx(wrong.total_seconds(), abs=1)
        made = uuid7().int >> 80
        assert made / 1000 == pytest.approx(database_now().timestamp(), abs=1)


def test_a_request_notices_that_the_clock_was_set_meanwhile():
    connection.ensure_connection()
    before = clock.now()
    with time_machine.travel(clock.system_now() + dt.timedelta(hours=3)):
        assert (clock.now() - before).total_seconds() < 5
        assert away_by_seconds() < 1
        request_started.send(sender=None)
        assert clock.skew_seconds() == pytest.approx(3 * 3600, abs=1)
        assert away_by_seconds() < 1


def test_measuring_again_never_lets_time_run_backwards():
    connection.ensure_connection()
    last = clock.now()
    for _ in range(200):
        synchrony.measure(connection)
        moment = clock.now()
        assert moment >= last
        last = moment


def test_measuring_costs_the_application_no_query(django_assert_num_queries):
    connection.ensure_connection()
    with django_assert_num_queries(0):
        assert synchrony.measure(connection)


def test_a_database_that_does_not_answer_leaves_the_time_as_it_is():
    connection.ensure_connection()
    before = clock.now()
    connection.connection.close()
    assert not synchrony.measure(connection)
    assert 0 <= (clock.now() - before).total_seconds() < 5
    connection.close()


def test_between_two_measurements_time_goes_on():
    connection.ensure_connection()
    first, began = clock.now(), time.monotonic()
    while time.monotonic() - began < 0.05:
        pass
    assert (clock.now() - first).total_seconds() >= 0.05
