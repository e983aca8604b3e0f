"""Impose and lift what takes rights from a whole organization: suspension, read-only, quota."""

from django.db import transaction

from kernel.errors import Denied, Invalid
from kernel.events import Target, record
from kernel.principal import Principal
from orgs.actions import members
from orgs.models import Organization, Restriction


@transaction.atomic
def impose(
    *, actor: Principal, organization: Organization, kind: str, reason: str, subject: str = ""
) -> Restriction:
    """Restrict an organization; a second time changes the reason only.

    `subject` names the permission that an `over_quota` restriction takes away.
    """
    _require_operator(actor)
    if kind not in Restriction.Kind.values:
        raise Invalid.field("kind", f"“{kind}” is not a restriction.", code="choice")
    members.lock(organization)
    row, is_new = Restriction.objects.of(organization).get_or_create(
        kind=kind, subject=subject, defaults={"organization": organization, "reason": reason}
    )
    if not is_new and row.reason == reason:
        return row
    row.reason = reason
    row.save(update_fields=["reason"])
    record(
        type="orgs.organization.restricted",
        actor=actor,
        organization=organization,
        target=Target.of(organization),
        changes={"kind": kind, "reason": reason, "subject": subject},
    )
    return row


@transaction.atomic
def lift(
    *, actor: Principal, organization: Organization, kind: str, subject: str = ""
) -> bool:
    """Take a restriction away; return whether there was one."""
    _require_operator(actor)
    members.lock(organization)
    gone, _ = Restriction.objects.of(organization).filter(kind=kind, subject=subject).delete()
    if gone:
        record(
            type="orgs.organization.unrestricted",
            actor=actor,
            organization=organization,
            target=Target.of(organization),
            changes={"kind": kind, "subject": subject},
        )
    return bool(gone)


def _require_operator(actor: Principal) -> None:
    if not actor.is_system:
        raise Denied("Restrictions are imposed by the operator or by billing.")
