"""The counters. Labels come from closed sets: names of routes, not paths; never organizations."""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics import disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry()
"""Ours alone: the library's own collectors tell of one process among several."""

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

requests = Counter(
    "steward_http_requests",
    "Requests answered, by the route's name.",
    ["route", "method", "status"],
    registry=REGISTRY,
)
route_seconds = Counter(
    "steward_http_route_seconds", "Time of requests by route.", ["route"], registry=REGISTRY
)
request_seconds = Histogram(
    "steward_http_request_duration_seconds",
    "Time of requests, by kind of surface: api, scim, console, probe.",
    ["surface"],
    buckets=_BUCKETS,
    registry=REGISTRY,
)
database_seconds = Counter(
    "steward_http_database_seconds",
    "Time that a request waits for its queries, by surface.",
    ["surface"],
    registry=REGISTRY,
)
database_queries = Counter(
    "steward_http_database_queries", "Queries of requests.", ["surface"], registry=REGISTRY
)
throttled = Counter(
    "steward_throttled", "Attempts refused by a rate limit.", ["limit"], registry=REGISTRY
)
sign_ins = Counter("steward_sign_ins", "Sign-ins by result.", ["result"], registry=REGISTRY)
key_checks = Counter(
    "steward_key_checks", "API keys shown, by result.", ["result"], registry=REGISTRY
)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count_request(
    route: str, method: str, status: int, seconds: float, *, queries: int, waited: float
) -> None:
    """Count one answered request, with few writes: each costs some 3 µs in a shared file."""
    kind = f"{status // 100}xx"
    counted, by_route = _of_route(route, method if method in _METHODS else "other", kind)
    timed, waiting, asked = _of_surface(surface(route))
    counted.inc()
    by_route.inc(seconds)
    timed.observe(seconds)
    if queries:
        waiting.inc(waited)
        asked.inc(queries)


def count_throttled(limit: str) -> None:
    """Count an attempt that a rate limit refused."""
    throttled.labels(limit).inc()


def count_sign_in(result: str) -> None:
    """Count a sign-in: `accepted`, `refused`."""
    sign_ins.labels(result).inc()


def count_key_check(result: str) -> None:
    """Count a shown API key: `accepted`, or the code of the refusal."""
    _of_result(result).inc()


def surface(route: str) -> str:
    """Return which face of the service a route belongs to."""
    if route in ("healthz", "readyz", "metrics"):
        return "probe"
    family = route.partition(":")[0]
    return family if family in ("api", "scim") else "console"


@cache
def _of_route(route: str, method: str, kind: str) -> tuple[Counter, Counter]:
    return requests.labels(route, method, kind), route_seconds.labels(route)


@cache
def _of_result(result: str) -> Counter:
    return key_checks.labels(result)


@cache
def _of_surface(name: str) -> tuple[Histogram, Counter, Counter]:
    return (
        request_seconds.labels(name),
        database_seconds.labels(name),
        database_queries.labels(name),
    )
