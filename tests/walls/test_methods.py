"""A method that an address does not take is refused as such, with what it takes."""

from collections.abc import Callable

import pytest

from tests.walls.answers import ask
from tests.walls.parts import named_by
from tests.walls.routes import METHODS, Route, routes
from tests.walls.town import Town

pytestmark = pytest.mark.django_db

_OF_PAGES = ("GET", "POST", "DELETE", "TRACE")
"""What is tried on pages: Django's view refuses all of them in one place."""

WALLED = [route for route in routes() if route.kind != "person"]


@pytest.mark.parametrize("route", WALLED, ids=str)
def test_a_method_that_is_not_declared_is_not_allowed(
    route: Route, town: Town, count: Callable[[int], None]
) -> None:
    own, wrong, cases = named_by(route, town.own), [], 0
    takes = {*route.methods, *(["HEAD"] if "GET" in route.methods else [])}
    for method in METHODS:
        if method in takes or (route.kind == "page" and method not in _OF_PAGES):
            continue
        for name, refused in (("organization:owner", 405), ("anonymous", None)):
            cases += 1
            answer = ask(town.callers[name], route, method, own)
            wanted = refused or (401 if route.kind == "api" else 302)
            if answer.status_code not in (wanted, 405):
                wrong.append(f"{method} by {name}: {answer.status_code}, not {wanted}")
            allowed = set(answer.headers.get("Allow", "").split(", ")) - {"OPTIONS", ""}
            if answer.status_code == 405 and allowed != takes:
                wrong.append(f"{method} by {name}: Allow is {sorted(allowed)}")
    count(cases)
    assert not wrong, "\n".join(wrong)
