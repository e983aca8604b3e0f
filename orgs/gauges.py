"""What the people's room shows at /metrics: sums over the installation, no organization by name."""

from collections.abc import Iterator

from django.db.models import Count, F, Q, Sum

from kernel.wiring import Gauge
from orgs.models import Organization, SeatPool


def of_seats() -> Iterator[Gauge]:
    """Yield organizations, the seats they use and may use, and how many have none left."""
    yield Gauge("steward_organizations", "Organizations.", Organization.objects.count())
    pools = SeatPool.objects.system_all().values("seat").order_by("seat")
    for row in pools.annotate(
        taken=Sum("used"), bought=Sum("limit"), full=Count("pk", filter=Q(used__gte=F("limit")))
    ):
        labels = {"seat": row["seat"]}
        yield Gauge("steward_seats_used", "Seats taken.", row["taken"], labels)
        yield Gauge("steward_seats_limit", "Seats that may be taken.", row["bought"] or 0, labels)
        yield Gauge(
            "steward_seats_full", "Organizations with no seat of a kind left.", row["full"], labels
        )
