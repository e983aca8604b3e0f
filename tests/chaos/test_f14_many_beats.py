"""Failure 14: three beats at once, and one that is frozen for a while."""

import signal
import time

import pytest

from tests.chaos import work
from tests.chaos.conftest import WHOLE
from tests.chaos.house import wait_until

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

SECONDS = 30 if WHOLE else 8
FROZEN_SECONDS = 20 if WHOLE else 4
TICKING = {"STEWARD_CHAOS_TICK": "1"}


def test_f14_three_beats_run_each_slot_once(serving, line):
    line.criterion = f"{SECONDS} +- 1 slots in {SECONDS} s, each once; takeover <= 15 s"
    serving.told |= TICKING
    try:
        beats = [serving.start_beat() for _ in range(3)]
        serving.start_worker()
        wait_until("slots are run", lambda: _slots(serving), seconds=60)
        # All three beat by now: their logs say nothing, their connections do.
        began = time.monotonic()
        first = _newest(serving)
        beats[0].send_signal(signal.SIGSTOP)
        frozen_until = began + FROZEN_SECONDS
        gaps = 0.0
        while time.monotonic() < began + SECONDS:
            gaps = max(gaps, float(serving.ask(
                "SELECT extract(epoch FROM now() - max(created_at)) FROM kernel_job "
                "WHERE kind = 'chaos.tick'"
            )[0][0]))  # fmt: skip
            if time.monotonic() >= frozen_until:
                beats[0].send_signal(signal.SIGCONT)
            time.sleep(0.2)
        inserted = _newest(serving) - first
    finally:
        for name in TICKING:
            del serving.told[name]
    assert all(beat.poll() is None for beat in beats)
    serving.stop(beats)
    wait_until("the slots are done", lambda: _unfinished(serving) == 0, seconds=60)
    slots = serving.ask(
        "SELECT op, count(*) FROM chaos_effect WHERE op LIKE '20%' GROUP BY op"
    )
    line.extra |= {"slots": inserted, "longest gap": f"{gaps:.1f} s"}
    line.acked, line.doubled = len(slots), sum(count > 1 for _, count in slots)
    rows = serving.ask("SELECT count(*) FROM kernel_job WHERE kind = 'chaos.tick'")[0][0]
    assert line.doubled == 0
    assert len(slots) == rows
    assert gaps <= 15
    # A beat that had no time to look left out a slot, by design; on a quiet machine none does.
    assert SECONDS * 0.6 <= inserted <= SECONDS + 2
    twice = (
        "SELECT kind, payload FROM kernel_job WHERE unique_key LIKE 'slot:%' "
        "GROUP BY kind, payload HAVING count(*) > 1"
    )
    assert serving.ask(twice) == []


def _slots(house) -> int:
    (row,) = house.ask("SELECT count(*) FROM chaos_effect WHERE op LIKE '20%'")
    return int(row[0])


def _unfinished(house) -> int:
    found = work.states(house, "chaos.tick")
    return found["due"] + found["running"]


def _newest(house) -> int:
    """Return how many slots of the test's schedule have a row."""
    (row,) = house.ask("SELECT count(*) FROM kernel_job WHERE kind = 'chaos.tick'")
    return int(row[0])
