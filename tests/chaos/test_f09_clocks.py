"""Failure 9: processes whose machine's clock is wrong, while the database's is right.

Real processes. Leases, expiries and the trail go by the database's time; the
process itself says that it is not ready.
"""

import datetime as dt
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chaos.conftest import WHOLE
from tests.chaos.house import CELERY, ROOT, House, free_port, wait_until

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

MINUTE, DAY = 60, 86_400
WRONG = {"+10 minutes": 10 * MINUTE, "-10 minutes": -10 * MINUTE, "-400 days": -400 * DAY}
CLOCKWORK = ROOT / "tests" / "chaos" / "wrong_clock"
LEASE_SECONDS = 60


@pytest.fixture
def house(shared_house) -> Iterator[House]:
    with shared_house.on_its_own():
        before = shared_house.web_port
        shared_house.web_port = free_port()
        yield shared_house
        shared_house.web_port = before


@pytest.mark.parametrize("offset", WRONG if WHOLE else list(WRONG)[:2])
def test_a_wrong_clock_spoils_no_lease_no_expiry_and_no_order(house, offset, line):
    line.name = f"9 a clock that is off by {offset}"
    line.criterion = "leases, expiries and the trail by the database's time; not ready"
    house.sink.may_answer.clear()
    wrong = {"PYTHONPATH": str(CLOCKWORK), "WRONG_CLOCK_SECONDS": str(WRONG[offset])}
    serve = [sys.executable, "-m", "config.serve", "--port", str(house.web_port)]
    house.start(serve, "web-skewed", **wrong)
    worker = [*CELERY, "worker", "--pool", "solo", "-l", "WARNING"]
    house.start(worker, "worker-skewed", STEWARD_JOB_LEASE_SECONDS=str(LEASE_SECONDS), **wrong)
    wait_until("the web process answers", lambda: house.ready()[0], seconds=60)
    house.call("GET", "/api/v1/me")

    status, body = house.ready()
    assert status == 503
    assert body["checks"]["clock"]["status"] == "failed"
    assert {name for name, check in body["checks"].items() if check["status"] == "failed"} == {
        "clock"
    }

    address = f"clock{free_port()}@example.com"
    house.invite(address)
    assert house.sink.in_hand.wait(40)
    ((remaining,),) = house.ask(
        "SELECT extract(epoch FROM lease_until - clock_timestamp()) FROM kernel_job "
        "WHERE state = 'running' AND kind = 'kernel.mail.send'"
    )
    assert LEASE_SECONDS - 45 < remaining <= LEASE_SECONDS
    house.sink.may_answer.set()
    wait_until("the mail is sent", lambda: house.unfinished() == 0, seconds=40)
    assert house.sink.duplicates == 0
    ((life,),) = house.ask(
        "SELECT expires_at - sent_at FROM orgs_invitation WHERE email = %s "
        "AND abs(extract(epoch FROM clock_timestamp() - sent_at)) < 60",
        [address],
    )
    assert life == dt.timedelta(days=7)

    assert key_works(house, "clock_timestamp() + interval '5 minutes'")
    assert not key_works(house, "clock_timestamp() - interval '1 second'")
    line.extra = {"lease left": f"{remaining:.0f} of {LEASE_SECONDS} s"}
    assert out_of_order(house) == []


def key_works(house: House, expiry: str) -> bool:
    """Make a key, let it expire at a moment of the database's clock, and try it."""
    made, _ = house.call(
        "POST", f"/api/v1/organizations/{house.slug}/api-keys", {"name": f"clock {free_port()}"}
    )
    house.ask(
        f"UPDATE identity_apikey SET expires_at = {expiry} WHERE key_id = %s RETURNING 1",
        [made["secret"].split("_")[1]],
    )
    owner, house.key = house.key, made["secret"]
    try:
        house.call("GET", "/api/v1/me")
    except OSError:  # HTTPError is one
        return False
    finally:
        house.key = owner
    return True


def out_of_order(house: House) -> list[Any]:
    """Return the events that claim to be earlier than the one before them in their chain."""
    return house.ask(
        "SELECT type, occurred_at, before FROM ("
        " SELECT type, occurred_at, lag(occurred_at) OVER "
        " (PARTITION BY organization_id ORDER BY sequence) AS before FROM kernel_event"
        " WHERE request_id <> '') one WHERE occurred_at < before - interval '50 milliseconds'"
    )
