"""When people were last active in an organization (see `kernel.latest`).

What "idle for 30 days" on the seats page rests on; a few minutes old is fresh enough.
"""

import datetime as dt
import uuid
from collections.abc import Mapping

from django.db import transaction
from django.db.models import Q

from kernel.clock import now
from kernel.latest import LatestBuffer, unheld
from kernel.principal import Principal
from orgs.models import Membership, Organization, User

REST_SECONDS = 300
"""How old "last active" may be."""

_Place = tuple[uuid.UUID, uuid.UUID]


def note(principal: Principal, organization: Organization) -> None:
    """Remember that a person worked in an organization just now."""
    if principal.is_user and principal.id is not None:
        places.note((organization.pk, principal.id), now())


def _write(latest: Mapping[_Place, dt.datetime]) -> None:
    with transaction.atomic():
        for (organization_id, user_id), at in latest.items():
            earlier = Q(last_active_at__isnull=True) | Q(last_active_at__lt=at)
            members = Membership.objects.of(organization_id).filter(earlier, user_id=user_id)
            unheld(members).update(last_active_at=at)
            unheld(User.objects.filter(earlier, pk=user_id)).update(last_active_at=at)


places: LatestBuffer[_Place, dt.datetime] = LatestBuffer(_write, rest_seconds=REST_SECONDS)
