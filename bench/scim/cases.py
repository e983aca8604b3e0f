"""The cases: what is asked of SCIM, and how a right answer is told."""

import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count, cycle
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis
from django.db.models import F

from bench import environment, wrk
from bench.cases import Case
from bench.database import Database
from bench.meter import Load
from bench.scim import client, seed
from bench.scim.client import CLIENTS, Ask, Right, Shared
from bench.scim.seed import Provisioned
from identity.models import Directory, SCIMText
from identity.resources.schema import USER_URN
from orgs.models import Organization

SIZES = {"bench-scim-10k": 10_000, "bench-scim-100k": 100_000}
PAGE = 100
_LARGE_PAGE = 500
_NEAR_SECONDS = 30
_PATCH_URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_USER, _GROUP = b'"resourceType":"User"', b'"resourceType":"Group"'

CASES = {
    "empty": "GET /healthz: an empty view behind the same middleware",
    "me": "GET /api/v1/me by a person's API key",
    "users_10k_in_order": "GET /scim/v2/Users?startIndex=N&count=100 of 10,000: sixteen clients, "
    "each following its pages one by one",
    "users_100k_in_order": "the same of 100,000",
    "users_10k_spread": "the same of 10,000, in a fixed disorder; no page was asked for before",
    "users_100k_spread": "the same of 100,000",
    "users_10k_wandb": "pages in order of 10,000 in the W&B dialect, by admins' API keys",
    "users_100k_wandb": "the same of 100,000",
    "users_100k_unwritten": "pages in order of 100,000 for the first time after a change of each: "
    "their texts are made, and kept, while they are read",
    "users_lean": "pages in order of 100,000 with excludedAttributes=groups",
    "user_name_eq": 'GET /Users?filter=userName eq "…" of 100,000',
    "external_id_eq": 'GET /Users?filter=externalId eq "…" of 100,000',
    "create": "POST /Users into 100,000: a new account, membership, seat, audit events",
    "group_patch": "PATCH /Groups/ID: one person into a group of 10,000 and out again",
    "groups_lean": "GET /Groups?excludedAttributes=members&count=100: ten of 10,000 members, "
    "ninety of 500",
    "group_whole": "GET /Groups/ID with its 10,000 members",
    "group_members": "GET /Groups/ID?attributes=members: they are chosen one by one",
}


@dataclass(frozen=True, slots=True)
class _Stage:
    """Where the cases play."""

    url: str
    places: Mapping[str, Provisioned]
    seconds: int
    core: int
    directory: Path


def prepare(
    names: list[str],
    places: Mapping[str, Provisioned],
    *,
    url: str,
    core: int,
    seconds: int,
    directory: Path,
) -> list[Case]:
    """Return the cases; every page that they will ask for is looked at closely first."""
    stage = _Stage(url, places, seconds, core, directory)
    for slug in SIZES:
        if any(name.startswith("users_") and slug.rpartition("-")[2] in name for name in names):
            _look_at_all_pages(stage, places[slug])
    return [_CASES[name](name, stage) for name in names]


# --- lists ----------------------------------------------------------------------------------


def _list(
    name: str,
    stage: _Stage,
    *,
    slug: str,
    wandb: bool = False,
    spread: bool = False,
    more: str = "",
) -> Case:
    place = stage.places[slug]
    keys = place.admin_keys if wandb else place.tokens

    def load(seconds: float) -> Load:
        _forget_pages()
        right = _is_page(_total(place), PAGE)
        asks = [
            Ask("GET", f"/scim/v2/Users?startIndex={at}&count={PAGE}{more}", key, right)
            for at, key in zip(range(1, place.size + 1, PAGE), cycle(keys))
        ]
        if spread:
            random.Random(1).shuffle(asks)
            shared = Shared(cycle(asks))
            walks = [iter(shared) for _ in range(CLIENTS)]
        else:
            step = len(asks) // CLIENTS
            walks = [cycle(asks[i * step :] + asks[: i * step]) for i in range(CLIENTS)]
        return client.put(stage.url, walks, seconds=seconds)

    def before() -> None:
        _keep_all_texts(stage, place)
        if spread:
            # Until the process does not remember either where pages begin.
            time.sleep(_NEAR_SECONDS + 1)

    return Case(name, partial(load, stage.seconds), partial(load, 1), before)


def _unwritten(name: str, stage: _Stage) -> Case:
    place = stage.places["bench-scim-100k"]
    organization = Organization.objects.get(slug=place.slug)
    whole = _list(name, stage, slug=place.slug)

    def before() -> None:
        SCIMText.objects.of(organization).update(turn=F("turn") + 1, text="")
        Database(environment.DATABASE_URL).settle()

    return Case(name, whole.run, whole.warm_up, before)


