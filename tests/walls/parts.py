"""What the parts of a path stand for: the one list to add to when a route has a new part.

`tests/wire/stage.py` and `tests/walls/town.py` make one row of each in both organizations.
"""

import re

from tests.walls.routes import Route
from tests.walls.town import MADE_UP

_OTHERWISE = {
    ("api:project-collaborator", "project"): "secret",
    ("console:project_remove", "collaborator"): "collaborator_row",
    ("identity_api:service-account-keys", "key"): "account_key",
}


def named_by(route: Route, ids: dict[str, str]) -> dict[str, str]:
    """Return the parts of a route's path; fail for one that nobody has made a row for."""
    found = {}
    for part in route.parts:
        known = _OTHERWISE.get((route.name, part), part)
        if part == "key" and route.path.startswith("/account/"):
            known = "personal_key"
        assert known in ids, (
            f"The path of {route.name} ({route.path}) has a part “{part}” that no row is made "
            f"for. Make one of it in tests/walls/town.py (`_more`), put its id into "
            f"`stage.ids[{part!r}]`, and the matrix covers the route."
        )
        found[part] = ids[known]
    return found


def swapped(wire_id: str) -> str:
    """Return an id of the same form that was never given."""
    return re.sub(r"_[0-9a-f]{32}$", f"_{MADE_UP}", wire_id)
