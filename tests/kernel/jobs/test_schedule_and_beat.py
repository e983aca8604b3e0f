"""Beat inserts rows, so that two of them do no harm."""

import datetime as dt

import pytest
import time_machine
from celery import Celery
from django.db import connection

from kernel.clock import now
from kernel.jobs.beat import RowScheduler
from kernel.jobs.models import Job
from kernel.jobs.schedule import insert_due_slots
from kernel.jobs.sweep import sweep, tidy
from kernel.wiring import JobKind, Schedule, Wiring
from tests.database import as_owner

pytestmark = pytest.mark.django_db
START = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def schedules(rewire):
    rewire(
        Wiring(
            jobs={"tick": JobKind(lambda _job: None), "tidy": JobKind(tidy)},
            schedules={"often": Schedule(10, "tick"), "seldom": Schedule(3600, "tick")},
        )
    )


def test_each_slot_becomes_one_row():
    with time_machine.travel(START, tick=False) as clock:
        assert insert_due_slots() == 2
        assert insert_due_slots() == 0
        clock.shift(10)
        assert insert_due_slots() == 1
    keys = set(Job.objects.values_list("unique_key", flat=True))
    number = int(START.timestamp())
    assert keys == {
        f"slot:often:{number // 10}",
        f"slot:often:{number // 10 + 1}",
        f"slot:seldom:{number // 3600}",
    }
    assert Job.objects.filter(payload={"slot": START.isoformat()}).exists()


def test_a_beat_that_was_away_inserts_the_current_slot_only():
    with time_machine.travel(START, tick=False) as clock:
        insert_due_slots()
        clock.shift(1000)
        assert insert_due_slots() == 1


@pytest.mark.django_db(transaction=True)
def test_a_tick_inserts_slots_and_says_when_to_come_again(settings):
    settings.STEWARD_RELAY = False
    beat = RowScheduler(app=Celery("test", set_as_current=False), lazy=True)
    beat.setup_schedule()
    assert 0 < beat.tick() <= 1
    assert Job.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_tick_without_a_broker_inserts_slots_all_the_same(settings, use_broker):
    settings.STEWARD_RELAY = True
    use_broker("redis://127.0.0.1:1/0")
    beat = RowScheduler(app=Celery("test", set_as_current=False), lazy=True)
    assert beat.tick() <= 1
    assert Job.objects.filter(published_at=None).count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_tick_without_a_database_is_survived(settings):
    settings.STEWARD_RELAY = False
    beat = RowScheduler(app=Celery("test", set_as_current=False), lazy=True)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE kernel_job RENAME TO kernel_job_away")
    try:
        assert beat.tick() <= 1
    finally:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE kernel_job_away RENAME TO kernel_job")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_beats_at_the_same_moment_insert_each_slot_once(in_threads):
    with time_machine.travel(START, tick=False) as clock:
        for _ in range(5):
            in_threads(*[insert_due_slots] * 4)
            clock.shift(10)
    assert Job.objects.filter(unique_key__startswith="slot:often:").count() == 5
    assert Job.objects.filter(unique_key__startswith="slot:seldom:").count() == 1


def test_rows_done_a_week_ago_are_dropped_and_dead_ones_stay():
    old = now() - dt.timedelta(days=8)
    for state in ("done", "dead"):
        Job.objects.create(kind="tick", state=state, due_at=old, created_at=old, done_at=old)
    Job.objects.create(kind="tick", state="done", due_at=old, created_at=old, done_at=now())
    Job.objects.create(kind="tidy", due_at=old, created_at=old)
    assert sweep() == 1
    assert sorted(Job.objects.values_list("kind", "state")) == [
        ("tick", "dead"),
        ("tick", "done"),
        ("tidy", "done"),
    ]