def _is_page(total: int, resources: int, kind: bytes = _USER, holds: bytes = b"") -> Right:
    head = f'"totalResults":{total},"itemsPerPage":{resources},'.encode()

    def right(status: int, body: bytes) -> bool:
        return (
            status == 200
            and head in body[:200]
            and body.count(kind) == resources
            and holds in body
        )

    return right


def _look_at_all_pages(stage: _Stage, place: Provisioned) -> None:
    """Walk through all pages and see that every User is on one of them, once."""
    seen: set[str] = set()
    total = _total(place)
    for at in range(1, place.size + 1, PAGE):
        path = f"/scim/v2/Users?startIndex={at}&count={PAGE}"
        page = json.loads(
            client.ask(stage.url, Ask("GET", path, place.tokens[0], _is_page(total, PAGE)))
        )
        assert page["startIndex"] == at, page["startIndex"]
        assert len(page["Resources"]) == PAGE, len(page["Resources"])
        for user in page["Resources"]:
            assert len(user["groups"]) == 2, user
            seen.add(user["id"])
    if len(seen) != place.size:
        raise AssertionError(f"The pages of {place.slug} hold {len(seen)} Users.")


def _keep_all_texts(stage: _Stage, place: Provisioned) -> None:
    """Read pages until the text of every User is kept, as it is some time after a change."""
    organization = Organization.objects.get(slug=place.slug)
    unwritten = SCIMText.objects.of(organization).filter(text="")
    if not unwritten.exists():
        return
    end = time.monotonic() + 120
    while unwritten.exists():
        if time.monotonic() > end:
            raise AssertionError(f"Texts of {place.slug} are not kept.")
        for at in range(1, _total(place) + 1, _LARGE_PAGE):
            path = f"/scim/v2/Users?startIndex={at}&count={_LARGE_PAGE}"
            client.ask(stage.url, Ask("GET", path, place.tokens[0], _has_status(200)))
        time.sleep(6)
    Database(environment.DATABASE_URL).settle()


def _total(place: Provisioned) -> int:
    organization = Organization.objects.get(slug=place.slug)
    return int(Directory.objects.of(organization).get().users)


def _forget_pages() -> None:
    """Take the notes of earlier walks out of the cache: each run begins without."""
    with redis.Redis.from_url(environment.REDIS_URL) as cache:
        names = list(cache.scan_iter("*scim:*", count=1000))
        if names:
            cache.delete(*names)


# --- one User -------------------------------------------------------------------------------


def _filter(name: str, stage: _Stage, *, attribute: str) -> Case:
    place = stage.places["bench-scim-100k"]

    def asks() -> Iterator[Ask]:
        chance = random.Random(1)
        for token in cycle(place.tokens):
            number = chance.randrange(1, place.size)
            is_name = attribute == "userName"
            value = place.user_name(number) if is_name else place.external_id(number)
            wanted = quote(f'{attribute} eq "{value}"')
            path = f"/scim/v2/Users?filter={wanted}"
            yield Ask("GET", path, token, _is_page(1, 1, holds=value.encode()))

    return _shared(name, stage, asks)


def _create(name: str, stage: _Stage) -> Case:
    place = stage.places["bench-scim-100k"]
    stem, numbers = f"new-{uuid.uuid4().hex[:8]}", count(1)

    def asks() -> Iterator[Ask]:
        for token in cycle(place.tokens):
            number = str(next(numbers))
            user_name = f"{stem}-{number}@people.example"
            body = {
                "schemas": [USER_URN],
                "userName": user_name,
                "externalId": f"{stem}-{number}",
                "active": True,
                **seed.document(stem, number),
            }
            yield Ask("POST", "/scim/v2/Users", token, _is_created(user_name), _json(body))

    return _shared(name, stage, asks)


def _is_created(user_name: str) -> Right:
    told = f'"userName":"{user_name}"'.encode()
    return lambda status, body: status == 201 and told in body


# --- groups ---------------------------------------------------------------------------------


