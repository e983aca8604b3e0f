"""What is shown holds nothing of another organization: no id, no name, no address.

Every GET of the house with one's own ids, whole answers with their headers, also where the
query names what is the other's.
"""

import re
from collections.abc import Callable

import pytest
from django.db import transaction

from tests.walls.answers import Answer, ask, difference, told
from tests.walls.parts import named_by
from tests.walls.routes import Route, routes
from tests.walls.rows import fingerprint, marks_of
from tests.walls.town import RIVAL, Caller, Town

pytestmark = pytest.mark.django_db

READS = [route for route in routes() if "GET" in route.methods]
_NOTE = re.compile(r"^.*orgs\.audit\.exported.*$", re.MULTILINE)
LOOKING = ("organization:owner", "team:viewer", "machine")


@pytest.mark.parametrize("route", READS, ids=str)
def test_what_is_shown_is_one_s_own(route: Route, town: Town, count: Callable[[int], None]) -> None:
    marks = marks_of(town.rival.organization)
    found, cases = [], 0
    for name in LOOKING:
        caller = town.callers[name]
        if route.kind == "api" or caller.session:
            answer = told(ask(caller, route, "GET", named_by(route, town.own)))
            cases += 1
            found += [f"to {name}: {leak}" for leak in leaks(answer, marks)]
            if name == "organization:owner" and route.in_organization:
                assert answer[0] in (200, 405), f"{route} answers its owner {answer[0]}"
    count(cases)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("route", [route for route in READS if route.in_organization], ids=str)
def test_a_query_that_names_another_s_finds_what_naming_nothing_finds(
    route: Route, town: Town, count: Callable[[int], None]
) -> None:
    marks = marks_of(town.rival.organization)
    before = fingerprint(town.rival.organization)
    owner, found, cases = town.callers["organization:owner"], [], 0
    own = named_by(route, town.own)
    for parameter in _parameters(route):
        for part in ("team", "member", "role", "owner's name", "owner's address"):
            theirs, nothing = _values(town, part)
            cases += 1
            answers = [
                _undone(owner, route, own, f"{parameter}={value}") for value in (theirs, nothing)
            ]
            found += [
                f"{parameter}={part}: {leak}" for leak in leaks(_without(answers[0], theirs), marks)
            ]
            wrong = difference(_without(answers[0], theirs), _without(answers[1], nothing))
            if wrong:
                found.append(f"{parameter}={part}: {wrong}")
    count(cases)
    assert not found, "\n".join(found)
    assert fingerprint(town.rival.organization) == before


def _undone(caller: Caller, route: Route, ids: dict[str, str], query: str) -> Answer:
    """Ask and undo what it left: an export notes what was asked, and would show it to the next.

    The line of its own note is left out: its time and request are its own.
    """
    with transaction.atomic():
        status, headers, body = told(ask(caller, route, "GET", ids, query=query))
        transaction.set_rollback(True)
    return status, headers, _NOTE.sub("", body)


def leaks(answer: Answer, marks: frozenset[str]) -> list[str]:
    """Return what of the other organization an answer tells."""
    text = "\n".join([*answer[1].values(), answer[2]])
    found = [
        text[max(0, m.start() - 60) : m.end() + 20] for m in re.finditer(RIVAL, text, re.IGNORECASE)
    ]
    ids = set(re.findall(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text))
    return found + sorted(ids & marks)


def _parameters(route: Route) -> list[str]:
    if route.kind == "api":
        return sorted(route.view.query_parameters("GET") - {"limit"})
    return ["q", "role", "team", "status", "cursor", "actor", "action", "next"]


def _values(town: Town, part: str) -> tuple[str, str]:
    owner = town.rival.owner.user
    if part == "owner's name":
        return owner.username, owner.username.replace(RIVAL, "ghost")
    if part == "owner's address":
        return owner.email, owner.email.replace(RIVAL, "ghost")
    return town.foreign[part], town.absent[part]


def _without(answer: Answer, value: str) -> Answer:
    """Return an answer without the value that the query repeated."""
    status, headers, text = answer
    forms = {value, value.replace("@", "%40"), value.replace("-", "&#x2D;")}
    for form in forms:
        text = text.replace(form, "IT")
        headers = {name: known.replace(form, "IT") for name, known in headers.items()}
    return status, headers, text


def test_a_cursor_of_another_organization_s_page_shows_one_s_own_or_nothing(town: Town) -> None:
    marks = marks_of(town.rival.organization)
    owner = town.callers["organization:owner"]
    pages = [route for route in READS if route.kind == "api" and route.view.is_list]
    for route in pages:
        if not route.in_organization or not route.view.is_paged:
            continue
        own = named_by(route, town.own)
        answer = told(ask(owner, route, "GET", own, query=f"cursor={town.foreign_cursor}"))
        assert answer[0] in (200, 400), route
        assert leaks(answer, marks) == [], route
