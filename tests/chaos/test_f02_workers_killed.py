"""Failure 2: workers and their children are killed in the middle of jobs, again and again."""

import os
import random
import signal
import time

import pytest

from tests.chaos import work
from tests.chaos.conftest import WHOLE
from tests.chaos.house import children, kill_nine, wait_until
from tests.chaos.verdict import judge, quiesce

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

JOBS = 100 if WHOLE else 20
SECONDS = 60 if WHOLE else 8
CHILD_EVERY, WORKER_EVERY = 2, 7
LEASE_SECONDS = 3


def test_f02_killed_workers_lose_and_double_no_job(serving, ledger, line):
    line.criterion = f"{JOBS} done, 0 doubled, all within lease + 15 s of the last kill"
    serving.start_beat()
    worker = serving.start_worker()
    work.put(serving, ledger, "chaos.effect", JOBS, seconds=0.5)
    killed = {"children": 0, "workers": 0}
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends or not all(killed.values()):
        _wait_for_children(worker)
        dies = time.monotonic() + WORKER_EVERY
        while time.monotonic() < dies - CHILD_EVERY:
            time.sleep(CHILD_EVERY)
            if alive := children(worker):
                os.kill(random.choice(alive), signal.SIGKILL)
                killed["children"] += 1
        time.sleep(max(0, dies - time.monotonic()))
        kill_nine(worker)
        killed["workers"] += 1
        worker = serving.start_worker()
    _wait_for_children(worker)
    last_kill = time.monotonic()
    wait_until(
        "every job is done", lambda: serving.unfinished() == 0, seconds=LEASE_SECONDS + 15
    )
    line.recovery_seconds = time.monotonic() - last_kill
    line.extra |= {
        **killed,
        "starts": work.starts(serving, ledger.prefix).total(),
    }
    quiesce(serving)
    line.take(judge(serving, ledger.path, present=work.effects))


def _wait_for_children(worker) -> None:
    """Wait until a worker works; how long it takes to start is not what is tested."""
    wait_until("the worker has children", lambda: len(children(worker)) >= 3, seconds=60)
