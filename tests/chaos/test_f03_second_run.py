"""Failure 3: a job outlives the broker's visibility time-out, or its lease, and is begun again."""

import os
import signal

import pytest

from tests.chaos import work
from tests.chaos.conftest import WHOLE, whole_only
from tests.chaos.house import wait_until
from tests.chaos.verdict import judge

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

TASK_SECONDS = 20 if WHOLE else 12
SHORT_VISIBILITY = {"STEWARD_VISIBILITY_SECONDS": "4", "STEWARD_SWEEP_SECONDS": "2"}


@whole_only
def test_f03_a_task_longer_than_the_visibility_timeout_has_one_effect(serving, ledger, line):
    line.criterion = "given out again after 4 s; may start twice, effect exactly once"
    serving.start_beat()
    for _ in range(2):
        serving.start_worker(**SHORT_VISIBILITY)
    work.put(serving, ledger, "chaos.effect", 2, seconds=TASK_SECONDS)
    wait_until("they are done", lambda: serving.unfinished() == 0, seconds=TASK_SECONDS + 60)
    line.extra["starts"] = work.starts(serving, ledger.prefix).total()
    line.take(judge(serving, ledger.path, present=work.effects))


@whole_only
def test_f03_a_worker_frozen_beyond_its_lease_cannot_finish_what_another_did(
    serving, ledger, line
):
    """Its transaction is ended by the server, another begins; thawed, it finds its lease gone."""
    line.criterion = "started twice, effect exactly once"
    serving.start_beat()
    serving.start_worker(**SHORT_VISIBILITY)
    (operation,) = work.put(serving, ledger, "chaos.effect", seconds=4)

    def pids() -> list[int]:
        found = serving.ask("SELECT pid FROM chaos_start WHERE op = %s ORDER BY at", [operation])
        return [int(row[0]) for row in found]

    wait_until("it is begun", pids, seconds=60)
    frozen = pids()[0]
    os.kill(frozen, signal.SIGSTOP)
    try:
        serving.start_worker(**SHORT_VISIBILITY)
        wait_until("another has begun it", lambda: len(pids()) > 1, seconds=60)
        wait_until("another has done it", lambda: serving.unfinished() == 0, seconds=60)
    finally:
        os.kill(frozen, signal.SIGCONT)
    line.extra["starts"] = len(pids())
    wait_until(
        "the thawed one takes on other work or is gone",
        lambda: _is_idle(serving, frozen),
        seconds=30,
    )
    line.take(judge(serving, ledger.path, present=work.effects))


def _is_idle(house, pid: int) -> bool:
    """Whether a process has no transaction open: it came to its end, one way or the other."""
    count = house.ask(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND xact_start < now() - interval '2 seconds'"
    )
    return count[0][0] == 0
