"""What a body names is looked for in one's own organization, and sets what is declared.

Another organization's ids, names and addresses in every field of every body get the
answer of what never was. Every field of every model that a body does not declare is
refused by its name.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction
from rest_framework import serializers

from orgs.models import Organization, User
from tests.walls.answers import BODIES, Answer, ask, difference, send, told
from tests.walls.parts import named_by
from tests.walls.routes import Route, routes
from tests.walls.rows import tenant_models
from tests.walls.town import GHOST, RIVAL, Town

pytestmark = pytest.mark.django_db

WRITES = [
    (route, method)
    for route in routes()
    if route.kind == "api"
    for method in ("POST", "PUT", "PATCH")
    if method in route.methods and method in route.view.bodies
]
FIELDS = sorted(
    {
        name
        for model in (*tenant_models(), Organization, User)
        for field in model._meta.concrete_fields
        for name in (field.name, field.attname)
    }
    | {"is_owner", "org", "verified", "created", "owner", "permissions", "is_staff", "is_superuser"}
)
AT_ONCE = 20
"""How many unknown members one answer names."""

ONE_NAMESPACE = {("api:teams", "name"), ("api:team", "name"), ("api:organization", "slug")} | {
    ("api:organizations", "slug"),
    ("api:organizations", "name"),  # a slug is made of it
}
"""Names that are the whole installation's: that one is taken is what a person has to hear."""

FRESH = re.compile(
    r"[a-z]+_[0-9a-f]{32}|\d{4}-\d\d-\d\dT[\d:.]+Z|stw_\w+|/join/\w+|\"last_four\":\"\w{4}\""
)
"""What is new whenever something is made."""


def _name(case: Any) -> str:
    return str(case)


@pytest.mark.parametrize(("route", "method"), WRITES, ids=_name)
def test_what_a_body_names_of_another_s_is_what_never_was(
    route: Route, method: str, town: Town, count: Callable[[int], None]
) -> None:
    owner, own = town.callers["organization:owner"], named_by(route, town.own)
    body = _body(route, method, town)
    wrong, cases = [], 0
    for name, field in route.view.bodies[method]().fields.items():
        if (route.name, name) in ONE_NAMESPACE:
            continue
        for theirs, nothing in _pairs(town):
            cases += 1
            answers = []
            for value in (theirs, nothing):
                with transaction.atomic():
                    data = {**body, name: _shaped(field, name, value)}
                    answer = told(ask(owner, route, method, own, data=data))
                    transaction.set_rollback(True)
                answers.append(_without(answer, value))
            difference_ = difference(*answers)
            if difference_:
                wrong.append(f"{name}={theirs}: {difference_}")
            if answers[0][0] < 400 and RIVAL in json.dumps(answers[0]).lower():
                wrong.append(f"{name}={theirs}: rival is told of")
    count(cases)
    assert not wrong, "\n".join(wrong)
    assert town.stands(RIVAL)


@pytest.mark.parametrize(("route", "method"), WRITES, ids=_name)
def test_a_field_that_is_not_declared_cannot_be_set(
    route: Route, method: str, town: Town, count: Callable[[int], None]
) -> None:
    owner, own = town.callers["organization:owner"], named_by(route, town.own)
    declared = set(route.view.bodies[method]().fields)
    body = _body(route, method, town)
    undeclared = [name for name in FIELDS if name not in declared]
    taken = []
    for start in range(0, len(undeclared), AT_ONCE):
        names = undeclared[start : start + AT_ONCE]
        evil = {name: _evil(name, town) for name in names}
        answer = ask(owner, route, method, own, data={**body, **evil})
        refused = {
            error["pointer"].strip("/")
            for error in answer.json().get("errors", ())
            if error["code"] == "unknown_field"
        }
        if answer.status_code != 422:
            taken.append(f"{names}: status {answer.status_code}")
        taken += [name for name in names if name not in refused]
    count(len(undeclared))
    assert not taken, f"{method} {route} takes {taken}"
    assert town.stands("acme")
    assert town.stands(RIVAL)


def test_a_query_parameter_that_is_not_declared_is_refused_for_every_field(town: Town) -> None:
    owner = town.callers["organization:owner"]
    for route in routes():
        if route.kind == "api" and "GET" in route.methods:
            url = route.url(named_by(route, town.own))
            allowed = route.view.query_parameters("GET")
            for name in ("organization", "organization_id", "id", "pk", "user_id", "version"):
                if name not in allowed:
                    answer = send(owner, "GET", f"{url}?{name}={town.foreign['team']}", text="")
                    assert answer.status_code == 400, (route, name)


def _body(route: Route, method: str, town: Town) -> dict[str, Any]:
    text = json.dumps(BODIES.get((method, route.name.split(":")[-1]), {}))
    for part in ("outsider", "team"):
        text = text.replace("{" + part + "}", town.own[part])
    found: dict[str, Any] = json.loads(text)
    return found


def _pairs(town: Town) -> Iterator[tuple[str, str]]:
    """Yield what is rival's, beside what never was, in the forms that bodies name things."""
    for part in ("team", "member", "role", "account"):
        yield town.foreign[part], town.absent[part]
    person = town.rival.people["target"].user
    for text in (person.username, person.email):
        yield text, text.replace(RIVAL, GHOST)


def _shaped(field: Any, name: str, value: str) -> Any:
    """Put a value into the shape that the field wants."""
    if name == "teams":
        return [{"team": value, "role": "viewer"}]
    if isinstance(field, serializers.ListField | serializers.ListSerializer):
        return [value]
    return value


def _evil(name: str, town: Town) -> Any:
    if name.startswith(("is_", "allows_", "enforces_", "verified")):
        return True
    if name.startswith("organization") or name == "org":
        return town.rival.organization.wire_id
    return {"role": "owner", "seat": "full", "version": 99}.get(name, "x")


def _without(answer: Answer, value: str) -> Answer:
    """Return an answer without what was sent, and without what is new each time."""
    status, headers, text = answer
    kept = {n: v for n, v in headers.items() if n not in ("ETag", "Location", "Content-Length")}
    text = text.replace(value, "IT")
    return status, kept, FRESH.sub("NEW", text)
