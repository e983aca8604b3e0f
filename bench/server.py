"""The product under load: the web process that `make run` starts, bound to one core."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from bench import machine
from config.supervise import web_command

_START_SECONDS = 60
_IDLE_SHARE = 0.1
_PAUSE_SECONDS = 0.25


class DidNotStart(Exception):
    """The web process ended or did not answer; its log says why."""


class Server:
    """One web process on one core."""

    def __init__(self, *, port: int, core: int, environment: Mapping[str, str], log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.start_seconds = 0.0
        self._core, self._log = core, log
        self._command = web_command("127.0.0.1", port)
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if self._answers():
            raise DidNotStart(f"Something else answers at {self.url}: name a port by BENCH_PORT.")
        begun = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(self._core), *self._command],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while not self._answers():
            late = time.monotonic() - begun > _START_SECONDS
            if late or self._process.poll() is not None:
                self.__exit__()
                raise DidNotStart(f"The web process did not start:\n{self._log.read_text()}")
            time.sleep(0.02)
        self.start_seconds = time.monotonic() - begun
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(8)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def processes(self) -> list[int]:
        """Return the processes of the server."""
        return machine.group(self._process.pid) if self._process else []

    def drain(self) -> None:
        """Wait until nothing is left of a run, so that the next one does not pay for it."""
        for _ in range(60):
            before = machine.cpu_seconds(self.processes())
            time.sleep(_PAUSE_SECONDS)
            if machine.cpu_seconds(self.processes()) - before <= _IDLE_SHARE * _PAUSE_SECONDS:
                return

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False
