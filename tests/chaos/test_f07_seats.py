"""Failure 7: seats are bought, used and given back by many processes at once.

Rule: no seat is ever given beyond the limit of that moment. A purchase of fewer seats than
are in use throws nobody out; it leaves an overage that only shrinks until it is gone.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.chaos.house import ROOT

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

PROCESSES = 16
_SNAPSHOT = """
    SELECT pool.seat, pool.limit, pool.ceiling, pool.used, (
        SELECT count(*) FROM orgs_membership member
        WHERE member.organization_id = pool.organization_id
        AND member.status = 'active' AND member.seat = pool.seat)
    FROM orgs_seatpool pool WHERE pool.organization_id = %s
"""
_TRAIL = """
    SELECT type, target_id, changes FROM kernel_event
    WHERE organization_id = %s ORDER BY sequence
"""


def test_seats_are_never_oversold_while_sixteen_processes_buy_use_and_free_them(
    shared_house, line, whole
):
    seconds = 60 if whole else 5
    line.name = "7 seats under 16 processes"
    line.criterion = "no seat beyond the limit of its moment; counters equal rows; 0 deadlocks"
    work = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.seats", str(PROCESSES), str(seconds)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
        # As the tables' owner: outside of a request nobody names an organization.
        env={**shared_house.environment, "DATABASE_URL": shared_house.database_url},
    )  # fmt: skip
    assert work.stdout is not None
    organization = json.loads(work.stdout.readline())["organization"]
    samples = sample(shared_house.database_url, organization, work)
    counts: dict[str, int] = json.loads(work.stdout.read())
    failed = {what: count for what, count in counts.items() if what.startswith(("failed", "died"))}
    line.acked = counts["done"]
    line.refused = sum(count for what, count in counts.items() if what.startswith("refused"))
    trail = shared_house.ask(_TRAIL, [organization])
    steps = list(replayed(trail))
    line.extra = {
        "acts/s": round((line.acked + line.refused) / seconds),
        "samples": samples,
        "steps of the trail": len(trail),
        "purchases": sum(kind == "orgs.entitlement.applied" for kind, *_ in trail),
        "no seat was free": counts.get("refused: seat_limit_reached", 0),
    }
    assert failed == {}
    assert line.acked > PROCESSES
    assert counts.get("refused: seat_limit_reached", 0) > 0, "the limit was never met"
    assert samples >= seconds * 4
    assert [step for step in steps if step["given_beyond"]] == []
    final = {seat: used for seat, _, _, used, _ in shared_house.ask(_SNAPSHOT, [organization])}
    assert steps[-1]["used"] == final


def sample(database_url: str, organization: str, work: "subprocess.Popen[str]") -> int:
    """Look ten times a second, each time at one snapshot; return how often."""
    count = 0
    with psycopg.connect(database_url, autocommit=True) as connection:
        while work.poll() is None:
            for seat, limit, ceiling, used, rows in connection.execute(_SNAPSHOT, [organization]):
                assert used == rows, f"{used} {seat} seats are counted, {rows} are held"
                assert ceiling is None or used <= ceiling, f"{used} of {limit} {seat} ({ceiling})"
                assert (ceiling is None) == (limit is None)
            count += 1
            time.sleep(0.1)
    return count


def replayed(trail: list[tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """Walk the audit trail; yield what is in use after each, and what was given beyond."""
    limits: dict[str, int | None] = {"full": 0, "viewer": 0}
    granted: dict[str, dict[str, int | None]] = {}
    holding: dict[str, tuple[str, bool]] = {}
    for kind, target, changes in trail:
        before = _used(holding)
        if kind == "orgs.entitlement.applied":
            if "seats" in changes:
                granted[changes["source"]] = changes["seats"][1]
            for seat in limits:
                offers = [offer[seat] for offer in granted.values() if seat in offer]
                limits[seat] = None if None in offers else max(offers, default=0)
        elif kind in ("orgs.member.added", "orgs.member.joined"):
            holding[target] = (changes["seat"][1], True)
        elif kind == "orgs.member.seat_changed":
            holding[target] = (changes["seat"][1], holding[target][1])
        elif kind in ("orgs.member.deactivated", "orgs.member.reactivated"):
            holding[target] = (holding[target][0], kind.endswith("reactivated"))
        elif kind in ("orgs.member.removed", "orgs.member.left"):
            holding.pop(target)
        used = _used(holding)
        beyond = {
            seat: (used[seat], limit)
            for seat, limit in limits.items()
            if used[seat] > before[seat] and limit is not None and used[seat] > limit
        }
        yield {"kind": kind, "used": used, "given_beyond": beyond}


def _used(holding: dict[str, tuple[str, bool]]) -> dict[str, int]:
    held = [seat for seat, is_active in holding.values() if is_active]
    return {seat: held.count(seat) for seat in ("full", "viewer")}
