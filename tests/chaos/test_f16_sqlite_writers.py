"""Failure 16: two server processes, a worker, a beat and a backup, all on one SQLite file."""

import contextlib
import sqlite3
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.embedded import EmbeddedHouse
from tests.chaos.house import CELERY, MailSink, wait_until
from tests.chaos.ledger import Ledger, Outcome
from tests.chaos.load import Load
from tests.chaos.verdict import percentile

pytestmark = [pytest.mark.slow, pytest.mark.sqlite]

WRITERS, TIMEOUT_SECONDS = 16, 20


@pytest.fixture
def house(tmp_path) -> Iterator[EmbeddedHouse]:
    sink = MailSink()
    directory = tmp_path / "house"
    directory.mkdir()
    made = EmbeddedHouse(database_url="", sink=sink, directory=directory)
    try:
        yield made
    finally:
        made.stop(made.running)
        sink.stop()


def test_no_writer_is_refused_and_none_starves(house, line, whole, tmp_path):
    seconds = 60 if whole else 5
    line.name = "16 sixteen writers on SQLite"
    line.criterion = "0 locked, effects = acknowledgements, worst wait < time-out, backups whole"
    house.prepare()
    house.start(
        [sys.executable, "-m", "config.serve", "--port", str(house.web_port),
         "--workers", "2", "--threads", str(WRITERS // 2)],
        "web",
    )  # fmt: skip
    house.start([*CELERY, "worker", "--pool", "solo", "-l", "WARNING"], "worker")
    house.start([*CELERY, "beat", "-l", "WARNING", "--pidfile", ""], "beat")
    wait_until("it is ready", lambda: house.ready()[0] == 200, seconds=60)
    ledger = Ledger(tmp_path / "ledger")
    load = Load(
        house, ledger, threads=WRITERS, kinds=("team", "key", "invite"), pause_seconds=0
    )
    backups = 0
    with load.running():
        wait_until("all write", lambda: load.count(Outcome.ACKED) >= 2 * WRITERS, seconds=60)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            back_up(house.directory / "steward.sqlite3", tmp_path / "backup.sqlite3")
            backups += 1
    ledger.close()
    seconds_taken = [answer.seconds for answer in load.answers]
    line.acked, line.unknown = load.count(Outcome.ACKED), load.count(Outcome.UNKNOWN)
    line.extra = {
        "median ms": round(statistics.median(seconds_taken) * 1000),
        "p99 ms": round(percentile(seconds_taken, 0.99) * 1000),
        "worst ms": round(max(seconds_taken) * 1000),
        "backups": backups,
    }
    answers = Counter(answer.fault or answer.status for answer in load.answers)
    assert answers.keys() <= {200, 201, 204}
    for name in ("web", "worker", "beat"):
        assert "locked" not in house.log(name), house.log(name)[-3000:]
    # Whoever waits longer than the time-out is refused, which the answers would have shown.
    # Short of that nobody waits much longer than the others do, however slow the machine.
    assert max(seconds_taken) < 10 * statistics.median(seconds_taken) + 1
    wait_until("every mail is sent", lambda: house.unfinished() == 0, seconds=90)
    acked = {one.id for one in load.operations if one.outcome == Outcome.ACKED}
    assert house.effects(ledger.prefix) == Counter(acked)
    house.manage("check_invariants")
    house.manage("verify_audit_log")


def back_up(source: Path, target: Path) -> None:
    """Copy the live file by SQLite's own means, and look whether the copy is whole."""
    target.unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(source, timeout=TIMEOUT_SECONDS)) as live,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        heads = "SELECT max(sequence) FROM kernel_event GROUP BY organization_id"
        counts = "SELECT count(*) FROM kernel_event GROUP BY organization_id"
        assert copy.execute(heads).fetchall() == copy.execute(counts).fetchall()
