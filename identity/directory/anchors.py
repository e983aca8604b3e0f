"""Where the pages of a list begin, noted in the cache: after which row.

Clients ask by `startIndex` and walk the pages in order (RFC 7644 §3.4.2.4). Each page notes
where the next one begins, so that following it costs the same on the first page as on the
thousandth. Notes may be lost, or a client begins in the middle: then the list is surveyed
once, along the index, and every thousandth row noted.

What this process noted lately it need not ask the cache for. People who are deleted meanwhile
let pages overlap, or leave somebody out, as counting from the start would.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.cache import cache
from django.db.models import F, QuerySet, Window
from django.db.models.functions import Mod, RowNumber

from kernel.database.scope import end_reads

_KEPT_SECONDS = 600
_NEAR_SECONDS = 30
_NEAR = 10_000
_STEP = 1_000

Rows = Callable[[], "QuerySet[Any]"]


class PastTheEnd(Exception):
    """A page begins where there are no rows any more."""


class Anchors:
    """The notes about one list, of which one page is asked for."""

    def __init__(self, name: str, start_index: int, count: int) -> None:
        self._name, self._start, self._next = name, start_index, start_index + count

    def before_the_page(self, rows: Rows) -> uuid.UUID | None:
        """Return the last row before the page; None where it is the first page.

        `rows` gives the list in no order. Raises `PastTheEnd`.
        """
        if self._start == 1:
            return None
        here = self._key(self._start)
        found = near.get(here)
        if found is not None:
            return uuid.UUID(found)
        coarse = (self._start - 1) // _STEP * _STEP
        begin = self._key(coarse + 1)
        known = cache.get_many({here, begin})
        if here in known:
            near.put(here, known[here])
            return uuid.UUID(known[here])
        distance = self._start - 1 - coarse
        if begin in known:
            return self._walked(rows, uuid.UUID(known[begin]), distance)
        return self._walked(rows, self._surveyed(rows, coarse), distance)

    def note(self, length: int, last: uuid.UUID) -> None:
        """Note where the next page begins, if this one was full."""
        if self._start + length == self._next:
            self._keep(self._next, last)

    def _key(self, start_index: int) -> str:
        return f"{self._name}:{start_index}"

    def _keep(self, start_index: int, last: uuid.UUID) -> None:
        key = self._key(start_index)
        if near.get(key) != last.hex:
            cache.set(key, last.hex, _KEPT_SECONDS)
            near.put(key, last.hex)

    def _walked(self, rows: Rows, begin: uuid.UUID | None, distance: int) -> uuid.UUID | None:
        """Return the row so far behind another; what lies between is not read, but its index."""
        if not distance:
            return begin
        later = rows() if begin is None else rows().filter(id__gt=begin)
        passed = later.order_by("id").values_list("id", flat=True)[distance - 1 : distance]
        last: uuid.UUID | None = next(iter(passed), None)
        if last is None:
            raise PastTheEnd
        self._keep(self._start, last)
        return last

    def _surveyed(self, rows: Rows, wanted: int) -> uuid.UUID | None:
        """Note every thousandth row, and return the one up to which there are so many.

        Of clients that begin in the middle at once, one does it for all of them.
        """
        if not wanted:
            return None
        with _one_at_a_time(self._name):
            known = cache.get(self._key(wanted + 1))
            if known is not None:
                return uuid.UUID(known)
            numbered = rows().annotate(number=Window(RowNumber(), order_by=F("id").asc()))
            each = numbered.annotate(rest=Mod(F("number"), _STEP)).filter(rest=0)
            found: dict[int, uuid.UUID] = dict(each.values_list("number", "id"))
            notes = {self._key(number + 1): row_id.hex for number, row_id in found.items()}
            cache.set_many(notes, _KEPT_SECONDS)
        if wanted not in found:
            raise PastTheEnd
        return found[wanted]


@contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    """Let nobody else of this process do the same for a list meanwhile."""
    lock = _surveys[hash(name) % len(_surveys)]
    if not lock.acquire(blocking=False):
        end_reads()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


class _Near:
    """What this process noted, or was told, within the last seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, tuple[str, float]] = {}

    def get(self, key: str) -> str | None:
        """Return a note that is young enough."""
        value, until = self._held.get(key, (None, 0.0))
        return value if time.monotonic() < until else None

    def put(self, key: str, value: str) -> None:
        """Keep a note; of too many, all are forgotten."""
        with self._lock:
            if len(self._held) >= _NEAR:
                self._held.clear()
            self._held[key] = value, time.monotonic() + _NEAR_SECONDS

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._held.clear()


near = _Near()
_surveys = tuple(threading.Lock() for _ in range(16))
