"""Users as they are answered: read as the text in which each was written, until it changes.

A User is read far more often than it changes, and gathering it takes ten times as long as
reading its text. Whatever changes one takes the text back and counts a turn
(`actions.directory`); whoever reads it next writes it anew, and keeps it for the others if
the turn is still the same by then. `manage.py check_invariants` holds texts against rows.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from django.db import transaction

from identity.directory import group_names, user_rows
from identity.directory.lists import Found
from identity.directory.user_rows import WrittenUser
from identity.directory.user_text import (
    are_written,
    ids_in,
    is_written,
    last_id,
    parts_of,
    teams_of,
    texts_in,
    written,
)
from identity.models import Directory, SCIMText
from kernel.database import bulk
from kernel.latest import LatestBuffer

_AT_ONCE = 500
_LONGEST = 8_000
"""So many characters a text that is kept has at most: longer ones are rare, and would be moved
out of their row."""


class Page(NamedTuple):
    """Users as an array in parts (`user_text`)."""

    parts: Sequence[str]

    @classmethod
    def of(cls, rows: Sequence[WrittenUser]) -> "Page":
        """Return some Users as a page."""
        return cls(parts_of(row.text for row in rows))

    @property
    def length(self) -> int:
        """Return how many Users there are."""
        return len(self.parts) // 2

    @property
    def last(self) -> uuid.UUID | None:
        """Return the key of the last User, None where there is none."""
        return last_id(self.parts) if self.length else None


def page(directory: Directory, found: Found) -> Page:
    """Read a page that `lists.users` found, as one text."""
    if found.stretch is not None:
        length, texts = user_rows.joined(directory, found.stretch)
        parts = parts_of([texts])
        if are_written(parts, length):
            return Page(parts)
    return Page.of(read(directory, found))


def read(directory: Directory, found: Found, *, with_activity: bool = False) -> list[WrittenUser]:
    """Read a page that `lists.users` found; with when each was last active, if asked."""
    return _complete(directory, user_rows.page(directory, found, with_activity=with_activity))


def read_these(
    directory: Directory, ids: Sequence[uuid.UUID], *, with_activity: bool = False
) -> list[WrittenUser]:
    """Read Users by their keys, in that order; those that there are not are left out."""
    return _complete(directory, user_rows.texts(directory, ids, with_activity=with_activity))


def as_json(directory: Directory, users: Page, base: str) -> str:
    """Return Users as a JSON array, with all that their marks stand for."""
    spelled = list(users.parts)
    marks = spelled[1::2]
    spelling = group_names.remembered(directory, base)
    if spelling is None:
        spelling = group_names.of_teams(directory, teams_of(marks), base)
    try:
        spelled[1::2] = [spelling[mark] for mark in marks]
    except KeyError:
        spelled = _as_of_now(directory, users, base)
    return "".join(spelled)


def _as_of_now(directory: Directory, users: Page, base: str) -> list[str]:
    """Write Users again, in parts: a team came or went since they, or the names, were read."""
    before = dict(zip(ids_in(users.parts), texts_in(users.parts), strict=True))
    now = {uuid.UUID(row.id): written(row) for row in user_rows.whole(directory, before)}
    # Who was deleted just now is on the page as before; of a team that went as well, nothing is.
    parts = parts_of(now.get(pk, text) for pk, text in before.items())
    marks = parts[1::2]
    spelling = group_names.of_teams(directory, teams_of(marks), base, leaves_out=True)
    parts[1::2] = [spelling[mark] for mark in marks]
    return parts


def _complete(directory: Directory, rows: list[WrittenUser]) -> list[WrittenUser]:
    """Write what is not written, and leave out whoever was deleted meanwhile."""
    missing = {row.id: row.pk for row in rows if not is_written(row.text)}
    if not missing:
        return rows
    every = user_rows.whole(directory, missing.values())
    anew = {row.id: (row.turn, written(row)) for row in every}
    for row_id, (turn, text) in anew.items():
        if len(text) <= _LONGEST:
            made.note(missing[row_id], (turn, text))
    return [
        row._replace(turn=anew[row.id][0], text=anew[row.id][1]) if row.id in missing else row
        for row in rows
        if row.id not in missing or row.id in anew
    ]


def stale(directory: Directory) -> Iterator[uuid.UUID]:
    """Yield the Users whose kept text is not what their rows tell now."""
    users = SCIMText.objects.of(directory.pk).exclude(text="").order_by("pk")
    after = uuid.UUID(int=0)
    while ids := list(users.filter(pk__gt=after).values_list("pk", flat=True)[:_AT_ONCE]):
        after = ids[-1]
        kept = {row.id: row for row in user_rows.texts(directory, ids, with_activity=False)}
        for row in user_rows.whole(directory, ids):
            was = kept.get(row.id)
            # Whoever changed between the two reads is at another turn.
            if was is None or was.turn != row.turn or not is_written(was.text):
                continue
            if was.text != written(row):
                yield was.pk


def _keep(latest: Mapping[uuid.UUID, tuple[int, str]]) -> None:
    """Keep texts with the rows of which they tell, where nothing has changed since."""
    every = [{"user_id": pk, "turn": turn, "text": text} for pk, (turn, text) in latest.items()]
    for begin in range(0, len(every), _AT_ONCE):
        with transaction.atomic():
            bulk.fill_in(SCIMText, every[begin : begin + _AT_ONCE], only_same=["turn"])


made: LatestBuffer[uuid.UUID, tuple[int, str]] = LatestBuffer(_keep)
"""Texts that were made and are to be kept, by the User, with the turn of which they tell."""
