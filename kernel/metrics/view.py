"""The page: closed without a token, because it tells of everybody's work."""

import hmac
from collections.abc import Iterable, Iterator

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from kernel.counting.meters import REGISTRY
from kernel.counting.store import shared_folder
from kernel.database.scope import across
from kernel.wiring import Gauge, wiring

log = structlog.stdlib.get_logger(__name__)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer a scraper that shows the token; without STEWARD_METRICS_TOKEN there is no page."""
    token: str = settings.STEWARD_METRICS_TOKEN
    if not token:
        raise Http404
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), token.encode()):
        return HttpResponse(
            "The metrics need their token.\n",
            status=401,
            content_type="text/plain; charset=utf-8",
            headers={"WWW-Authenticate": 'Bearer realm="metrics"'},
        )
    return HttpResponse(
        exposition(), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"}
    )


def exposition() -> bytes:
    """Return every metric in Prometheus' text form."""
    folder = shared_folder()
    state = CollectorRegistry()
    state.register(_State())
    if folder is None:
        return generate_latest(REGISTRY) + generate_latest(state)
    shared = CollectorRegistry()
    MultiProcessCollector(shared, path=str(folder))  # type: ignore[no-untyped-call]
    return generate_latest(shared) + generate_latest(state)


class _State(Collector):
    """Gauges of the database; while it is away only that it is."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Ask every room for its gauges."""
        up = GaugeMetricFamily("steward_database_up", "Whether the database answered this scrape.")
        try:
            with across("the figures of the whole installation, which name no organization"):
                found = [gauge for gauges in wiring().gauges for gauge in gauges()]
        except DatabaseError as error:
            log.warning("metrics_database_unreachable", error=type(error).__name__)
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from _families(found)


def _families(gauges: Iterable[Gauge]) -> Iterator[GaugeMetricFamily]:
    families: dict[str, GaugeMetricFamily] = {}
    for gauge in gauges:
        family = families.get(gauge.name)
        if family is None:
            family = families[gauge.name] = GaugeMetricFamily(
                gauge.name, gauge.text, labels=list(gauge.labels)
            )
        family.add_metric(list(gauge.labels.values()), gauge.value)
    yield from families.values()
