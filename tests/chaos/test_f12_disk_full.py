"""Failure 12: the disk is full, under load, and then it is not.

The data, the logs and whatever else the installation writes lie on a disk of 64 MB. Where
the tests may not mount one (no root), SQLite is bound by its own page count instead; the
whole form tries both.
"""

import contextlib
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.chaos.conftest import WHOLE, whole_only
from tests.chaos.embedded import EmbeddedHouse
from tests.chaos.house import House, MailSink, wait_until
from tests.chaos.ledger import Ledger, Outcome, read
from tests.chaos.load import Load
from tests.chaos.small_disk import Server, SmallDisk, can_mount, mounted
from tests.chaos.verdict import judge, quiesce

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

MEANS = [
    *(["disk"] if can_mount() else []),
    *(["pages"] if WHOLE or not can_mount() else []),
]
only_with_mount = pytest.mark.skipif(
    not can_mount(), reason="a small disk needs root on Linux"
)


@pytest.fixture
def sink() -> Iterator[MailSink]:
    made = MailSink()
    yield made
    made.stop()


def embedded(directory: Path, sink: MailSink) -> EmbeddedHouse:
    directory.mkdir()
    return EmbeddedHouse(database_url="", sink=sink, directory=directory)


@whole_only
@only_with_mount
def test_postgresql_on_a_full_disk_refuses_and_recovers(sink, line, whole, tmp_path):
    with mounted(tmp_path / "disk") as disk:
        fill_postgresql(disk, sink, line, whole, tmp_path)


def fill_postgresql(
    disk: SmallDisk, sink: MailSink, line: Any, whole: bool, tmp_path: Path
) -> None:
    line.name = "12 disk full: PostgreSQL"
    line.criterion = "only 503 with Retry-After, 0 lost, the chain holds, works again"
    # Others than the owner must be able to walk to the data.
    for parent in list(tmp_path.parents)[:3]:
        with contextlib.suppress(PermissionError):
            parent.chmod(parent.stat().st_mode | 0o011)
    tmp_path.chmod(0o755)
    server = Server(disk.path)
    server.create()
    server.start()
    with psycopg.connect(f"{server.url}/postgres", autocommit=True) as admin:
        admin.execute("CREATE DATABASE steward")
    directory = disk.path / "house"
    directory.mkdir()
    house = House(database_url=f"{server.url}/steward", sink=sink, directory=directory)
    try:
        house.prepare()
        house.start_redis()
        house.start_web()
        house.populate()
        house.start_beat()
        house.start_worker()
        ledger = Ledger(tmp_path / "ledger")
        load = Load(house, ledger, kinds=("team", "key", "invite", "project"))
        with load.running():
            wait_until("it works", lambda: load.count(Outcome.ACKED) > 20, seconds=60)
            disk.fill()
            full = time.monotonic()
            wait_until(
                "it is refused", lambda: load.count(Outcome.UNKNOWN) > 10, seconds=60
            )
            wait_for(4 if whole else 1)
            disk.free()
            freed = time.monotonic()
            if not wait_quietly(server.answers, seconds=10):
                server.start()
            wait_until("it works again", lambda: load.acked_since(freed) > 20, seconds=60)
            line.recovery_seconds = first_ack(load, freed) - freed
        load.settle()
        answers = load.between(full, freed)
        slowest = max(a.seconds for a in answers)
        line.worst_answer = f"{max(a.status for a in answers)} {slowest:.1f} s"
        line.extra = {"answers while full": dict(Counter(a.status for a in answers))}
        assert [a for a in answers if a.fault and a.status] == []
        quiesce(house, seconds=60)
        line.take(judge(house, ledger.path))
        assert line.recovery_seconds <= 30
    finally:
        house.stop(house.running)
        server.stop()


@pytest.mark.parametrize("means", MEANS)
def test_sqlite_on_a_full_disk_refuses_and_recovers_without_a_restart(
    means, sink, line, tmp_path
):
    line.name = f"12 disk full: SQLite ({means})"
    line.criterion = "only 503 with Retry-After, 0 lost, the chain holds, works again by itself"
    with contextlib.ExitStack() as stack:
        if means == "disk":
            disk = stack.enter_context(mounted(tmp_path / "disk"))
            house = embedded(disk.path / "house", sink)
            full: Any = disk
        else:
            house = embedded(tmp_path / "house", sink)
            full = Pages(house.directory / "steward.sqlite3")
        try:
            fill_and_free(house, line, tmp_path, full)
        finally:
            house.stop(house.running)


