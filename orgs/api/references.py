"""What bodies and URLs name: each is looked for within the organization alone."""

from typing import TypeVar

from django.db.models import Model, QuerySet

from kernel.errors import Invalid, Missing
from kernel.ids import decode
from orgs.doors.api import OrganizationView
from orgs.models import Membership, ServiceAccount, Team

M = TypeVar("M", bound=Model)


def found(rows: QuerySet[M], wire_id: str) -> M:
    """Return the row with an id among those that the principal may see, or raise `Missing`."""
    prefix = str(getattr(rows.model, "wire_prefix", ""))
    row = rows.filter(pk=decode(prefix, wire_id)).first()
    if row is None:
        raise Missing
    return row


def team_in(view: OrganizationView, reference: str, member: str = "team") -> Team:
    """Return the team that a member of the body names, or refuse the member."""
    try:
        return view.team_named(reference)
    except Missing:
        raise Invalid.field(member, f"“{reference}” is not a team here.", code="unknown") from None


def member_in(view: OrganizationView, wire_id: str, member: str = "member") -> Membership:
    """Return the member that a member of the body names, or refuse it."""
    return view.pick(Membership.objects.of(view.organization).with_user(), wire_id, member)


def holder_in(
    view: OrganizationView, wire_id: str, member: str = "holder"
) -> Membership | ServiceAccount:
    """Return the member or service account that a member of the body names, or refuse it."""
    if wire_id.startswith(f"{ServiceAccount.wire_prefix}_"):
        rows = ServiceAccount.objects.of(view.organization).select_related("team", "custom_role")
        return view.pick(rows, wire_id, member)
    return member_in(view, wire_id, member)
