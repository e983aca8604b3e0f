"""Failure 13: jobs that kill their worker, eat its memory or cannot be read, among good ones."""

import sys
import time

import pytest

from kernel.jobs.relay import TASK
from tests.chaos import work
from tests.chaos.conftest import WHOLE
from tests.chaos.house import CELERY, wait_until
from tests.chaos.verdict import judge

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

GOOD = 100 if WHOLE else 40
MEMORY_BYTES = 2_000_000_000
KILLING = ("chaos.leave", *(("chaos.devour", "chaos.kill") if WHOLE else ()))
POISON = (*KILLING, "kernel.mail.send", "chaos.unknown")
LIMITED = (
    "import os, resource, sys; "
    f"resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_BYTES}, {MEMORY_BYTES})); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


def test_f13_poison_dies_and_everything_else_is_done(serving, ledger, line):
    line.criterion = f"{GOOD} good done; poison dead after 8; worker still up; delay < 60 s"
    serving.start_beat()
    # Addresses are bounded as a container's memory is: what eats it meets an end.
    worker = serving.start(
        [sys.executable, "-c", LIMITED, *CELERY, "worker", "--concurrency", "2", "-l", "WARNING"],
        "worker",
        STEWARD_JOB_PAUSES_SECONDS="0.2", STEWARD_JOB_LEASE_SECONDS="3" if WHOLE else "2",
    )  # fmt: skip
    serving.execute("DELETE FROM kernel_job WHERE state = 'dead'")
    began = time.monotonic()
    for kind in KILLING:
        work.insert(serving, kind, {"op": f"{kind}-poison"})
    work.insert(serving, "kernel.mail.send", ["not", "what", "it", "reads"])
    work.insert(serving, "chaos.unknown", {})
    work.publish(serving, "no JSON", content_type="application/json", content_encoding="utf-8")
    work.publish(serving, {"no": "task"})
    work.publish(serving, [["no id"], {}, {}], headers={"task": TASK, "id": "x", "lang": "py"})
    work.put(serving, ledger, "chaos.effect", GOOD, seconds=0.05)
    wait_until(
        "the good ones are done",
        lambda: work.effects(serving, ledger.prefix).total() >= GOOD,
        seconds=120,
    )
    delay = time.monotonic() - began
    line.extra["good ones done after"] = f"{delay:.1f} s"
    wait_until("the poison is dead", lambda: _dead(serving) == len(POISON), seconds=240)
    line.extra["poison dead after"] = f"{time.monotonic() - began:.0f} s"
    attempts = dict(
        serving.ask("SELECT kind, attempts FROM kernel_job WHERE state = 'dead' ORDER BY kind")
    )
    errors = dict(serving.ask("SELECT kind, last_error FROM kernel_job WHERE state = 'dead'"))
    # At once: what fails below must not fail the tests behind it.
    serving.execute("DELETE FROM kernel_job WHERE state = 'dead'")
    # One that dies with its worker is found dead by the claim that would have been the ninth.
    dies_with_it = {"chaos.leave", "chaos.kill"}
    assert attempts == {kind: 9 if kind in dies_with_it else 8 for kind in POISON}, errors
    assert "worker died" in errors["chaos.leave"]
    greedy = {kind for kind, error in errors.items() if "MemoryError" in error}
    assert greedy == {"chaos.devour"} & set(POISON)
    assert "Traceback" in errors["kernel.mail.send"]
    assert worker.poll() is None, "the worker is gone"
    work.put(serving, ledger, "chaos.effect", 3)
    wait_until("it works on", lambda: serving.unfinished() == 0, seconds=60)
    line.take(judge(serving, ledger.path, present=work.effects))
    assert delay < 60


def _dead(house) -> int:
    (row,) = house.ask("SELECT count(*) FROM kernel_job WHERE state = 'dead'")
    return int(row[0])
