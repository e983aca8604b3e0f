"""Failure 1: the broker is away when a change commits. No request notices, no effect is lost."""

import signal
import time

import pytest

from tests.chaos.conftest import WHOLE
from tests.chaos.house import kill_nine, wait_until
from tests.chaos.ledger import Outcome
from tests.chaos.load import Load
from tests.chaos.verdict import judge, percentile, quiesce

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

CHANGES = 200 if WHOLE else 100
KINDS = ("invite", "team", "key", "project")
ROUNDS = 3
"""A machine that does other things as well spoils a measurement; three must not all be spoilt."""


def answered(load: Load, since: float, count: int) -> list[float]:
    """Wait for so many successes; return the seconds of the answers until then."""
    wait_until("the changes are acked", lambda: load.acked_since(since) >= count, seconds=180)
    return [a.seconds for a in load.between(since, time.monotonic())]


def test_f01_a_frozen_broker_slows_no_request_and_loses_nothing(serving, ledger, line):
    line.criterion = f"{CHANGES} acked, p99 < 2 x healthy p99; all effects <= 30 s after; 0 doubled"
    serving.start_beat()
    serving.start_worker()
    load = Load(serving, ledger, kinds=KINDS)
    ratios = []
    with load.running():
        answered(load, time.monotonic(), 30)
        for _ in range(ROUNDS):
            healthy = answered(load, time.monotonic(), CHANGES)
            serving.redis.send_signal(signal.SIGSTOP)
            frozen = answered(load, time.monotonic(), CHANGES)
            serving.redis.send_signal(signal.SIGCONT)
            thawed = time.monotonic()
            p99 = [percentile(seconds, 0.99) for seconds in (healthy, frozen)]
            ratios.append(p99[1] / p99[0])
            line.extra["healthy/frozen p99"] = f"{p99[0] * 1000:.0f}/{p99[1] * 1000:.0f} ms"
            line.worst_answer = f"{max(frozen) * 1000:.0f} ms"
            if ratios[-1] < 2:
                break
    odd = [a for a in load.answers if not 200 <= a.status < 300]
    assert not odd, odd[:5]
    quiesce(serving, seconds=30)
    line.recovery_seconds = time.monotonic() - thawed
    line.take(judge(serving, ledger.path))
    assert line.mails_again == 0
    assert min(ratios) < 2


def test_f01_a_web_server_killed_between_commit_and_answer_has_done_it_once(
    serving, ledger, line
):
    line.criterion = "each change once, found by its Idempotency-Key; its mail arrives"
    serving.start_worker()
    serving.start_beat()
    pause, paused = serving.directory / "pause", serving.directory / "paused"
    for _ in range(3 if WHOLE else 1):
        pause.touch()
        paused.unlink(missing_ok=True)
        load = Load(serving, ledger, kinds=("invite", "team"), threads=2)
        load.start()
        wait_until("a change is committed", paused.exists, seconds=30)
        kill_nine(serving.web)
        pause.unlink()
        load.stop()
        unknown = load.count(Outcome.UNKNOWN)
        assert unknown
        began = time.monotonic()
        serving.start_web()
        load.settle()
        assert load.count(Outcome.UNKNOWN) == 0
        line.extra["unknown, then settled"] = line.extra.get("unknown, then settled", 0) + unknown
    quiesce(serving, seconds=30)
    line.recovery_seconds = time.monotonic() - began
    line.take(judge(serving, ledger.path))
