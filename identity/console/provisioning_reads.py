"""What the pages of provisioning show: each in one query, however many rows a page has."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery

from identity.models import ProvisioningConnection, ProvisioningEntry, SCIMUser
from kernel.clock import now
from kernel.tenancy import TenantQuerySet
from orgs.models import Organization

NEWEST = 20
"""Of how many requests the health of a connection is told."""
AWAITED_AT_MOST = 20
FIRST_ERROR = 400
COUNTED_AT_MOST = 10_000
"""How many requests of a day are counted; of more, only that there are more."""
A_DAY = dt.timedelta(hours=24)
CHANGING = ("created", "updated", "deleted", "bulk")
RESOURCES = ("User", "Group")


@dataclass(frozen=True, slots=True)
class Health:
    """How a connection does, by its newest requests."""

    recent: int
    failed: int
    last_at: dt.datetime | None
    synced_at: dt.datetime | None
    failure: str

    @classmethod
    def of(cls, connection: Any) -> "Health":
        """Read it off a connection of `connections_of`."""
        return cls(
            recent=connection.recent,
            failed=connection.recent_failed,
            last_at=connection.last_at,
            synced_at=connection.synced_at,
            failure=connection.failure or "",
        )

    @property
    def tone(self) -> str:
        """Return the badge's colour."""
        if not self.recent:
            return ""
        if not self.failed:
            return "ok"
        return "bad" if self.failed == self.recent else "warn"

    @property
    def word(self) -> str:
        """Return the state in a word or two."""
        return {"": "Nothing came yet", "ok": "Healthy", "warn": "Some requests failed"}.get(
            self.tone, "Failing"
        )


@dataclass(frozen=True, slots=True)
class Day:
    """What a connection asked within 24 hours."""

    requests: int = 0
    changes: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Days:
    """The figures of several connections; `is_cut` if more came than were counted."""

    of: Mapping[uuid.UUID, Day]
    is_cut: bool


def base_urls(organization: Organization) -> tuple[str, str]:
    """Return the address of SCIM, and the organization's own."""
    root = settings.STEWARD_BASE_URL
    return f"{root}/scim/v2", f"{root}/scim/{organization.slug}/v2"


def connections_of(organization: Organization) -> QuerySet[ProvisioningConnection]:
    """Return the connections with what `Health` tells, their account fetched along."""
    of_one = ProvisioningEntry.objects.of(organization).filter(connection=OuterRef("pk"))
    newest_first = of_one.order_by("-id")
    failures = newest_first.filter(status__gte=FIRST_ERROR)
    successes = newest_first.filter(status__lt=FIRST_ERROR)
    return (
        ProvisioningConnection.objects.of(organization)
        .select_related("service_account")
        .annotate(
            recent=_CountOf(newest_first.values("status")[:NEWEST]),
            recent_failed=_CountOf(
                newest_first.values("status")[:NEWEST], condition="WHERE newest.status >= 400"
            ),
            last_at=Subquery(newest_first.values("at")[:1]),
            synced_at=Subquery(successes.values("at")[:1]),
            failure=Subquery(failures.values("detail")[:1]),
        )
    )


def days_of(
    organization: Organization, connections: Sequence[ProvisioningConnection]
) -> Days:
    """Return what connections asked within the last 24 hours; one query."""
    newest = (
        ProvisioningEntry.objects.of(organization)
        .filter(at__gte=now() - A_DAY)
        .order_by("-id")[:COUNTED_AT_MOST]
    )
    wanted: dict[str, Any] = {"everything": Count("pk")}
    for number, connection in enumerate(connections):
        own, is_failed = Q(connection=connection.pk), Q(status__gte=FIRST_ERROR)
        wanted |= {
            f"requests_{number}": Count("pk", filter=own),
            f"failed_{number}": Count("pk", filter=own & is_failed),
            f"changes_{number}": Count("pk", filter=own & ~is_failed & Q(action__in=CHANGING)),
        }
    found = newest.aggregate(**wanted)
    return Days(
        of={
            connection.pk: Day(
                requests=found[f"requests_{number}"],
                changes=found[f"changes_{number}"],
                failed=found[f"failed_{number}"],
            )
            for number, connection in enumerate(connections)
        },
        is_cut=found["everything"] >= COUNTED_AT_MOST,
    )


def awaited_of(organization: Organization) -> tuple[list[SCIMUser], bool]:
    """Return who has still to confirm, the newest first, and whether there are more."""
    rows = (
        SCIMUser.objects.of(organization)
        .filter(membership=None, is_active=True)
        .select_related("invitation")
        .order_by("-id")[: AWAITED_AT_MOST + 1]
    )
    found = list(rows)
    return found[:AWAITED_AT_MOST], len(found) > AWAITED_AT_MOST


def entries_of(
    organization: Organization,
    *,
    only_failed: bool = False,
    kind: str = "",
    connection: ProvisioningConnection | None = None,
    text: str = "",
) -> TenantQuerySet[ProvisioningEntry]:
    """Return the log, narrowed; `kind` is User, Group or `other`."""
    rows = ProvisioningEntry.objects.of(organization).select_related("connection")
    if only_failed:
        rows = rows.filter(status__gte=FIRST_ERROR)
    if kind == "other":
        rows = rows.exclude(resource_type__in=RESOURCES)
    elif kind:
        rows = rows.filter(resource_type=kind)
    if connection is not None:
        rows = rows.filter(connection=connection)
    if text:
        rows = rows.filter(
            Q(resource_name__icontains=text) | Q(detail__icontains=text) | Q(path__icontains=text)
        )
    return rows


class _CountOf(Subquery):
    """How many rows a cut subquery has; `condition` narrows those that it took."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) newest %(condition)s)"
    output_field = IntegerField()

    def __init__(self, queryset: Any, condition: str = "") -> None:
        super().__init__(queryset, condition=condition)
