"""Users as they are answered: read as the text in which each was written, until it changes.

A User is read far more often than it changes, and gathering it takes ten times as long as
reading its text. Whatever changes one takes the text back and counts its version
(`actions.directory`); whoever reads it next writes it anew, and keeps it for the others if
the version is still the same by then. `manage.py check_invariants` holds texts against rows.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence

from django.db import transaction

from identity.directory import group_names, user_rows
from identity.directory.lists import Found
from identity.directory.user_rows import WrittenUser
from identity.directory.user_text import FORM, MARK, teams_of, written
from identity.models import Directory, SCIMUser
from kernel.database import bulk
from kernel.latest import LatestBuffer

_AT_ONCE = 500
_LONGEST = 8_000
"""So many characters a text that is kept has at most: longer ones are rare, and would be moved
out of their row."""


def read(directory: Directory, found: Found, *, with_activity: bool = False) -> list[WrittenUser]:
    """Read a page that `lists.users` found; with when each was last active, if asked."""
    return _complete(directory, user_rows.page(directory, found, with_activity=with_activity))


def read_these(
    directory: Directory, ids: Sequence[uuid.UUID], *, with_activity: bool = False
) -> list[WrittenUser]:
    """Read Users by their keys, in that order; those that there are not are left out."""
    return _complete(directory, user_rows.texts(directory, ids, with_activity=with_activity))


def as_json(directory: Directory, rows: Sequence[WrittenUser], base: str) -> str:
    """Return Users as a JSON array, with all that their marks stand for."""
    parts = _parts([row.text for row in rows])
    marks = parts[1::2]
    names = group_names.remembered(directory, base)
    if names is None:
        names = group_names.of_teams(directory, teams_of(marks), base)
    try:
        parts[1::2] = [names[mark] for mark in marks]
    except KeyError:
        parts = _as_of_now(directory, rows, base)
    return "".join(parts)


def _parts(texts: Sequence[str]) -> list[str]:
    """Return an array of texts in parts, of which each second is a mark."""
    return f"[{','.join(texts)}]".split(MARK)


def _as_of_now(directory: Directory, rows: Sequence[WrittenUser], base: str) -> list[str]:
    """Write Users again, in parts: a team came or went since they, or the names, were read."""
    every = {row.id: row for row in user_rows.whole(directory, [row.pk for row in rows])}
    teams = {team for row in every.values() for team in row.teams}
    teams |= teams_of(_parts([row.text for row in rows if row.id not in every])[1::2])
    names = group_names.of_teams(directory, teams, base)
    known = teams_of(names)
    texts = [
        written(every[row.id], known.__contains__) if row.id in every else row.text for row in rows
    ]
    parts = _parts(texts)
    # Who was deleted just now is on the page as before; of a team that went as well, nothing is.
    parts[1::2] = [names.get(mark, '"display":null') for mark in parts[1::2]]
    return parts


def _complete(directory: Directory, rows: list[WrittenUser]) -> list[WrittenUser]:
    """Write what is not written, and leave out whoever was deleted meanwhile."""
    missing = {row.id: row.pk for row in rows if not row.text.startswith(FORM)}
    if not missing:
        return rows
    every = user_rows.whole(directory, missing.values())
    anew = {row.id: (row.version, written(row)) for row in every}
    for row_id, (version, text) in anew.items():
        if len(text) <= _LONGEST:
            made.note(missing[row_id], (version, text))
    return [
        row._replace(version=anew[row.id][0], text=anew[row.id][1]) if row.id in missing else row
        for row in rows
        if row.id not in missing or row.id in anew
    ]


def stale(directory: Directory) -> Iterator[uuid.UUID]:
    """Yield the Users whose kept text is not what their rows tell now."""
    users = SCIMUser.objects.of(directory.pk).exclude(written="").order_by("pk")
    after = uuid.UUID(int=0)
    while ids := list(users.filter(pk__gt=after).values_list("pk", flat=True)[:_AT_ONCE]):
        after = ids[-1]
        kept = {row.id: row for row in user_rows.texts(directory, ids, with_activity=False)}
        for row in user_rows.whole(directory, ids):
            was = kept.get(row.id)
            # Whoever changed between the two reads has another version.
            if was is None or was.version != row.version or not was.text.startswith(FORM):
                continue
            if was.text != written(row):
                yield was.pk


def _keep(latest: Mapping[uuid.UUID, tuple[int, str]]) -> None:
    """Keep texts with the rows of which they tell, where nothing has changed since."""
    every = [
        {"id": pk, "version": version, "written": text} for pk, (version, text) in latest.items()
    ]
    for begin in range(0, len(every), _AT_ONCE):
        with transaction.atomic():
            bulk.fill_in(SCIMUser, every[begin : begin + _AT_ONCE], only_same=["version"])


made: LatestBuffer[uuid.UUID, tuple[int, str]] = LatestBuffer(_keep)
"""Texts that were made and are to be kept, by the User, with the version of which they tell."""
