"""Whose turn it is to write to a SQLite file, among threads and processes.

SQLite lets its writers poll: whoever looks just when the lock is free has it, so that under
load one of them may look in vain until its time-out. Here they wait in a line instead: the
threads of a process one behind the other, and the first of each process for the others'
at two locks on files. Who wants the second (to write) must hold the first (to be next), so
whoever has just written stands behind those who wait already. A process that dies leaves
its place.
"""

import fcntl
import os
import threading
import time
from collections import deque
from pathlib import Path

_SHORTEST_NAP_SECONDS, _LONGEST_NAP_SECONDS = 0.0005, 0.004


class Line:
    """A lock that is given to waiting threads in the order in which they came."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._is_taken = False

    def enter(self, seconds: float) -> bool:
        """Wait for so long at most; return whether it is ours."""
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return True
            called = threading.Lock()
            called.acquire()
            self._waiting.append(called)
        if called.acquire(timeout=max(seconds, 0)):
            return True
        with self._mutex:
            if called in self._waiting:
                self._waiting.remove(called)
                return False
        return True  # it was given to us just as we gave up

    def leave(self) -> None:
        """Give it to who waits longest."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False


class Turns:
    """The turns at one database file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._line = Line()
        self._files: list[int] = []
        # A child of a fork would share the locks of its parent.
        os.register_at_fork(after_in_child=self._begin_anew)

    def take(self, seconds: float) -> bool:
        """Wait for the turn for so long at most; return whether it came."""
        until = time.monotonic() + seconds
        if not self._line.enter(seconds):
            return False
        try:
            if self._take_among_processes(until):
                return True
        except BaseException:
            self._line.leave()
            raise
        self._line.leave()
        return False

    def give(self) -> None:
        """Let the next one write."""
        fcntl.flock(self._files[1], fcntl.LOCK_UN)
        self._line.leave()

    def _take_among_processes(self, until: float) -> bool:
        if not self._files:
            names = (f"{self._path}.next", f"{self._path}.turn")
            self._files = [os.open(name, os.O_RDWR | os.O_CREAT, 0o600) for name in names]
        being_next, writing = self._files
        if not _lock(being_next, until):
            return False
        try:
            return _lock(writing, until)
        finally:
            fcntl.flock(being_next, fcntl.LOCK_UN)

    def _begin_anew(self) -> None:
        for file in self._files:
            os.close(file)
        self._line, self._files = Line(), []


_turns: dict[Path, Turns] = {}
_turns_lock = threading.Lock()


def turns_at(path: Path) -> Turns:
    """Return the turns of a database file: one object for each file in a process."""
    with _turns_lock:
        found = _turns.get(path)
        if found is None:
            found = _turns[path] = Turns(path)
        return found


def _lock(file: int, until: float) -> bool:
    """Lock a file, trying again and again; nothing else can be given up after a time."""
    nap = _SHORTEST_NAP_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(nap)
            nap = min(nap * 2, _LONGEST_NAP_SECONDS)
        else:
            return True
