"""The door of the REST API: principal, organization, permission, in this order.

Whoever does not belong to an organization gets the answer of one that does not exist.
Tests: tests/wire/test_permissions_table.py.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from django.urls import reverse
from django.utils.functional import cached_property
from rest_framework import exceptions as drf
from rest_framework.request import Request

from kernel.api.caller import origin_of, principal_of
from kernel.api.endpoint import Endpoint
from kernel.database import scope
from kernel.errors import Denied, Invalid, Missing
from kernel.ids import decode
from kernel.prepared import Prepared
from kernel.principal import Principal
from kernel.tenancy import M, TenantQuerySet
from orgs import access, presence, queries
from orgs.access import Resource
from orgs.access.standing import refusal_beforehand
from orgs.models import Organization, Role, Team, User
from orgs.permissions import Permission

_SLUG = re.compile(r"[a-z0-9-]{1,64}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class PersonView(Endpoint):
    """An endpoint outside of any organization: what concerns the principal alone.

    A key that is bound to an organization sees that one's rows, a person's own key those of
    all: a person is in several.
    """

    def check_permissions(self, request: Request) -> None:
        """Admit the principal, then say whose rows are wanted."""
        super().check_permissions(request)
        self.wall_in()

    def wall_in(self) -> None:
        """Say whose rows the rest of the request may see."""
        if self.principal.organization_id is not None:
            scope.enter(self.principal.organization_id)
        else:
            scope.cross("where the acting person is, and what is theirs")

    @cached_property
    def principal(self) -> Principal:
        """Return who acts, from where."""
        return principal_of(self.request).seen_from(origin_of(self.request))

    @cached_property
    def person(self) -> User:
        """Return the acting person; raise `Denied` for machines."""
        principal = self.principal
        if not principal.is_user or principal.id is None:
            raise Denied("Only a person can do this; sign in with a key of your own.")
        found = User.objects.filter(pk=principal.id, is_active=True).first()
        if found is None:
            raise Missing
        return found


class OrganizationView(PersonView):
    """An endpoint inside an organization, named in the URL by its slug or id.

    `permissions` names what each method needs on `resource()`. Methods in `partial` let
    everybody inside through to the part that is theirs: a list shows what the principal
    may see, and an action decides by the permission or by whose it is. Strangers get no
    further than the door, unless the endpoint `admits_strangers` to what is public.
    """

    permissions: ClassVar[Mapping[str, Permission]] = {}
    partial: ClassVar[frozenset[str]] = frozenset()
    admits_strangers: ClassVar[bool] = False

    def check_permissions(self, request: Request) -> None:
        """Admit the principal to the organization and the method, or raise."""
        super().check_permissions(request)
        method = self.declared_method
        if method not in self.permissions:
            raise drf.MethodNotAllowed(str(request.method))
        permission = self.permissions[method]
        standing = access.standing_of(self.principal, self.organization)
        if not standing.is_inside and not self.admits_strangers:
            raise Missing
        if method in self.partial:
            refusal = refusal_beforehand(self.principal, permission, standing)
            if refusal:
                raise Denied(permission=str(permission), reason=refusal)
            return
        try:
            access.require(self.principal, permission, self.resource(), standing=standing)
        except Denied:
            if not self.is_visible():
                raise Missing from None
            raise
        presence.note(self.principal, self.organization)

    def wall_in(self) -> None:
        """Show the organization's rows alone; for a method that does not exist, nobody's."""
        if self.declared_method in self.permissions:
            scope.enter(self.organization)

    @cached_property
    def organization(self) -> Organization:
        """Return the organization of the URL, or one that nobody is in.

        So that strangers are refused by the same steps, in the same time, whether what
        they name exists or not.
        """
        try:
            return find_organization(self.kwargs["organization"])
        except Missing:
            return Organization()

    def resource(self) -> Resource:
        """Return what the permission is needed on."""
        return self.organization

    def is_visible(self) -> bool:
        """Whether a principal that was denied may know that the resource exists."""
        return True

    def url(self, name: str, **ids: str) -> str:
        """Return the address of something in this organization."""
        return reverse(f"api:{name}", kwargs={"organization": self.organization.slug, **ids})

    def team_named(self, reference: str) -> Team:
        """Return a team by id or name, or raise `Missing`, as for those that are hidden."""
        team = find_team(self.organization, reference)
        if not self._sees(team):
            raise Missing
        return team

    def pick(self, rows: TenantQuerySet[M], wire_id: str, member: str) -> M:
        """Return a row that the body names; refuse the member if there is none.

        `rows` are the organization's: another's id is as unknown as an invented one.
        """
        try:
            return rows.pick(wire_id)
        except Missing:
            raise Invalid.field(member, f"“{wire_id}” is not known here.", code="unknown") from None

    def role(self, given: str, scope: str, member: str = "role") -> tuple[str, Role | None]:
        """Return the built-in role and the custom one that a body's `role` means.

        A role is named as it is shown: `admin`, or `role_…` for a custom one.
        """
        if not given.startswith(f"{Role.wire_prefix}_"):
            return given, None
        rows = Role.objects.of(self.organization).filter(scope=scope)
        custom = self.pick(rows, given, member)
        return custom.inherits, custom

    def _sees(self, team: Team) -> bool:
        """Whether the principal sees a team; what its key may do does not count here."""
        whole = replace(self.principal, scopes=None)
        return access.may(whole, Permission.TEAM_READ, team).allowed


class TeamView(OrganizationView):
    """An endpoint on one team, named in the URL by its id or name (an old one, for a time)."""

    @cached_property
    def team(self) -> Team:
        """Return the team of the URL, or raise `Missing`."""
        return find_team(self.organization, self.kwargs["team"])

    def resource(self) -> Resource:
        """Return the team."""
        return self.team

    def is_visible(self) -> bool:
        """Whether the principal sees the team."""
        return self._sees(self.team)


_BY_ID = Prepared(lambda pk: Organization.objects.filter(pk=pk), uuid.UUID)
_BY_SLUG = Prepared(lambda slug: Organization.objects.filter(slug=slug), str)


def find_organization(reference: str) -> Organization:
    """Return the organization with this slug or id, or raise `Missing`."""
    prefix = f"{Organization.wire_prefix}_"
    found = None
    with scope.across("which organization a slug or an id names"):
        if reference.startswith(prefix):
            found = _BY_ID.first(decode(Organization.wire_prefix, reference))
        elif _SLUG.fullmatch(reference):
            found = _BY_SLUG.first(reference)
    if found is None:
        raise Missing
    return found


def find_team(organization: Organization, reference: str) -> Team:
    """Return an organization's team by id, name or live alias, or raise `Missing`."""
    rows = Team.objects.of(organization)
    if re.fullmatch(rf"{Team.wire_prefix}_[0-9a-f]{{32}}", reference):
        team = rows.pick(reference)
    elif _NAME.fullmatch(reference):
        team = rows.named(reference).first() or _renamed_team(organization, reference)
    else:
        raise Missing
    team.organization = organization
    return team


def _renamed_team(organization: Organization, name: str) -> Team:
    """Return the team that had this name until lately; scripts still use it."""
    held = queries.entity_named(name)
    if held is None or held.team is None or held.team.organization_id != organization.pk:
        raise Missing
    return held.team
