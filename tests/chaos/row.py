"""Two web processes behind a balancer, and clients that count what fails."""

import http.client
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from tests.chaos.balancer import Balancer
from tests.chaos.house import House, free_port, wait_until
from tests.chaos.ledger import Ledger, Outcome

DRAIN_SECONDS = 0.6


@dataclass
class Row:
    """Two web processes behind a balancer, whose address the house's clients use."""

    house: House
    ports: list[int]
    balancer: Balancer
    processes: dict[int, Any] = field(default_factory=dict)

    def start(self, port: int, **environment: str) -> None:
        """Start one of the web processes and wait until the balancer uses it."""
        command = [
            sys.executable, "-m", "config.serve", "--port", str(port),
            "--drain-seconds", str(DRAIN_SECONDS), "--grace-seconds", "30",
        ]  # fmt: skip
        self.processes[port] = self.house.start(command, f"web-{port}", **environment)
        wait_until("the balancer uses it", lambda: self.balancer.is_ready(port), seconds=60)

    def end(self, port: int) -> int:
        """Tell one of the web processes to end; return its exit status."""
        process = self.processes.pop(port)
        process.send_signal(signal.SIGTERM)
        return int(process.wait(60))


@contextmanager
def two_in_a_row(house: House, **environment: str) -> Iterator[Row]:
    """Start two web processes behind a balancer, for a block."""
    with house.on_its_own():
        ports = [free_port(), free_port()]
        balancer = Balancer(ports)
        before, house.web_port = house.web_port, balancer.port
        made = Row(house, ports, balancer)
        try:
            for port in ports:
                made.start(port, **environment)
            yield made
        finally:
            balancer.stop()
            house.web_port = before


@dataclass
class Clients:
    """Threads that read and write through the balancer, each request on a connection of its own."""

    house: House
    ledger: Ledger
    failures: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.threads = [
            threading.Thread(target=self._loop, args=(act,), daemon=True)
            for act in (self._read, self._write, self._read, self._write)
        ]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.ending.set()
        for thread in self.threads:
            thread.join(60)
        self.ledger.close()

    def _loop(self, act: Any) -> None:
        while not self.ending.is_set():
            began = time.monotonic()
            try:
                act()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
            self.seconds.append(time.monotonic() - began)
            self.ending.wait(0.1)

    def _read(self) -> None:
        status, _ = request(self.house, "GET", "/api/v1/me")
        if status != 200:
            self.failures.append(f"GET: {status}")

    def _write(self) -> None:
        operation = self.ledger.begin("invite")
        status = 0
        try:
            status, _ = request(
                self.house,
                "POST",
                f"/api/v1/organizations/{self.house.slug}/invitations",
                {"addresses": [f"{operation.id}@example.com"]},
                **{"Idempotency-Key": operation.id, "X-Request-Id": operation.id},
            )
        finally:
            acked = 200 <= status < 300
            self.ledger.end(operation, Outcome.ACKED if acked else Outcome.UNKNOWN, status, 0)
        if not acked:
            self.failures.append(f"POST: {status}")


def request(
    house: House, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, Any]:
    """Send one request on a connection of its own; return status and content.

    `headers` may name another key than the house's.
    """
    connection = http.client.HTTPConnection("127.0.0.1", house.web_port, timeout=40)
    headers = {
        "Authorization": f"Bearer {house.key}",
        "Content-Type": "application/json",
        "Connection": "close",
        **headers,
    }
    with closing(connection):
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
