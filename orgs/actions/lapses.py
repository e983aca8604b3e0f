"""What passed by itself is written into the trail: one organization after the other.

Each gets a transaction of its own that begins with its lock, as every change there does.
A job that held rows of several organizations would sooner or later wait in a circle with
a deletion, which holds the chain's head when it comes to the rows beneath.
"""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from kernel.tenancy import TenantQuerySet
from orgs.models import Organization

AT_ONCE = 500
"""How many rows one transaction notes at most; the next slot goes on."""


def note(*, lapsed: TenantQuerySet[Any], each: Callable[[Organization], object]) -> None:
    """Call `each` with every organization that has lapsed rows, under its lock.

    `each` reads the rows anew: what ended meanwhile, or was lengthened, is not told.
    """
    found = lapsed.filter(organization_id__isnull=False).order_by("organization_id")
    for organization_id in list(found.values_list("organization_id", flat=True).distinct()):
        with transaction.atomic():
            rows = Organization.objects.select_for_update()
            organization = rows.filter(pk=organization_id).first()
            if organization is not None:
                each(organization)