def _patch(name: str, stage: _Stage) -> Case:
    place = stage.places["bench-scim-100k"]
    path = f"/scim/v2/Groups/{place.group}"
    # Nobody is put into the group by one client while another takes them out.
    outsiders = Shared(cycle(place.outsiders))

    def asks(client_number: int) -> Iterator[Ask]:
        token = place.tokens[client_number % len(place.tokens)]
        for user in outsiders:
            for operation in (
                {"op": "add", "path": "members", "value": [{"value": user}]},
                {"op": "remove", "path": f'members[value eq "{user}"]'},
            ):
                body = _json({"schemas": [_PATCH_URN], "Operations": [operation]})
                yield Ask("PATCH", path, token, _has_status(204), body)

    def load(seconds: float) -> Load:
        walks = [asks(number) for number in range(CLIENTS)]
        done = client.put(stage.url, walks, seconds=seconds)
        _leave(stage, place)
        return done

    return Case(name, partial(load, stage.seconds), partial(load, 1))


def _leave(stage: _Stage, place: Provisioned) -> None:
    """Take those out of the group whom a client left in when the time was up: one at most."""
    whole = Ask("GET", f"/scim/v2/Groups/{place.group}", place.tokens[0], _has_status(200))
    inside = {one["value"] for one in json.loads(client.ask(stage.url, whole))["members"]}
    left = sorted(inside & set(place.outsiders))
    if len(left) > CLIENTS or len(inside) - len(left) != seed.LARGE:
        raise AssertionError(f"{len(inside)} are in {place.group_name}, {len(left)} too many.")
    if left:
        operation = {"op": "remove", "path": "members", "value": [{"value": one} for one in left]}
        body = _json({"schemas": [_PATCH_URN], "Operations": [operation]})
        client.ask(stage.url, Ask("PATCH", whole.path, place.tokens[0], _has_status(204), body))


def _groups_lean(name: str, stage: _Stage) -> Case:
    place = stage.places["bench-scim-100k"]
    right = _is_page(place.groups, PAGE, kind=_GROUP)

    def asks() -> Iterator[Ask]:
        path = f"/scim/v2/Groups?excludedAttributes=members&count={PAGE}"
        for token in cycle(place.tokens):
            yield Ask("GET", path, token, right)

    return _shared(name, stage, asks)


def _group_whole(name: str, stage: _Stage, *, query: str = "") -> Case:
    place = stage.places["bench-scim-100k"]

    def right(status: int, body: bytes) -> bool:
        return status == 200 and body.count(b'"type":"User"') == seed.LARGE

    def asks() -> Iterator[Ask]:
        for token in cycle(place.tokens):
            yield Ask("GET", f"/scim/v2/Groups/{place.group}{query}", token, right)

    return _shared(name, stage, asks)


# --- what it stands beside ------------------------------------------------------------------


def _empty(name: str, stage: _Stage) -> Case:
    return _by_wrk(name, stage, [("/healthz", "")])


def _me(name: str, stage: _Stage) -> Case:
    keys = stage.places["bench-scim-100k"].admin_keys
    return _by_wrk(name, stage, [("/api/v1/me", key) for key in keys])


def _by_wrk(name: str, stage: _Stage, requests: list[tuple[str, str]]) -> Case:
    path = stage.directory / f"{name}.tsv"
    wrk.write_requests(path, requests)
    ask = partial(wrk.run, stage.url, path, core=stage.core)
    return Case(name, partial(ask, seconds=stage.seconds), partial(ask, seconds=1))


def _shared(name: str, stage: _Stage, asks: Callable[[], Iterator[Ask]]) -> Case:
    def load(seconds: float) -> Load:
        shared = Shared(asks())
        return client.put(stage.url, [iter(shared) for _ in range(CLIENTS)], seconds=seconds)

    return Case(name, partial(load, stage.seconds), partial(load, 1))


def _has_status(wanted: int) -> Right:
    return lambda status, _body: status == wanted


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()


_SMALL, _BIG = SIZES
_CASES: dict[str, Callable[[str, _Stage], Case]] = {
    "empty": _empty,
    "me": _me,
    "users_10k_in_order": partial(_list, slug=_SMALL),
    "users_100k_in_order": partial(_list, slug=_BIG),
    "users_10k_spread": partial(_list, slug=_SMALL, spread=True),
    "users_100k_spread": partial(_list, slug=_BIG, spread=True),
    "users_10k_wandb": partial(_list, slug=_SMALL, wandb=True),
    "users_100k_wandb": partial(_list, slug=_BIG, wandb=True),
    "users_100k_unwritten": _unwritten,
    "users_lean": partial(_list, slug=_BIG, more="&excludedAttributes=groups"),
    "user_name_eq": partial(_filter, attribute="userName"),
    "external_id_eq": partial(_filter, attribute="externalId"),
    "create": _create,
    "group_patch": _patch,
    "groups_lean": _groups_lean,
    "group_whole": _group_whole,
    "group_members": partial(_group_whole, query="?attributes=members"),
}
