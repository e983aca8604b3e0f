"""The worker's own sweep: a thread that outlives trouble and ends when it is told to."""

import threading
import time

import pytest
from django.db import connection

from kernel.jobs.enqueue import enqueue
from kernel.jobs.models import Job
from kernel.jobs.sweeper import Sweeper
from kernel.wiring import JobKind, Wiring

pytestmark = pytest.mark.django_db(transaction=True)


def wait_until(condition, seconds=15):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def states():
    return list(Job.objects.order_by("created_at", "id").values_list("state", flat=True))


@pytest.fixture
def sweeper(settings, rewire):
    rewire(Wiring(jobs={"x": JobKind(lambda _job: None)}))
    settings.STEWARD_SWEEP_SECONDS = 0.05
    made = Sweeper(None)
    yield made
    made.stop(None)


@pytest.mark.parametrize("has_relay", [True, False])
def test_rows_are_run_without_a_broker(settings, sweeper, has_relay):
    settings.STEWARD_RELAY = has_relay
    for _ in range(30):
        enqueue("x", {})
    sweeper.start(None)
    wait_until(lambda: states() == ["done"] * 30)


def test_the_thread_outlives_trouble(sweeper, caplog):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE kernel_job RENAME TO kernel_job_away")
    sweeper.start(None)
    try:
        wait_until(lambda: "sweep_failed" in caplog.text)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE kernel_job_away RENAME TO kernel_job")
    enqueue("x", {})
    wait_until(lambda: states() == ["done"])


def test_it_ends_after_the_row_at_hand(sweeper, rewire):
    began, may_end = threading.Event(), threading.Event()

    def slow(_job):
        began.set()
        assert may_end.wait(15)

    rewire(Wiring(jobs={"x": JobKind(slow)}))
    enqueue("x", {})
    enqueue("x", {})
    sweeper.start(None)
    assert began.wait(15)
    stopping = threading.Thread(target=sweeper.stop, args=(None,))
    stopping.start()
    wait_until(sweeper._ending.is_set)
    may_end.set()
    stopping.join(15)
    assert not sweeper._thread.is_alive()
    assert sorted(states()) == ["done", "due"]


def test_one_that_never_began_can_be_stopped(sweeper):
    sweeper.stop(None)
    assert states() == []
