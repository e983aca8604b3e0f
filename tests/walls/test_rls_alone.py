"""Either wall alone leaks nothing.

The addresses of the whole matrix, once with the application's own scoping switched off and
once with the database's: what is another organization's still looks like what never was,
nothing shown holds anything of it, and nothing of it changes.
"""

from collections.abc import Callable

import pytest
from django.db import connection

from kernel.database.scope import within
from orgs.models import Team
from tests.walls.answers import ask, difference, told
from tests.walls.parts import named_by
from tests.walls.routes import Route, routes
from tests.walls.switches import scoping_off, security_off
from tests.walls.test_foreign_and_absent import _absent, _objects, _unexpected
from tests.walls.test_lists_and_pages import leaks
from tests.walls.town import RIVAL, Town

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

OFF = {"the application's": scoping_off, "the database's": security_off}
WALLS = pytest.mark.parametrize("wall", OFF)
ROUTES = routes()
READS = [route for route in ROUTES if "GET" in route.methods]


def test_the_switches_switch(town: Town) -> None:
    mine, theirs = town.acme.organization, town.rival.organization
    with within(mine):
        assert not Team.objects.of(theirs).exists()
        with scoping_off():
            assert {team.organization_id for team in Team.objects.of(theirs)} == {mine.pk}
        with security_off():
            assert {team.organization_id for team in Team.objects.of(theirs)} == {theirs.pk}
        with scoping_off(), security_off():
            assert {team.organization_id for team in Team.objects.of(mine)} == {mine.pk, theirs.pk}


@WALLS
@pytest.mark.parametrize("route", READS, ids=str)
def test_what_is_shown_is_one_s_own_behind_one_wall(
    route: Route, wall: str, town: Town, count: Callable[[int], None]
) -> None:
    found, cases = [], 0
    with OFF[wall]():
        for name in ("organization:owner", "machine"):
            caller = town.callers[name]
            if route.kind == "api" or caller.session:
                answer = told(ask(caller, route, "GET", named_by(route, town.own)))
                cases += 1
                found += [f"to {name}: {leak}" for leak in leaks(answer, town.marks)]
                assert answer[0] < 500, answer
    count(cases)
    assert not found, "\n".join(found)


@WALLS
@pytest.mark.parametrize("route", [route for route in ROUTES if route.in_organization], ids=str)
def test_what_is_another_s_looks_like_what_never_was_behind_one_wall(
    route: Route, wall: str, town: Town, count: Callable[[int], None]
) -> None:
    caller = town.callers["organization:owner"]
    told_apart, cases = [], 0
    with OFF[wall]():
        for method in route.methods:
            for what, theirs, nothing in _objects(route, caller, town):
                cases += 1
                found = _absent(town, told(ask(caller, route, method, theirs)))
                never = told(ask(caller, route, method, nothing))
                wrong = difference(found, never) or _unexpected(
                    route, method, caller, what, found[0]
                )
                if wrong:
                    told_apart.append(f"{method} {route}, {what}: {wrong}")
    count(cases)
    assert not told_apart, f"{len(told_apart)} of {cases}:\n" + "\n".join(told_apart)
    assert town.stands(RIVAL), f"{RIVAL}'s rows changed"


def test_without_both_walls_the_matrix_sees_the_leak(town: Town) -> None:
    """A matrix that cannot fail would prove nothing of either wall."""
    teams = next(route for route in READS if route.name.endswith(":teams"))
    with scoping_off(), security_off():
        answer = told(
            ask(town.callers["organization:owner"], teams, "GET", named_by(teams, town.own))
        )
    assert leaks(answer, town.marks)
    assert connection.vendor == "postgresql"
