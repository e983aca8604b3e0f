"""What is shown holds nothing of another organization: no id, no name, no address.

Every GET of the house with one's own ids, whole answers with their headers, also where the
query names what is the other's.

An endpoint's query parameters are declared, and all of them are tried. A page's are found by
looking on: each that the page asks its query for by name is tried alone, and those it never
asks for (they can only be repeated, as in the address of a form) all at once.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from django.db import transaction
from django.http import QueryDict

from tests.walls.answers import Answer, ask, difference, told
from tests.walls.parts import named_by
from tests.walls.routes import Route, routes
from tests.walls.town import RIVAL, Caller, Town

pytestmark = pytest.mark.django_db

READS = [route for route in routes() if "GET" in route.methods]
_NOTE = re.compile(r"^.*orgs\.audit\.exported.*$", re.MULTILINE)
GUESSED = {"q", "role", "team", "status", "cursor", "actor", "action", "next"}
"""What a page's query may hold, whether the page asks for it or not."""
LOOKING = ("organization:owner", "team:viewer", "machine")


@pytest.mark.parametrize("route", READS, ids=str)
def test_what_is_shown_is_one_s_own(route: Route, town: Town, count: Callable[[int], None]) -> None:
    found, cases = [], 0
    for name in LOOKING:
        caller = town.callers[name]
        if route.kind == "api" or caller.session:
            answer = told(ask(caller, route, "GET", named_by(route, town.own)))
            cases += 1
            found += [f"to {name}: {leak}" for leak in leaks(answer, town.marks)]
            if name == "organization:owner" and route.in_organization:
                assert answer[0] in (200, 405), f"{route} answers its owner {answer[0]}"
    count(cases)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("route", [route for route in READS if route.in_organization], ids=str)
def test_a_query_that_names_another_s_finds_what_naming_nothing_finds(
    route: Route, town: Town, count: Callable[[int], None]
) -> None:
    owner, found, cases = town.callers["organization:owner"], [], 0
    own = named_by(route, town.own)
    with looking_on() as asked:
        queries = _queries(owner, route, own, asked)
        for names in queries:
            for part in ("team", "member", "role", "owner's name", "owner's address"):
                theirs, nothing = _values(town, part)
                cases += 1
                answers = [
                    _without(_undone(owner, route, own, _query(names, value)), value)
                    for value in (theirs, nothing)
                ]
                said = _query(names, part)
                found += [f"{said}: {leak}" for leak in leaks(answers[0], town.marks)]
                wrong = difference(*answers)
                if wrong:
                    found.append(f"{said}: {wrong}")
    count(cases)
    assert not found, "\n".join(found)
    assert route.kind == "api" or {(name,) for name in asked} <= set(queries)
    assert town.stands(RIVAL)


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


class _Query(QueryDict):
    """A query string that notes what it is asked for by name; to walk through all asks nothing."""

    asked: set[str]

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        if not self._mutable:  # it is, while it is being read from the address
            self.asked.add(str(name))
        return super().__contains__(name)

    def getlist(self, name: str, *default: Any) -> Any:
        self.asked.add(name)
        return super().getlist(name, *default)

    def items(self) -> Iterator[tuple[str, Any]]:
        return ((name, super(_Query, self).__getitem__(name)) for name in self)


@contextmanager
def looking_on() -> Iterator[set[str]]:
    """Note which query parameters are asked for by name."""
    asked: set[str] = set()
    noting = type("_Query", (_Query,), {"asked": asked})
    with mock.patch("django.core.handlers.wsgi.QueryDict", noting):
        yield asked


def _queries(
    caller: Caller, route: Route, ids: dict[str, str], asked: set[str]
) -> list[tuple[str, ...]]:
    """Return the names of parameters that are tried together: each alone, or what none reads."""
    if route.kind == "api":
        return [(name,) for name in sorted(route.view.query_parameters("GET") - {"limit"})]
    # Without any, then with all: what one holds may keep the page from asking for another.
    tried: set[str] = set()
    _undone(caller, route, ids, "")
    while not asked | GUESSED <= tried:
        tried |= asked | GUESSED
        _undone(caller, route, ids, _query(sorted(tried), "x"))
    return [tuple(sorted(tried)), *((name,) for name in sorted(asked))]


def _query(names: Iterable[str], value: str) -> str:
    return "&".join(f"{name}={value}" for name in names)


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
    owner = town.callers["organization:owner"]
    pages = [route for route in READS if route.kind == "api" and route.view.is_list]
    for route in pages:
        if not route.in_organization or not route.view.is_paged:
            continue
        own = named_by(route, town.own)
        answer = told(ask(owner, route, "GET", own, query=f"cursor={town.foreign_cursor}"))
        assert answer[0] in (200, 400), route
        assert leaks(answer, town.marks) == [], route
