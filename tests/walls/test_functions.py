"""Who may do what: the document, the code and the pages say the same, in both directions."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from orgs.permissions import ORGANIZATION_ROLES, TEAM_ROLES
from tests.walls.answers import ask
from tests.walls.parts import named_by
from tests.walls.routes import Route, routes
from tests.walls.town import Town
from tests.wire.table import TABLE
from tests.wire.test_permissions_table import ROUTES as ENDPOINTS

DOCUMENT = Path(settings.BASE_DIR, "docs/permissions.md").read_text()
PAGES = [route for route in routes() if route.kind == "page" and "GET" in route.methods]


def _table(heading: str) -> list[list[str]]:
    """Return the rows of a heading's table, its head first, without the ruler."""
    section = DOCUMENT.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [
        [cell.strip(" `") for cell in row.strip("|").split("|")] for row in rows if "---" not in row
    ]


@pytest.mark.parametrize(
    ("heading", "roles"),
    [("Roles of an organization", ORGANIZATION_ROLES), ("Roles of a team", TEAM_ROLES)],
)
def test_the_document_says_what_each_role_holds_and_what_not(
    heading: str, roles: dict[str, frozenset[str]]
) -> None:
    head, *rows = _table(heading)
    names = head[2:]
    assert set(names) == set(roles)
    told = {
        name: {row[0] for row in rows if row[2 + column] == "yes"}
        for column, name in enumerate(names)
    }
    assert told == {name: {str(permission) for permission in held} for name, held in roles.items()}


def test_the_document_says_what_each_request_needs_and_no_request_is_missing() -> None:
    _, *rows = _table("What each request needs")
    told = {tuple(row[0].split(" ", 1)): row for row in rows}
    meant = {(line.method, ENDPOINTS[line.route][1]): line for line in TABLE}
    written = {(method, re.sub(r"<str:(\w+)>", r"{\1}", path)) for method, path in meant}
    assert set(told) == written
    for (method, path), line in meant.items():
        row = told[method, re.sub(r"<str:(\w+)>", r"{\1}", path)]
        if line.declares is not None:
            assert str(line.declares) in " ".join(row[1:]), line


@pytest.mark.django_db
@pytest.mark.parametrize("route", PAGES, ids=str)
def test_a_page_opens_for_the_roles_that_hold_its_permission(
    route: Route, town: Town, count: Callable[[int], None]
) -> None:
    own, wrong, cases = named_by(route, town.own), [], 0
    needed = str(route.view.permission)
    for role, held in ORGANIZATION_ROLES.items():
        cases += 1
        status = ask(town.callers[f"organization:{role}"], route, "GET", own).status_code
        if needed in held and role == "owner" and status in (403, 404):
            wrong.append(f"{role} holds {needed} and is refused: {status}")
        if needed not in held and status not in (403, 404) and needed not in _BY_POLICY:
            wrong.append(f"{role} lacks {needed} and gets {status}")
        if status >= 500:
            wrong.append(f"{role} gets {status}")
    for role in TEAM_ROLES:
        cases += 1
        status = ask(town.callers[f"team:{role}"], route, "GET", own).status_code
        may = needed in ORGANIZATION_ROLES["member"] | TEAM_ROLES[role]
        if (not may and status not in (403, 404)) or status >= 500:
            wrong.append(f"team {role} lacks {needed} and gets {status}")
    count(cases)
    assert not wrong, "\n".join(wrong)


_BY_POLICY: frozenset[str] = frozenset({"team.create"})
"""What an organization's policy may let members do as well."""
