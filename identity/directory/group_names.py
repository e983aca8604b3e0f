"""What Groups and their teams are called, for the marks in Users' texts.

All names of an organization are remembered by this process for as long as none of them
changes, which the directory's mark says; of very many, those that are asked for are read.
"""

import threading
import uuid
from collections.abc import Collection
from typing import Any

from django.db import connection

from identity.directory.sql import among, id_text, key
from identity.directory.user_text import Named, Spelling
from identity.models import Directory, SCIMGroup

_FEW = 2_000
_ADDRESSES = 50
_lock = threading.Lock()
_remembered: dict[tuple[uuid.UUID, str], tuple[uuid.UUID, Spelling]] = {}
"""What the marks of so many organizations and addresses stand for at most, and of which names.

Each is bounded (`user_text`): together they take some 100 MB at most, and a few as a rule.
"""


def remembered(directory: Directory, base: str) -> Spelling | None:
    """Return what all marks below an address stand for; None where there are too many Groups."""
    if directory.groups > _FEW:
        return None
    place = (directory.pk, base)
    with _lock:
        known = _remembered.get(place)
    if known is not None and known[0] == directory.names_mark:
        return known[1]
    found = Spelling(_read(directory, "", []), base)
    with _lock:
        if place not in _remembered and len(_remembered) >= _ADDRESSES:
            del _remembered[next(iter(_remembered))]
        _remembered[place] = directory.names_mark, found
    return found


def of_teams(
    directory: Directory, teams: Collection[str], base: str, *, leaves_out: bool = False
) -> Spelling:
    """Return what marks stand for now that ask about some teams.

    Teams without a Group are unknown, or left out.
    """
    if not teams:
        return Spelling({}, base, leaves_out=leaves_out)
    text, value = among("g.team_id", teams)
    groups = _read(directory, f" AND {text}", [value])
    return Spelling(groups, base, leaves_out=leaves_out)


def _read(directory: Directory, condition: str, values: list[Any]) -> dict[str, Named]:
    statement = (
        f"SELECT {id_text('g.team_id')}, {id_text('g.id')}, g.display_name, t.name "  # noqa: S608 - our names # nosec B608
        "FROM identity_scimgroup g JOIN orgs_team t ON t.id = g.team_id "
        f"WHERE g.organization_id = %s{condition}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [key(directory.pk), *values])
        return {
            team: Named(f"{SCIMGroup.wire_prefix}_{group.replace('-', '')}", shown, name)
            for team, group, shown, name in cursor.fetchall()
        }
