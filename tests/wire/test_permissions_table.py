"""Who gets what from every method of every route, by the table beside this file.

For each line: a stranger without a key is told to authenticate, another organization's
owner gets the bytes of what never existed, and each built-in role gets what its
permissions say and nothing else.
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
NOWHERE = "no-such-organization"
MADE_UP = "0192f3a45b6c7d8e9f0123456789abcd"


ROUTES = {name.split(":")[-1]: (name, path, view) for name, path, view in endpoints()}


# A feature's name is the instance's: it means the same in every organization.
NESTED = [
    line
    for line in INSIDE
    if ROUTES[line.route][1].count("<") > 1 and line.route != "feature"
]


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


def told(response: Any) -> tuple[int, bytes]:
    """Return an answer without the request's id, which every answer has its own."""
    return response.status_code, re.sub(rb"urn:steward:request:\w+", b"", response.content)


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


@pytest.mark.parametrize("line", TABLE, ids=str)
def test_a_stranger_without_a_key_is_told_to_authenticate(
    line: Line, acme: Stage, client: Any
) -> None:
    response = send(client, line, acme.ids, None)
    assert response.status_code == 401
    assert response.json()["code"] == "not_authenticated"
    assert response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("line", INSIDE, ids=str)
def test_another_organization_s_owner_gets_the_bytes_of_what_never_existed(
    line: Line, acme: Stage, rival: Stage, client: Any
) -> None:
    if line.given and line.route != "access-request-withdraw":
        line.given(acme, acme.owner)
    there = send(client, line, acme.ids, rival.owner)
    nowhere = send(client, line, {**acme.ids, "organization": NOWHERE}, rival.owner)
    assert there.status_code == 404
    assert told(there) == told(nowhere)
    assert headers_of(there) == headers_of(nowhere)


@pytest.mark.parametrize("line", NESTED, ids=str)
def test_another_organization_s_ids_are_unknown_in_one_s_own(
    line: Line, acme: Stage, rival: Stage, client: Any
) -> None:
    foreign = {**acme.ids, "organization": rival.ids["organization"]}
    made_up = {
        part: re.sub(r"_[0-9a-f]{32}$", f"_{MADE_UP}", value) for part, value in foreign.items()
    }
    made_up["team"] = "no-such-team"
    response = send(client, line, foreign, rival.owner)
    assert response.status_code == 404
    assert told(response) == told(send(client, line, made_up, rival.owner))


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


def headers_of(response: Any) -> dict[str, str]:
    return {name: text for name, text in response.headers.items() if name != "X-Request-Id"}
