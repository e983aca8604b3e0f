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

JOBS = 100 if WHOLE else 30
SECONDS = 60 if WHOLE else 16
CHILD_EVERY, WORKER_EVERY = 2, 7
LEASE_SECONDS = 3


def test_f02_killed_workers_lose_and_double_no_job(serving, ledger, line):
    line.criterion = f"{JOBS} done, 0 doubled, all within lease + 15 s of the last kill"
    serving.start_beat()
    worker = serving.start_worker()
    work.put(serving, ledger, "chaos.effect", JOBS, seconds=0.5)
    began = time.monotonic()
    next_child, next_worker = began + CHILD_EVERY, began + WORKER_EVERY
    killed = {"children": 0, "workers": 0}
    while time.monotonic() < began + SECONDS:
        moment = time.monotonic()
        if worker.poll() is not None or moment >= next_worker:
            if worker.poll() is None:
                kill_nine(worker)
                killed["workers"] += 1
            worker, next_worker = serving.start_worker(), moment + WORKER_EVERY
        elif moment >= next_child:
            next_child = moment + CHILD_EVERY
            if alive := children(worker):
                os.kill(random.choice(alive), signal.SIGKILL)
                killed["children"] += 1
        time.sleep(0.05)
    last_kill = time.monotonic()
    if worker.poll() is not None:
        serving.start_worker()
    # A worker starts within that time as well, on a machine that does other things.
    wait_until(
        "every job is done", lambda: serving.unfinished() == 0, seconds=LEASE_SECONDS + 15 + 15
    )
    line.recovery_seconds = time.monotonic() - last_kill
    line.extra |= {
        **killed,
        "starts": work.starts(serving, ledger.prefix).total(),
    }
    quiesce(serving)
    line.take(judge(serving, ledger.path, present=work.effects))
    assert killed["children"]
    assert killed["workers"]
