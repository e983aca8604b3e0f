"""A load that notes what was acknowledged: teams made one after the other, and reads between."""

import http.client
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Self

from tests.operations.installation import answer


@dataclass
class Load:
    """Threads that write and read through a port until told to stop."""

    port: int
    key: str
    organization: str
    threads: int = 4
    acknowledged: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    requests: int = 0
    _ending: threading.Event = field(default_factory=threading.Event)
    _running: list[threading.Thread] = field(default_factory=list)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        for number in range(self.threads):
            thread = threading.Thread(target=self._run, args=(number,), daemon=True)
            thread.start()
            self._running.append(thread)
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        for thread in self._running:
            thread.join(60)

    def wait_for(self, more: int, *, seconds: float = 60) -> float:
        """Wait until so many more requests were answered; return how many came a second."""
        started, before = time.monotonic(), self.requests
        while self.requests < before + more:
            assert time.monotonic() < started + seconds, f"{self.requests - before} of {more}"
            time.sleep(0.01)
        return more / (time.monotonic() - started)

    def _run(self, number: int) -> None:
        count = 0
        while not self._ending.is_set():
            count += 1
            name = f"load-{number}-{count}"
            base = f"/api/v1/organizations/{self.organization}"
            team = {"name": name, "display_name": name}
            if self._is_answered(201, "POST", f"{base}/teams", team):
                self.acknowledged[name] = time.monotonic()
            self._is_answered(200, "GET", f"{base}/members")
            self._is_answered(200, "GET", "/api/v1/me")

    def _is_answered(self, wanted: int, method: str, path: str, body: Any = None) -> bool:
        try:
            status, content = answer(self.port, method, path, key=self.key, body=body)
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f"{method} {path}: {type(error).__name__}: {error}")
            return False
        with self._counting:
            self.requests += 1
        if status != wanted:
            self.failures.append(f"{method} {path}: {status} {content.decode()[:300]}")
        return status == wanted
