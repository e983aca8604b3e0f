"""What is another organization's looks like what never was: in status, headers and body.

Every route of the house, with every method, for everybody who may come to it. The objects
are another organization's under its own address, one's own under its address, its ids
under one's own address, and what was deleted; each is asked for beside what never existed.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.walls.answers import Answer, ask, difference, told
from tests.walls.parts import named_by, swapped
from tests.walls.routes import METHODS, Route, routes
from tests.walls.town import RIVAL, Caller, Town

pytestmark = pytest.mark.django_db

ROUTES = routes()
REFUSED = {"anonymous", "revoked key", "expired key"}
"""Who proves nothing: the API tells them so before anything else."""


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_what_is_another_s_looks_like_what_never_was(
    route: Route, town: Town, count: Callable[[int], None]
) -> None:
    told_apart, cases = [], 0
    for method in METHODS:
        for caller in _callers(route, method, town):
            seen: dict[str, Answer] = {}
            for what, theirs, nothing in _objects(route, caller, town):
                cases += 1
                found = _absent(town, told(ask(caller, route, method, theirs)))
                url = route.url(nothing)
                if url not in seen:
                    seen[url] = told(ask(caller, route, method, nothing))
                if found[0] == 401 and "WWW-Authenticate" not in found[1]:
                    told_apart.append(f"{method} {route}: a 401 without WWW-Authenticate")
                wrong = difference(found, seen[url]) or _unexpected(
                    route, method, caller, what, found[0]
                )
                if wrong:
                    told_apart.append(f"{method} {route} by {caller.name}, {what}: {wrong}")
    count(cases)
    assert not told_apart, f"{len(told_apart)} of {cases}:\n" + "\n".join(told_apart)
    assert town.stands(RIVAL), "rival's rows changed"


def _callers(route: Route, method: str, town: Town) -> list[Caller]:
    """Return who tries: everybody at an endpoint's first method, else the owner and others.

    The others take turns from route to route. Some methods that a route does not take are
    tried by the owner alone; the rest is in `test_methods`.
    """
    everybody = list(town.callers.values())
    owner, anonymous = town.callers["organization:owner"], town.callers["anonymous"]
    if method not in route.methods:
        odd = ("PUT", "TRACE", "HEAD")
        return [owner] if route.kind != "person" and method in odd else []
    if route.kind == "api" and method == route.methods[0]:
        return everybody
    some = everybody if route.kind == "api" else [one for one in everybody if one.session]
    turn, number = ROUTES.index(route), 6 if route.kind == "api" else 2
    taken = [some[(number * turn + n) % len(some)] for n in range(number)]
    return list({one.name: one for one in (anonymous, owner, *taken)}.values())


def _objects(
    route: Route, caller: Caller, town: Town
) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """Yield what a path may name, beside the same path to what never existed."""
    own, foreign, absent = (named_by(route, ids) for ids in (town.own, town.foreign, town.absent))
    if route.in_organization:
        nowhere = {**own, "organization": absent["organization"]}
        yield "theirs", foreign, absent
        if route.inner:
            yield "mine under their name", {**nowhere, "organization": RIVAL}, nowhere
    if caller.name in REFUSED and route.kind == "api":
        return
    for part in route.inner:
        if own[part] != foreign[part]:
            theirs, never = {**own, part: foreign[part]}, {**own, part: absent[part]}
            yield f"their {part} under mine", theirs, never
        deleted = town.deleted.get(part)
        if deleted:
            theirs, never = {**own, part: deleted}, {**own, part: swapped(deleted)}
            yield f"deleted {part}", theirs, never


def _absent(town: Town, answer: Answer) -> Answer:
    """Return an answer as it would read if rival were what never was."""
    status, headers, text = answer
    about = {name: _known_as_absent(town, value) for name, value in headers.items()}
    return status, about, _known_as_absent(town, text)


def _known_as_absent(town: Town, text: str) -> str:
    text = town.sent_as_absent(text)
    for wire_id in town.deleted.values():
        text = text.replace(wire_id, swapped(wire_id))
    return text


def _unexpected(route: Route, method: str, caller: Caller, what: str, status: int) -> str:
    """Say what is wrong with a status, beyond being the same for both."""
    if method not in route.methods:
        # Which methods an address takes is in the documents; nothing of a row is told.
        return "" if status in (404, 405) else f"status {status}"
    if route.kind == "person":
        return "" if status < 500 else f"status {status}"
    if caller.name in REFUSED:
        wanted = 401 if route.kind == "api" else 302
        return "" if status == wanted else f"status {status}, not {wanted}"
    outside = what in ("theirs", "mine under their name")
    if outside and status != 404:
        return f"status {status}, not 404"
    return "" if 400 <= status < 500 else f"status {status}"
