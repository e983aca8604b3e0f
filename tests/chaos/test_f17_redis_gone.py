"""Failure 17: Redis is killed, frozen, emptied, full. Nobody is signed out, nothing fails."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.chaos.browser import Browser, give_owner_a_password
from tests.chaos.conftest import WHOLE
from tests.chaos.house import House, wait_until
from tests.chaos.load import Load
from tests.chaos.verdict import judge, percentile, quiesce

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

PAGES = 40 if WHOLE else 15
TRIES = 25
"""More wrong passwords than any limit lets through."""
WAYS = ["killed", "frozen", "emptied", "full"] if WHOLE else ["killed"]


@contextmanager
def failing(house: House, way: str) -> Iterator[None]:
    """Let Redis fail for the block, and be well after it."""
    client = redis.Redis(port=house.redis_port)
    if way == "killed":
        house.redis.kill()
        house.redis.wait(10)
        yield
        house.start_redis()
    elif way == "frozen":
        house.redis.send_signal(signal.SIGSTOP)
        yield
        house.redis.send_signal(signal.SIGCONT)
    elif way == "emptied":
        client.flushall()
        yield
        client.flushall()
    else:
        client.config_set("maxmemory", "1mb")
        client.config_set("maxmemory-policy", "noeviction")
        yield
        client.config_set("maxmemory", "0")
    client.close()


@pytest.fixture
def signed_in(serving) -> Browser:
    address = give_owner_a_password(serving)
    browser = Browser(serving)
    page = browser.sign_in(address)
    assert page.status == 200, page.text[:500]
    assert not page.is_sign_in
    return browser


def look_around(browser: Browser, house: House) -> list[float]:
    """Open pages of the console; each must be there, without a sign-in before it."""
    seconds = []
    for _ in range(PAGES):
        page = browser.open(f"/o/{house.slug}/members")
        assert (page.status, page.is_sign_in) == (200, False), page.text[:500]
        seconds.append(page.seconds)
    return seconds


@pytest.mark.parametrize("way", WAYS)
def test_f17_without_redis_nobody_notices_but_guessers(serving, signed_in, ledger, line, way):
    line.name = f"f17 Redis {way}"
    line.criterion = "no sign-out, no 5xx, pages' p99 < 3 x healthy; login throttling holds"
    serving.start_beat()
    serving.start_worker()
    load = Load(serving, ledger, threads=2)
    with load.running():
        began = time.monotonic()
        wait_until("the load is acked", lambda: load.acked_since(began) > 8, seconds=30)
        healthy = look_around(signed_in, serving)
        failed = time.monotonic()
        with failing(serving, way):
            failing_pages = look_around(signed_in, serving)
            guesser = Browser(serving)
            statuses = [guesser.sign_in(f"guess-{way}@example.com", "wrong").status]
            while statuses[-1] != 429 and len(statuses) < TRIES:
                statuses.append(guesser.sign_in(f"guess-{way}@example.com", "wrong").status)
        healed = time.monotonic()
        wait_until("it is acked still", lambda: load.acked_since(healed) > 8, seconds=30)
    quiesce(serving)
    line.recovery_seconds = time.monotonic() - healed
    p99 = [percentile(seconds, 0.99) for seconds in (healthy, failing_pages)]
    line.extra |= {
        "pages' p99 healthy/failing": f"{p99[0] * 1000:.0f}/{p99[1] * 1000:.0f} ms",
        "wrong passwords until 429": len(statuses),
    }
    line.worst_answer = f"{max(a.status for a in load.between(failed, healed))}"
    line.take(judge(serving, ledger.path, invariants=WHOLE))
    assert statuses[-1] == 429, statuses
    assert all(status < 500 for status in statuses)
    odd = [a for a in load.answers if not 200 <= a.status < 300]
    assert not odd, odd[:5]
    # The first page may wait for the time-out; the machine has a say in the others.
    assert percentile(failing_pages, 0.5) < 3 * max(percentile(healthy, 0.5), 0.05)
    page = signed_in.open("/account/")
    assert (page.status, page.is_sign_in) == (200, False)
