"""A process that sweeps beside a worker, so that no row can take the worker with it.

A row that kills its process must kill one that is started again, not the worker that holds
the pool. The keeper is forked while the worker has one thread; it has no other task than to
fork the sweeping process anew when that dies, from a process that has one thread still. Both
end when they are told to (SIGTERM: after the row at hand), and when the worker is gone.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

import structlog
from django.db import connections

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 0.1
_RESTART_SECONDS = 1.0


class SweepProcess:
    """The keeper, as the worker sees it; `sweep` runs until the event that it is given is set."""

    def __init__(self, sweep: Callable[[threading.Event], None]) -> None:
        self._sweep = sweep
        self._keeper = 0
        self._ending = threading.Event()

    def start(self) -> None:
        """Fork the keeper, and another one should it ever be killed."""
        self._fork()
        threading.Thread(target=self._watch, name="sweep-keeper", daemon=True).start()

    def _fork(self) -> None:
        keeper = os.fork()
        if keeper == 0:
            _end_with(lambda: _keep(self._sweep))
        self._keeper = keeper

    def _watch(self) -> None:
        while not self._ending.wait(_LOOK_SECONDS):
            if not _has_ended(self._keeper):
                continue
            if not self._ending.wait(_RESTART_SECONDS):
                log.error("sweep_keeper_died")
                self._fork()

    def stop(self, seconds: float) -> None:
        """Let the sweep finish its row; after so many seconds end it as it is."""
        self._ending.set()
        if not self._keeper:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._keeper, signal.SIGTERM)
        until = time.monotonic() + seconds
        while not _has_ended(self._keeper):
            if time.monotonic() > until:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._keeper, signal.SIGKILL)
                until = float("inf")
            time.sleep(0.02)
        self._keeper = 0


def _keep(sweep: Callable[[threading.Event], None]) -> None:
    """Keep one sweeping process alive until told to end, or until the worker is gone."""
    ending = _ended_by_signal()
    keeper, worker = os.getpid(), os.getppid()
    while not ending.is_set() and os.getppid() == worker:
        child = os.fork()
        if child == 0:
            _end_with(lambda: _sweep_under(keeper, sweep))
        told = False
        while not _has_ended(child):
            if not told and (ending.is_set() or os.getppid() != worker):
                os.kill(child, signal.SIGTERM)
                told = True
            time.sleep(_LOOK_SECONDS)
        if not ending.is_set() and os.getppid() == worker:
            log.error("sweep_process_died")
            ending.wait(_RESTART_SECONDS)


def _sweep_under(keeper: int, sweep: Callable[[threading.Event], None]) -> None:
    ending = _ended_by_signal()

    def watch() -> None:
        """End when the keeper was killed, which could not tell us."""
        while not ending.wait(_LOOK_SECONDS):
            if os.getppid() != keeper:
                ending.set()

    threading.Thread(target=watch, name="sweep-watch", daemon=True).start()
    sweep(ending)


def _ended_by_signal() -> threading.Event:
    """Return what SIGTERM sets. A terminal's Ctrl-C reaches all: the worker tells us then."""
    ending = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ending.set()

    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end)
    return ending


def _end_with(task: Callable[[], None]) -> None:
    """Do the task of a process just forked, and end without the worker's own clearing up."""
    status = 1
    try:
        # The worker's connections are not ours; the driver knows whose they are.
        for alias in connections:
            with contextlib.suppress(AttributeError):
                del connections[alias]
        task()
        status = 0
    except BaseException as error:
        log.exception("sweep_process_failed", error=type(error).__name__)
    finally:
        os._exit(status)


def _has_ended(child: int) -> bool:
    try:
        return os.waitpid(child, os.WNOHANG)[0] == child
    except ChildProcessError:
        return True