class Pages:
    """What a full disk is to SQLite: its pages are used up from outside, and given back.

    The bound is a connection's own; the web process's are bound by `tests.chaos.bound_sqlite`.
    """

    MOST = 2500

    def __init__(self, path: Path) -> None:
        self._path = path

    def fill(self) -> None:
        """Use up every page."""
        with contextlib.closing(sqlite3.connect(self._path, timeout=30)) as connection:
            connection.execute(f"PRAGMA max_page_count = {self.MOST}")
            connection.execute("CREATE TABLE IF NOT EXISTS filler (data BLOB)")
            for size in (100_000, 3000, 100):
                with contextlib.suppress(sqlite3.OperationalError):
                    while True:
                        connection.execute("INSERT INTO filler VALUES (zeroblob(?))", [size])
                        connection.commit()
                connection.rollback()

    def free(self) -> None:
        """Give the pages back."""
        with contextlib.closing(sqlite3.connect(self._path, timeout=30)) as connection:
            connection.execute("DROP TABLE filler")
            connection.commit()


def fill_and_free(
    house: EmbeddedHouse, line: Any, tmp_path: Path, disk: SmallDisk | Pages
) -> None:
    """Change things, fill the disk under the load, free it, and compare."""
    is_a_disk = isinstance(disk, SmallDisk)
    bound = {
        "DJANGO_SETTINGS_MODULE": "tests.chaos.bound_sqlite",
        "SQLITE_MAX_PAGES": str(Pages.MOST),
    }
    house.prepare()
    house.start(
        [sys.executable, "-m", "config.serve", "--port", str(house.web_port)],
        "web",
        **({} if is_a_disk else bound),
    )
    wait_until("the web process answers", lambda: house.ready()[0] == 200, seconds=60)
    ledger = Ledger(tmp_path / "ledger")
    load = Load(house, ledger, kinds=("team", "key"))
    with load.running():
        wait_until("it works", lambda: load.count(Outcome.ACKED) > 20, seconds=60)
        disk.fill()
        full = time.monotonic()
        wait_until("it is refused", lambda: load.count(Outcome.UNKNOWN) > 10, seconds=60)
        if is_a_disk:
            status, body = house.ready()
            assert (status, body["checks"]["disk"]["status"]) == (503, "failed")
        disk.free()
        freed = time.monotonic()
        wait_until("it works again", lambda: load.acked_since(freed) > 20, seconds=60)
        line.recovery_seconds = first_ack(load, freed) - freed
    load.settle()
    answers = load.between(full, freed)
    line.extra = {"answers while full": dict(Counter(a.status for a in answers))}
    assert [a for a in answers if a.fault] == []
    operations = read(ledger.path)
    line.acked = sum(one.outcome == Outcome.ACKED for one in operations.values())
    line.unknown = sum(one.outcome == Outcome.UNKNOWN for one in operations.values())
    there = house.effects(ledger.prefix)
    acked = {id_ for id_, one in operations.items() if one.outcome == Outcome.ACKED}
    line.lost, line.doubled = len(acked - set(there)), sum(n > 1 for n in there.values())
    line.ghosts = len(set(there) - acked)
    assert (line.lost, line.doubled, line.ghosts) == (0, 0, 0)
    wait_until("it is ready", lambda: house.ready()[0] == 200, seconds=10)
    house.manage("check_invariants")
    house.manage("verify_audit_log")
    assert house.ask("PRAGMA integrity_check") == [("ok",)]


def first_ack(load: Load, since: float) -> float:
    """Return when the first request sent after a moment was acknowledged."""
    return min(a.at + a.seconds for a in load.answers if a.at >= since and 200 <= a.status < 300)


def wait_quietly(condition: Any, *, seconds: float) -> bool:
    """Wait for a condition; return whether it came."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.1)
    return False


def wait_for(seconds: float) -> None:
    """Let a fault last."""
    time.sleep(seconds)
