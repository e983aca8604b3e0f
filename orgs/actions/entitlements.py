"""The one door by which seats, features and limits arrive, whoever grants them."""

import datetime as dt
from collections.abc import Iterable, Mapping

from django.db import transaction

from kernel.clock import now
from kernel.errors import Denied, Invalid
from kernel.events import Target, record
from kernel.jobs.models import Job
from kernel.principal import Principal
from orgs.actions import lapses, members
from orgs.models import Entitlement, Organization, SeatPool, SeatType


@transaction.atomic
def apply(
    *,
    actor: Principal,
    organization: Organization,
    source: str,
    seats: Mapping[str, int | None],
    features: Iterable[str] = (),
    limits: Mapping[str, int] | None = None,
    until: dt.datetime | None = None,
) -> Entitlement:
    """Set what one source grants, and bring the seat pools to the best of all sources.

    `seats` maps a seat type to a number, None meaning unlimited. Fewer seats than
    are in use leave an overage: nobody is thrown out, no further seat is given.
    """
    if not actor.is_system:
        raise Denied("Entitlements come from a subscription, a license or the operator.")
    if source not in Entitlement.Source.values:
        raise Invalid.field("source", f"“{source}” is not a source.", code="choice")
    members.lock(organization)
    row, _ = Entitlement.objects.of(organization).get_or_create(
        source=source, defaults={"organization": organization}
    )
    wanted = {
        "seats": dict(seats),
        "features": sorted(set(features)),
        "limits": dict(limits or {}),
    }
    changes = {
        name: [getattr(row, name), value]
        for name, value in wanted.items()
        if getattr(row, name) != value
    }
    row.seats, row.features, row.limits = wanted["seats"], wanted["features"], wanted["limits"]
    row.until, row.lapse_noted, row.updated_at = until, False, now()
    row.save()
    _fit_pools(organization)
    if changes:
        record(
            type="orgs.entitlement.applied",
            actor=actor,
            organization=organization,
            target=Target.of(organization),
            changes={"source": source, **changes},
        )
    return row


def note_lapsed(_job: Job) -> None:
    """Bring seat limits down where a source's time has passed (job)."""
    lapses.note(lapsed=Entitlement.objects.system_lapsed(now()), each=_note_lapsed)


def _note_lapsed(organization: Organization) -> None:
    lapsed = Entitlement.objects.of(organization).system_lapsed(now())
    rows = list(lapsed.order_by("pk"))
    lapsed.filter(pk__in=[row.pk for row in rows]).update(lapse_noted=True)
    _fit_pools(organization)
    for row in rows:
        record(
            type="orgs.entitlement.lapsed",
            actor=Principal.system("expiry"),
            organization=organization,
            target=Target.of(organization),
            changes={"source": row.source, "until": row.until},
        )


def _fit_pools(organization: Organization) -> None:
    live = Entitlement.objects.of(organization).live(now())
    granted = [row.seats for row in live]
    for seat in (SeatType.FULL, SeatType.VIEWER):
        offers = [offer[seat] for offer in granted if seat in offer]
        limit = None if None in offers else max(offers, default=0)
        pool = SeatPool.objects.of(organization).select_for_update().get(seat=seat)
        pool.limit = limit
        pool.ceiling = None if limit is None else max(limit, pool.used)
        pool.save(update_fields=["limit", "ceiling"])
