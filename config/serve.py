"""The web process: granian, with an end that no caller notices. `python -m config.serve`.

On SIGTERM `/readyz` answers 503 at once while requests are still served; after
`--drain-seconds`, by when a balancer has looked, nothing more is accepted; what is under
way gets `--grace-seconds` to finish; the exit status is 0. A second SIGTERM ends it now.
SIGINT (Ctrl-C) leaves the draining out. Signal the process alone, not its group: workers
end as soon as they are told to (systemd: KillMode=mixed).
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MPServer

from kernel.draining import VARIABLE

IDLE_THREAD_SECONDS = 600
HEAD_MILLISECONDS = 10_000
"""How long a request's head may take. Granian bounds no body's time: a proxy in front must."""


class Server(MPServer):
    """Granian's server of WSGI processes; the announcement comes before the end."""

    wrks: list[Any]

    def __init__(self, *, drain_seconds: float, announcement: Path, **options: Any) -> None:
        super().__init__("config.wsgi:application", **options)
        self._drain_seconds, self._announcement = drain_seconds, announcement
        self._is_ending = False

    def signal_handler_interrupt(self, *args: Any, **_kwargs: Any) -> None:
        """Begin to drain; when asked again, end now (granian's handler of both signals)."""
        if self._is_ending:
            for worker in self.wrks:
                worker.kill()
            self._stop_accepting()
            return
        self._is_ending = True
        self._announcement.unlink(missing_ok=True)
        if self._drain_seconds and args[:1] != (signal.SIGINT,):
            timer = threading.Timer(self._drain_seconds, self._stop_accepting)
            timer.daemon = True
            timer.start()
        else:
            self._stop_accepting()

    def _stop_accepting(self) -> None:
        """Let granian end its workers, each after what is under way in it."""
        super().signal_handler_interrupt()  # type: ignore[no-untyped-call] # granian's


def main() -> int:
    """Serve until a signal comes; return the exit status."""
    given = _parser().parse_args()
    _wait_for_a_turn()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.embedded")
    with tempfile.TemporaryDirectory(prefix="steward-") as directory:
        announcement = Path(directory) / "serving"
        announcement.touch()
        os.environ[VARIABLE] = str(announcement)
        Server(
            drain_seconds=given.drain_seconds,
            announcement=announcement,
            address=given.host,
            port=given.port,
            interface=Interfaces.WSGI,
            workers=given.workers,
            blocking_threads=given.threads,
            blocking_threads_idle_timeout=IDLE_THREAD_SECONDS,
            websockets=False,
            http1_settings=HTTP1Settings(header_read_timeout=HEAD_MILLISECONDS),
            log_level=LogLevels.warning,
            workers_kill_timeout=given.grace_seconds,
        ).serve()
    return 0


def _wait_for_a_turn() -> None:
    """Let no thread of ours be run in the middle of another's turn (Linux, SCHED_BATCH).

    The threads of a process go on one at a time. One that is woken as soon as a part of the
    database's answer is there takes the core from whoever is at work, which is the database
    or the thread whose end it must wait for then. That cost an eighth of what one process can
    answer (docs/adr/0010).
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m config.serve", description=__doc__)
    known = os.environ
    add = parser.add_argument
    add("--host", default=known.get("HOST", "127.0.0.1"))
    add("--port", type=int, default=known.get("PORT", "8000"))
    add("--workers", type=int, default=known.get("WEB_WORKERS", "1"), help="processes (1)")
    add("--threads", type=int, default=known.get("WEB_THREADS", "4"), help="of each process (4)")
    add(
        "--drain-seconds", type=float, default=known.get("STEWARD_DRAIN_SECONDS", "5"),
        help="from SIGTERM until nothing more is accepted; longer than the balancer's checks "
        "are apart (5)",
    )  # fmt: skip
    add(
        "--grace-seconds", type=int, default=known.get("STEWARD_GRACE_SECONDS", "30"),
        help="for requests that are under way then (30)",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
