"""Who gets what from every method of every route, by the table beside this file.

Each built-in role gets what its permissions say and nothing else. Strangers and another
organization's ids are the matrix's: tests/walls/test_foreign_and_absent.py.
"""

import json
import re
from typing import Any

import pytest
from django.urls import reverse

from kernel.api.endpoint import endpoints
from orgs.permissions import ORGANIZATION_ROLES, TEAM_ROLES, Permission
from tests.wire.stage import Person, Stage
from tests.wire.table import TABLE, Line

pytestmark = pytest.mark.django_db

ROLES = (
    *(f"organization:{role}" for role in ORGANIZATION_ROLES),
    *(f"team:{role}" for role in TEAM_ROLES),
)
INSIDE = [line for line in TABLE if line.on != "oneself"]
ROUTES = {name.split(":")[-1]: (name, path, view) for name, path, view in endpoints()}


def url_of(line: Line, ids: dict[str, str]) -> str:
    name, pattern, _ = ROUTES[line.route]
    parts = re.findall(r"<str:(\w+)>", pattern)
    url = reverse(name, kwargs={part: ids[part] for part in parts})
    return f"{url}?{line.query}" if line.query else url


def send(client: Any, line: Line, ids: dict[str, str], person: Person | None) -> Any:
    data = None
    if line.body is not None:
        text = json.dumps(line.body)
        for name in ("outsider", "team"):
            text = text.replace("{" + name + "}", ids[name])
        data = json.loads(text)
    headers = person.headers if person else {}
    return client.generic(
        line.method,
        url_of(line, ids),
        "" if data is None else json.dumps(data),
        content_type="application/json",
        headers=headers,
    )


def test_every_route_has_its_line() -> None:
    declared = {
        (method, name)
        for name, (_, _, view) in ROUTES.items()
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if hasattr(view, method.lower())
    }
    written = [(line.method, line.route) for line in TABLE]
    assert len(written) == len(set(written)), "a line is there twice"
    assert set(written) == declared


@pytest.mark.parametrize("line", TABLE, ids=str)
def test_the_line_says_what_the_view_declares(line: Line) -> None:
    view = ROUTES[line.route][2]
    declared = getattr(view, "permissions", {})
    assert declared.get(line.method) == line.declares
    assert line.success == view.success(line.method)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("line", INSIDE, ids=str)
def test_a_role_gets_what_its_permissions_say(
    line: Line, role: str, acme: Stage, client: Any
) -> None:
    person = acme.people[role]
    ids = {**acme.ids, **(line.given(acme, person) if line.given else {})}
    response = send(client, line, ids, person)
    assert response.status_code == expected(line, role), response.content.decode()
    if response.status_code == 403:
        assert response.json()["permission"] == str(line.permission)


@pytest.mark.parametrize("line", [line for line in TABLE if line.on == "oneself"], ids=str)
def test_everybody_acts_for_themselves(line: Line, acme: Stage, client: Any) -> None:
    response = send(client, line, acme.ids, acme.people["organization:viewer"])
    assert response.status_code == line.success, response.content.decode()


def expected(line: Line, role: str) -> int:
    """Return the status that the role's permissions lead to, by the tables of the code."""
    assert line.permission is not None
    if line.everybody or holds(role, line.permission, line):
        return line.success
    if line.seen_by is not None and not holds(role, line.seen_by, line):
        return 404
    return 403


def holds(role: str, permission: Permission, line: Line) -> bool:
    level, _, name = role.partition(":")
    wide = ORGANIZATION_ROLES[name if level == "organization" else "member"]
    if permission in wide:
        return True
    return level == "team" and line.on == "team" and permission in TEAM_ROLES[name]
