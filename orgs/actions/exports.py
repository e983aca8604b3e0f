"""Exports: what left the organization as a file, and who took it."""

from collections.abc import Mapping

from django.db import transaction

from kernel.events import Target, record
from kernel.principal import Principal
from orgs import access
from orgs.models import Organization
from orgs.permissions import Permission

_KINDS = {
    "audit": ("orgs.audit.exported", Permission.AUDIT_READ),
    "members": ("orgs.members.exported", Permission.MEMBER_READ),
}


@transaction.atomic
def note(
    *, actor: Principal, organization: Organization, what: str, filters: Mapping[str, str]
) -> None:
    """Write into the trail that `audit` or `members` are taken along as a file."""
    event, permission = _KINDS[what]
    access.require(actor, permission, organization)
    record(
        type=event,
        actor=actor,
        organization=organization,
        target=Target(kind="organization", id=organization.wire_id, label=organization.name),
        changes={"filters": dict(filters)},
    )
