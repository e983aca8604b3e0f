"""What the pages of service accounts show, each in one query for the whole page."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Q, QuerySet

from identity.models import APIKey
from identity.models.api_key import EXPIRES_SOON
from kernel.clock import now
from orgs.models import Organization, ServiceAccount

NAMED_AT_MOST = 5
"""How many expiring keys a page names."""


def accounts_matching(
    accounts: QuerySet[ServiceAccount], organization: Organization, *, q: str = "", show: str = ""
) -> QuerySet[ServiceAccount]:
    """Narrow accounts by name or key prefix, and to `expiring` or `unused` keys."""
    living = APIKey.objects.of(organization).live(now()).filter(service_account__isnull=False)
    if q:
        by_key = living.filter(key_id__startswith=q.removeprefix("stw_"))
        accounts = accounts.filter(
            Q(name__icontains=q) | Q(pk__in=by_key.values("service_account"))
        )
    if show == "expiring":
        soon = living.filter(expires_at__lte=now() + EXPIRES_SOON)
        accounts = accounts.filter(pk__in=soon.values("service_account"))
    elif show == "unused":
        unused = living.filter(last_used_at__isnull=True)
        accounts = accounts.filter(pk__in=unused.values("service_account"))
    return accounts


def living_keys(
    organization: Organization, accounts: Iterable[ServiceAccount]
) -> Mapping[uuid.UUID | None, Sequence[APIKey]]:
    """Map accounts to their keys that work now, newest first."""
    rows = (
        APIKey.objects.of(organization)
        .live(now())
        .filter(service_account__in=[account.pk for account in accounts])
        .select_related("replaced_by")
        .order_by("-id")
    )
    found: dict[uuid.UUID | None, list[APIKey]] = defaultdict(list)
    for key in rows:
        found[key.service_account_id].append(key)
    return found


def expiring_keys(
    organization: Organization, accounts: QuerySet[ServiceAccount]
) -> Sequence[APIKey]:
    """Return keys of these accounts that end within two weeks, the next one first."""
    rows = (
        APIKey.objects.of(organization)
        .live(now())
        .filter(
            service_account__in=accounts.values("pk"),
            expires_at__lte=now() + EXPIRES_SOON,
            ends_at__isnull=True,
        )
        .select_related("service_account")
        .order_by("expires_at")
    )
    return list(rows[:NAMED_AT_MOST])
