"""Naming a member in a form: by username or address, with suggestions."""

from typing import Any

from django import forms

from kernel.errors import Invalid
from orgs import queries
from orgs.doors.console import OrganizationPage
from orgs.models import Membership, Organization, Team
from orgs.permissions import Permission

_SUGGESTED = 100


class PersonField(forms.CharField):
    """A username or address; the page offers members in the list `people`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=254,
            help_text="Username or e-mail address of a member of the organization.",
            widget=forms.TextInput(attrs={"list": "people", "autocomplete": "off"}),
            **kwargs,
        )


def member_named(organization: Organization, text: str) -> Membership:
    """Return the active member that a `PersonField` names, or raise `Invalid`."""
    members = queries.members_of(organization, status=Membership.Status.ACTIVE)
    key = "user__email__iexact" if "@" in text else "user__username__iexact"
    found = members.filter(**{key: text.strip()}).first()
    if found is None:
        raise Invalid.field(
            "person", "No active member has this username or address. Invite them first."
        )
    return found


def suggested(page: OrganizationPage, *, outside_of: Team | None = None) -> list[Membership]:
    """Return members to offer, none to somebody who may not see them."""
    if not page.may(Permission.MEMBER_READ):
        return []
    members = queries.members_of(page.organization, status=Membership.Status.ACTIVE)
    if outside_of is not None:
        inside = queries.team_members_of(outside_of).values("membership_id")
        members = members.exclude(pk__in=inside)
    return list(members.order_by("user__username")[:_SUGGESTED])
