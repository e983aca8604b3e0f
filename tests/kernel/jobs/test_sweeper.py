"""The worker's own sweep: a thread that outlives trouble and ends when it is told to."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from django.db import connection

from kernel.jobs import sweep_process
from kernel.jobs.enqueue import enqueue
from kernel.jobs.models import Job
from kernel.jobs.sweeper import Sweeper
from kernel.wiring import JobKind, Wiring
from tests.database import as_owner

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


def test_the_thread_outlives_trouble(sweeper, caplog, settings):
    settings.STEWARD_RELAY = False
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE kernel_job RENAME TO kernel_job_away")
    sweeper.start(None)
    try:
        wait_until(lambda: "sweep_failed" in caplog.text)
    finally:
        with as_owner(), connection.cursor() as cursor:
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


def test_a_row_that_kills_its_process_does_not_kill_the_worker(
    settings, sweeper, rewire, monkeypatch
):
    """The keeper sweeps on with a new process; the row's attempts are counted all the same."""

    def kill(_job):
        os.kill(os.getpid(), signal.SIGKILL)

    settings.STEWARD_RELAY = True
    settings.STEWARD_JOB_LEASE_SECONDS = 0.1
    monkeypatch.setattr(sweep_process, "_RESTART_SECONDS", 0)
    rewire(Wiring(jobs={"poison": JobKind(kill), "x": JobKind(lambda _job: None)}))
    enqueue("poison", {})
    enqueue("x", {})
    sweeper.start(None)
    wait_until(lambda: sorted(states()) == ["dead", "done"], seconds=60)
    assert Job.objects.get(kind="poison").last_error == "Its worker died at every attempt."


def test_the_process_ends_after_the_row_at_hand(settings, sweeper, rewire, tmp_path, monkeypatch):
    began, is_told = tmp_path / "began", sweep_process._ended_by_signal

    def telling():
        ending = is_told()
        tell = ending.set
        ending.set = lambda: ((tmp_path / str(os.getpid())).touch(), tell())
        return ending

    def slow(_job):
        began.touch()
        wait_until((tmp_path / str(os.getpid())).exists)

    monkeypatch.setattr(sweep_process, "_ended_by_signal", telling)
    settings.STEWARD_RELAY = True
    rewire(Wiring(jobs={"x": JobKind(slow)}))
    enqueue("x", {})
    enqueue("x", {})
    sweeper.start(None)
    wait_until(began.exists)
    sweeper.stop(None)
    assert sorted(states()) == ["done", "due"]


def test_the_process_ends_with_its_worker(settings, rewire, tmp_path):
    """Killed outright, a worker can tell nobody; what it left behind notices."""
    swept = tmp_path / "swept"

    def note(_job):
        swept.write_text(f"{os.getpid()} {os.getppid()}")

    settings.STEWARD_RELAY = True
    settings.STEWARD_SWEEP_SECONDS = 0.05
    rewire(Wiring(jobs={"x": JobKind(note)}))
    enqueue("x", {})
    worker = os.fork()
    if worker == 0:
        Sweeper(None).start(None)
        signal.pause()
    wait_until(lambda: swept.exists() and len(swept.read_text().split()) == 2)
    sweeping, keeper = (int(number) for number in swept.read_text().split())
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    wait_until(lambda: not is_alive(keeper) and not is_alive(sweeping))


def is_alive(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
