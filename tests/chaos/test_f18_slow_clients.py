"""Failure 18: five hundred clients that send a byte now and then.

The service stands behind a proxy that takes requests in whole before it passes them on
(docs/operations.md); this is what it can bear without one.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Self

import pytest

from tests.chaos.browser import Browser, give_owner_a_password
from tests.chaos.conftest import WHOLE, whole_only
from tests.chaos.house import House, wait_until
from tests.chaos.verdict import percentile

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

CLIENTS = 500
SECONDS = 30 if WHOLE else 5
HEAD = b"GET /account/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY = (
    b"POST /account/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nCookie: csrftoken=%s\r\n\r\nlogin="
)
FEW = 8
"""More than there are threads: each waits for a body that the service has to read."""


class Drippers:
    """Clients in a thread of their own, each sending one byte a second."""

    def __init__(self, port: int, opening: bytes, *, clients: int = CLIENTS) -> None:
        self.clients = clients
        self.connected = 0
        self.ended = 0
        self._port, self._opening = port, opening
        self._ending = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        self._thread.join(20)

    async def _all(self) -> None:
        await asyncio.gather(*(self._one(number) for number in range(self.clients)))

    async def _one(self, number: int) -> None:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(self._opening)
            self.connected += 1
            await asyncio.sleep(number / self.clients)
            try:
                while not self._ending.is_set():
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(1)
            except OSError:
                self.ended += 1
            finally:
                writer.close()


def pages(browser: Browser, house: House, seconds: float) -> Iterator[float]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        page = browser.open(f"/o/{house.slug}/members")
        assert (page.status, page.is_sign_in) == (200, False), page.text[:500]
        yield page.seconds


@pytest.fixture
def browser(serving) -> Browser:
    made = Browser(serving)
    assert not made.sign_in(give_owner_a_password(serving)).is_sign_in
    return made


def test_f18_slow_heads_do_not_hold_up_the_others(serving, browser, line):
    line.name = f"f18 {CLIENTS} clients drip bytes of a request's head"
    line.criterion = "console p99 < 500 ms meanwhile"
    healthy = list(pages(browser, serving, 3))
    with Drippers(serving.web_port, HEAD) as drippers:
        wait_until("they are connected", lambda: drippers.connected == CLIENTS, seconds=30)
        meanwhile = list(pages(browser, serving, SECONDS))
    p99 = [percentile(seconds, 0.99) for seconds in (healthy, meanwhile)]
    line.extra |= {
        "pages' p99 healthy/meanwhile": f"{p99[0] * 1000:.0f}/{p99[1] * 1000:.0f} ms",
        "ended by the server": drippers.ended,
    }
    line.worst_answer = f"{max(meanwhile) * 1000:.0f} ms"
    assert p99[1] < max(0.5, 3 * p99[0])


@whole_only
def test_f18_slow_bodies_are_over_when_their_senders_are(serving, browser, line):
    """A body that must be read holds a thread, which is why a proxy has to take it in first."""
    line.name = f"f18 {FEW} clients drip bytes of a body (no proxy in front)"
    line.criterion = "served again <= 10 s after they are gone; the health of it is told"
    token = browser.cookie("csrftoken").encode()
    served, unserved = 0, 0
    with Drippers(serving.web_port, BODY % token, clients=FEW) as drippers:
        wait_until("they are connected", lambda: drippers.connected == FEW, seconds=30)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            try:
                served += browser.open("/healthz", timeout=2).status == 200
            except OSError:
                unserved += 1
    gone = time.monotonic()
    wait_until("it serves", lambda: serving.ready()[0] == 200, seconds=30)
    line.recovery_seconds = time.monotonic() - gone
    line.extra |= {"served meanwhile": served, "not within 2 s": unserved}
    assert line.recovery_seconds <= 10
