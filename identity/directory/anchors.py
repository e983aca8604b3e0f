"""Where the pages of a list begin, noted in the cache: after which row.

Clients ask by `startIndex` and walk the pages in order (RFC 7644 §3.4.2.4). Each page notes
where the next one begins, so that following it costs the same on the first page as on the
thousandth. Notes may be lost, or a client begins in the middle: then the list is surveyed
once, along the index, and every thousandth row noted.
"""

import uuid
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from django.db.models import F, QuerySet, Window
from django.db.models.functions import Mod, RowNumber

_KEPT_SECONDS = 600
_STEP = 1_000

Rows = Callable[[], "QuerySet[Any]"]


class PastTheEnd(Exception):
    """A page begins where there are no rows any more."""


class Anchors:
    """The notes about one list, of which one page is asked for."""

    def __init__(self, name: str, start_index: int, count: int) -> None:
        self._name, self._start, self._next = name, start_index, start_index + count
        self._known_next = ""

    def before_the_page(self, rows: Rows) -> uuid.UUID | None:
        """Return the last row before the page; None where it is the first page.

        `rows` gives the list in no order. Raises `PastTheEnd`.
        """
        coarse = (self._start - 1) // _STEP * _STEP
        here, there, begin = (self._key(one) for one in (self._start, self._next, coarse + 1))
        known = cache.get_many({here, there, begin})
        self._known_next = known.get(there, "")
        if self._start == 1:
            return None
        if here in known:
            return uuid.UUID(known[here])
        if begin in known:
            return self._walked(rows, uuid.UUID(known[begin]), self._start - 1 - coarse)
        return self._walked(rows, self._surveyed(rows, coarse), self._start - 1 - coarse)

    def note(self, length: int, last: uuid.UUID) -> None:
        """Note where the next page begins, if this one was full."""
        if self._start + length == self._next and last.hex != self._known_next:
            cache.set(self._key(self._next), last.hex, _KEPT_SECONDS)

    def _key(self, start_index: int) -> str:
        return f"{self._name}:{start_index}"

    def _walked(self, rows: Rows, begin: uuid.UUID | None, distance: int) -> uuid.UUID | None:
        """Return the row so far behind another; what lies between is not read, but its index."""
        if not distance:
            return begin
        later = rows() if begin is None else rows().filter(id__gt=begin)
        passed = later.order_by("id").values_list("id", flat=True)[distance - 1 : distance]
        last: uuid.UUID | None = next(iter(passed), None)
        if last is None:
            raise PastTheEnd
        cache.set(self._key(self._start), last.hex, _KEPT_SECONDS)
        return last

    def _surveyed(self, rows: Rows, wanted: int) -> uuid.UUID | None:
        """Note every thousandth row, and return the one up to which there are so many."""
        if not wanted:
            return None
        numbered = rows().annotate(number=Window(RowNumber(), order_by=F("id").asc()))
        each = numbered.annotate(rest=Mod(F("number"), _STEP)).filter(rest=0)
        found: dict[int, uuid.UUID] = dict(each.values_list("number", "id"))
        if wanted not in found:
            raise PastTheEnd
        notes = {self._key(number + 1): row_id.hex for number, row_id in found.items()}
        cache.set_many(notes, _KEPT_SECONDS)
        return found[wanted]
