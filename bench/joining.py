"""Load by people: each accepts an invitation once, by the form that the console shows."""

import http.client
import statistics
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

from django.urls import reverse

from bench.meter import Load
from bench.seed import AGENT, Invitee

BROWSERS = 16


def accept_all(url: str, invitees: Sequence[Invitee], *, landing: str) -> Load:
    """Let everybody accept, sixteen at a time; right is a redirect to `landing`."""
    waiting = iter(invitees)
    lock = threading.Lock()
    taken: list[float] = []
    wrong = [0]
    received = [0]

    def browse() -> None:
        address = urlsplit(url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
        while True:
            with lock:
                invitee = next(waiting, None)
            if invitee is None:
                break
            begun = time.perf_counter()
            is_right, size = _accept(connection, invitee, landing)
            with lock:
                taken.append(time.perf_counter() - begun)
                wrong[0] += not is_right
                received[0] += size
        connection.close()

    threads = [threading.Thread(target=browse) for _ in range(BROWSERS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    shares = statistics.quantiles(taken, n=100)
    return Load(
        requests=len(taken),
        seconds=seconds,
        wrong=wrong[0],
        broken=len(invitees) - len(taken),
        p50_ms=shares[49] * 1000,
        p99_ms=shares[98] * 1000,
        bytes=received[0],
    )


def _accept(
    connection: http.client.HTTPConnection, invitee: Invitee, landing: str
) -> tuple[bool, int]:
    headers = {
        "Cookie": f"sessionid={invitee.session}; csrftoken={invitee.csrf}",
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": AGENT,
    }
    body = urlencode({"csrfmiddlewaretoken": invitee.csrf})
    connection.request("POST", reverse("identity:join"), body, headers)
    answer = connection.getresponse()
    size = len(answer.read())
    where = answer.headers.get("Location", "")
    return answer.status == 302 and where.startswith(landing), size
