"""What is another's takes as long as what never was: the same queries, the same time.

The queries are compared exactly, for every route. The time is compared for those that
stand for the rest: medians of many requests in turns, of this process's CPU alone.
"""

import gc
import re
import time
from collections.abc import Callable, Iterator
from statistics import median

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.walls.answers import ask
from tests.walls.parts import named_by
from tests.walls.routes import Route, routes
from tests.walls.town import RIVAL, Caller, Town

pytestmark = pytest.mark.django_db

ROUTES = {route.name: route for route in routes() if route.in_organization}
TIMED = (
    ("api:organization", "theirs"),
    ("api:team", "their team under mine"),
    ("api:member", "their member under mine"),
    ("identity_api:api-key", "their key under mine"),
    ("api:invitation", "theirs"),
    ("api:project", "their project under mine"),
    ("console:members", "theirs"),
    ("console:team", "their team under mine"),
)
SAMPLES = 500
TRIES = 4
AT_MOST_APART = 0.10

_VALUE = re.compile(r"'(?:[^']|'')*'(?:::\w+)?|\b\d+\b")


@pytest.mark.parametrize("route", ROUTES.values(), ids=str)
def test_the_same_is_asked_of_the_database(
    route: Route, town: Town, count: Callable[[int], None]
) -> None:
    owner, apart, cases = town.callers["organization:owner"], [], 0
    for method in route.methods:
        for what, theirs, nothing in pairs(route, town):
            cases += 1
            for ids in (theirs, nothing):  # what is read once per process
                ask(owner, route, method, ids)
            found, none = (_asked(owner, route, method, ids) for ids in (theirs, nothing))
            if found != none:
                apart.append("\n".join([f"{method} {what}:", *found, "--- never was:", *none]))
    count(cases)
    assert not apart, "\n\n".join(apart)


@pytest.mark.parametrize(("name", "what"), TIMED)
def test_the_answer_takes_as_long(
    name: str,
    what: str,
    town: Town,
    record_property: Callable[[str, object], None],
) -> None:
    route, owner = ROUTES[name], town.callers["organization:owner"]
    theirs, nothing = next(pair for said, *pair in pairs(route, town) if said == what)
    spent: dict[str, list[int]] = {"theirs": [], "nothing": []}
    turns = [("theirs", theirs), ("nothing", nothing), ("nothing", nothing), ("theirs", theirs)]
    apart = 1.0
    gc.collect()
    gc.disable()
    try:
        for _ in range(TRIES):
            for _ in range(SAMPLES // 2):
                for which, ids in turns:
                    start = time.process_time_ns()
                    ask(owner, route, "GET", ids)
                    spent[which].append(time.process_time_ns() - start)
            gc.collect()
            apart = median(spent["theirs"]) / median(spent["nothing"]) - 1
            if abs(apart) <= AT_MOST_APART:
                break
    finally:
        gc.enable()
    record_property(f"time of {name}, theirs against nothing", f"{apart:+.1%}")
    assert abs(apart) <= AT_MOST_APART, f"{name}: {apart:+.1%} in {len(spent['theirs'])} requests"


def pairs(route: Route, town: Town) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """Yield what is rival's beside what never was, under its name and under one's own."""
    own, foreign, absent = (named_by(route, ids) for ids in (town.own, town.foreign, town.absent))
    nowhere = {**own, "organization": absent["organization"]}
    yield "theirs", {**foreign, "organization": RIVAL}, nowhere
    for part in route.inner:
        if own[part] != foreign[part]:
            theirs, never = {**own, part: foreign[part]}, {**own, part: absent[part]}
            yield f"their {part} under mine", theirs, never


def _asked(caller: Caller, route: Route, method: str, ids: dict[str, str]) -> list[str]:
    """Return the statements of one request, without their values."""
    with CaptureQueriesContext(connection) as captured:
        ask(caller, route, method, ids)
    return [_VALUE.sub("?", query["sql"]) for query in captured.captured_queries]
