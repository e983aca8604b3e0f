"""Load by SCIM clients: each walks through requests of its own and reads every answer."""

import http.client
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from bench.meter import Load
from bench.seed import AGENT

CLIENTS = 16
_CONTENT_TYPE = "application/scim+json"

T = TypeVar("T")
Right = Callable[[int, bytes], bool]
"""Whether a status and a body are the right answer."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, and how to tell that its answer is right."""

    method: str
    path: str
    token: str
    right: Right
    body: bytes | None = None


class Shared(Generic[T]):
    """An iterator that several threads draw from."""

    def __init__(self, source: Iterator[T]) -> None:
        self._source, self._lock = source, threading.Lock()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._lock:
            return next(self._source)


class _Tally:
    def __init__(self) -> None:
        self.taken: list[float] = []
        self.wrong = self.broken = self.received = 0
        self.example = ""


def put(url: str, walks: Sequence[Iterator[Ask]], *, seconds: float) -> Load:
    """Let a client go through each walk until the time is up; what was begun is finished."""
    address = urlsplit(url)
    tallies = [_Tally() for _ in walks]
    begun = time.perf_counter()

    def go(walk: Iterator[Ask], tally: _Tally) -> None:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        while time.perf_counter() - begun < seconds:
            request = next(walk, None)
            if request is None:
                break
            _one(connection, request, tally)
        connection.close()

    threads = [
        threading.Thread(target=go, args=pair) for pair in zip(walks, tallies, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = time.perf_counter() - begun
    taken = [one for tally in tallies for one in tally.taken]
    for tally in tallies:
        if tally.example:
            print(f"Not the right answer: {tally.example}")
            break
    shares = statistics.quantiles(taken, n=100) if len(taken) > 1 else [0.0] * 99
    return Load(
        requests=len(taken),
        seconds=passed,
        wrong=sum(tally.wrong for tally in tallies),
        broken=sum(tally.broken for tally in tallies),
        p50_ms=shares[49] * 1000,
        p99_ms=shares[98] * 1000,
        bytes=sum(tally.received for tally in tallies),
    )


def ask(url: str, request: Ask) -> bytes:
    """Ask once; return the body of the right answer or raise `AssertionError`."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    status, body = _exchange(connection, request)
    connection.close()
    if not request.right(status, body):
        raise AssertionError(f"{request.method} {request.path}: {status} {body[:300]!r}")
    return body


def _one(connection: http.client.HTTPConnection, request: Ask, tally: _Tally) -> None:
    begun = time.perf_counter()
    try:
        status, body = _exchange(connection, request)
    except (OSError, http.client.HTTPException) as error:
        tally.broken += 1
        tally.example = tally.example or f"{request.method} {request.path}: {error!r}"
        connection.close()
        return
    tally.taken.append(time.perf_counter() - begun)
    tally.received += len(body)
    if not request.right(status, body):
        tally.wrong += 1
        tally.example = tally.example or f"{request.method} {request.path}: {status} {body[:300]!r}"


def _exchange(connection: http.client.HTTPConnection, request: Ask) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {request.token}", "User-Agent": AGENT}
    if request.body is not None:
        headers["Content-Type"] = _CONTENT_TYPE
    connection.request(request.method, request.path, request.body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()
