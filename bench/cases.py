"""The cases: what is asked of the product."""

import json
import random
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from bench import joining, wrk
from bench.meter import Load
from bench.seed import World

MEMBERS = {"bench-10k": 10_000, "bench-100k": 100_000}
PAGE = 100
JOINS_PER_ROUND = 300
JOINS_TO_WARM_UP = 50


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure: `run` puts the load on and says what came back.

    `before` brings about the state in which each run begins; nobody counts what that costs.
    """

    name: str
    run: Callable[[], Load]
    warm_up: Callable[[], Load]
    before: Callable[[], None] = lambda: None


CASES = {
    "empty": "GET /healthz: an empty view behind the same middleware",
    "me": "GET /api/v1/me by API key",
    "members_10k": "GET …/members?limit=100, organization of 10,000, pages spread over the list",
    "members_100k": "the same of 100,000",
    "invitation_accepted": "POST /join by a signed-in person: membership, seat, audit events",
}


def prepare(
    names: Sequence[str], world: World, *, url: str, core: int, seconds: int, directory: Path
) -> list[Case]:
    """Write down the requests of the cases; pages are walked once to learn their cursors.

    `core` is the load's, `directory` takes the files that wrk reads.
    """
    some_keys = next(iter(world.keys.values()))
    requests: dict[str, Callable[[], list[tuple[str, str]]]] = {
        "empty": lambda: [("/healthz", "")],
        "me": lambda: [("/api/v1/me", key) for key in some_keys],
        "members_10k": lambda: _pages(url, "bench-10k", world),
        "members_100k": lambda: _pages(url, "bench-100k", world),
    }
    found = []
    for name in names:
        if name == "invitation_accepted":
            found.append(_joining(url, world))
            continue
        path = directory / f"{name}.tsv"
        wrk.write_requests(path, requests[name]())
        ask = partial(wrk.run, url, path, core=core)
        found.append(Case(name, partial(ask, seconds=seconds), partial(ask, seconds=1)))
    return found


def invitees_for(rounds: int) -> int:
    """Return how many invitations a run uses up."""
    return JOINS_TO_WARM_UP + rounds * JOINS_PER_ROUND


def _joining(url: str, world: World) -> Case:
    waiting = iter(world.invitees)

    def join(count: int) -> Load:
        some = list(islice(waiting, count))
        return joining.accept_all(url, some, landing=f"/o/{world.joining}")

    return Case(
        "invitation_accepted", partial(join, JOINS_PER_ROUND), partial(join, JOINS_TO_WARM_UP)
    )


def _pages(url: str, slug: str, world: World) -> list[tuple[str, str]]:
    """Return every page of a list in a fixed disorder, the keys of its readers in turn."""
    base = f"/api/v1/organizations/{slug}/members?limit={PAGE}"
    keys = world.keys[slug]
    paths = [base]
    while True:
        request = urllib.request.Request(
            url + paths[-1], headers={"Authorization": f"Bearer {keys[len(paths) % len(keys)]}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            page = json.load(answer)
        if len(page["data"]) != PAGE:
            raise AssertionError(f"Page {len(paths)} of {slug} holds {len(page['data'])} members.")
        if page["page"]["next"] is None:
            break
        paths.append(f"{base}&cursor={page['page']['next']}")
    if len(paths) * PAGE != MEMBERS[slug]:
        raise AssertionError(f"{slug} has {len(paths)} pages.")
    random.Random(1).shuffle(paths)
    # As many lines as make every reader come to every part of the list.
    return [(paths[i % len(paths)], keys[(i * 7) % len(keys)]) for i in range(3 * len(paths))]
