"""The witness itself: a ledger that is believed must be able to find fault."""

import json
from collections import Counter

import pytest

from tests.chaos.ledger import Ledger, Outcome, read
from tests.chaos.verdict import judge


@pytest.fixture
def ledger(tmp_path):
    made = Ledger(tmp_path / "ledger")
    yield made
    made.close()


def test_an_operation_is_written_before_it_is_sent(ledger):
    operation = ledger.begin("team", name="a")
    assert read(ledger.path)[operation.id].outcome == Outcome.UNKNOWN


def test_the_newest_outcome_counts(ledger):
    operation = ledger.begin("team")
    ledger.end(operation, Outcome.UNKNOWN, 503, 0.1)
    ledger.begin_again(operation)
    ledger.end(operation, Outcome.ACKED, 201, 0.1)
    found = read(ledger.path)[operation.id]
    assert (found.outcome, found.sent, found.answers) == (Outcome.ACKED, 2, [503, 201])


def test_a_line_that_was_cut_off_is_left_out(ledger):
    operation = ledger.begin("team")
    with ledger.path.open("a") as file:
        file.write(json.dumps({"op": operation.id, "outcome": "acked"})[:-9])
    assert read(ledger.path)[operation.id].outcome == Outcome.UNKNOWN


def test_the_verdict_finds_what_is_lost_doubled_and_from_nowhere(ledger):
    kept, gone, twice, refused, unknown = (ledger.begin("row") for _ in range(5))
    for operation in (kept, gone, twice):
        ledger.end(operation, Outcome.ACKED, 201, 0.1)
    ledger.end(refused, Outcome.REFUSED, 409, 0.1)
    effects = Counter({kept.id: 1, twice.id: 2, refused.id: 1, unknown.id: 1, "stranger": 1})
    verdict = judge(
        None, ledger.path, invariants=False, present=lambda _house, _prefix: effects
    )
    assert (verdict.acked, verdict.refused, verdict.unknown) == (3, 1, 1)
    assert verdict.lost == [gone.id]
    assert verdict.doubled == [twice.id]
    assert verdict.ghosts == sorted([refused.id, "stranger"])
    assert not verdict.holds
