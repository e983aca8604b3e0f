"""Roles: what the built-in ones hold, and the organization's own."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from orgs import queries
from orgs.access import role_permissions
from orgs.actions import roles
from orgs.doors.console import OrganizationPage
from orgs.models import OrganizationRole, PlatformPermission, Role, TeamRole
from orgs.permissions import (
    DESCRIPTIONS,
    ORGANIZATION_ROLES,
    RESERVED_TO_OWNERS,
    TEAM_LEVEL,
    TEAM_ROLES,
    Permission,
)

_BASES: dict[str, list[tuple[str, str]]] = {
    "organization": [(str(r.value), str(r.label)) for r in OrganizationRole if r != "owner"],
    "team": [(str(r.value), str(r.label)) for r in TeamRole],
}


@dataclass(frozen=True, slots=True)
class Line:
    """A permission in the matrix: held or not, by each role in the order of the columns."""

    name: str
    description: str
    held: list[bool]


def matrix(
    table: dict[str, frozenset[str]], names: Iterable[str]
) -> list[tuple[str, list[Line]]]:
    """Return the permissions grouped by noun, each with who holds it."""
    lines = [
        Line(str(name), DESCRIPTIONS[name], [name in held for held in table.values()])
        for name in sorted(names)
    ]
    grouped = groupby(lines, key=lambda line: line.name.partition(".")[0])
    return [(noun, list(found)) for noun, found in grouped]


class RolesPage(OrganizationPage):
    """What the pages about roles share."""

    section = "roles"
    permission = Permission.ROLE_READ


class RoleList(RolesPage):
    """The matrix of the built-in roles and the list of custom ones."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        holders = queries.built_in_role_holders(self.organization)
        custom = queries.roles_with_holders(self.organization).order_by("scope", "name_key")
        return self.render(
            "orgs/roles/list.html",
            custom=list(custom),
            manages=self.may(Permission.ROLE_MANAGE),
            tables=[
                (
                    "Organization roles",
                    [
                        (role.label, holders.get(("organization", role.value), 0))
                        for role in OrganizationRole
                    ],
                    matrix(ORGANIZATION_ROLES, DESCRIPTIONS),
                ),
                (
                    "Team roles",
                    [(role.label, holders.get(("team", role.value), 0)) for role in TeamRole],
                    matrix(TEAM_ROLES, TEAM_LEVEL),
                ),
            ],
        )


class RoleForm(forms.Form):
    """A custom role: a base, and the permissions that it holds in the end."""

    name = forms.CharField(max_length=60)
    description = forms.CharField(max_length=300, required=False)
    scope = forms.ChoiceField(
        choices=Role.Scope.choices,
        help_text="Where the role can be given; it stays so.",
    )
    inherits = forms.ChoiceField(
        label="Starts from",
        choices=[*_BASES["organization"], ("admin", "Admin")],
        help_text="The role follows this built-in one, with your differences on top.",
    )
    held = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Permissions"
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Any = None,
        *,
        scope: str,
        available: list[tuple[str, str]],
        is_new: bool,
        initial: Any = None,
    ) -> None:
        super().__init__(data, initial=initial)
        self.available = available
        self.fields["held"].choices = available  # type: ignore[attr-defined]
        self.fields["inherits"].choices = _BASES[scope]  # type: ignore[attr-defined]
        self.fields["scope"].initial = scope
        if not is_new:
            del self.fields["scope"], self.fields["inherits"]

    @property
    def picker(self) -> list[tuple[str, str, bool]]:
        """Return each permission with its words and whether it is ticked."""
        ticked = set(self["held"].value() or ())
        return [(name, words, name in ticked) for name, words in self.available]


class _RoleEditor(RolesPage):
    """What making and changing a role share: the picker and the difference to the base."""

    permission = Permission.ROLE_MANAGE

    @cached_property
    def platform(self) -> dict[str, str]:
        """Return the permissions that the platform registered for itself."""
        return dict(PlatformPermission.objects.values_list("name", "description"))

    def available(self, scope: str) -> list[tuple[str, str]]:
        """Return what a role of the scope may hold, with its words."""
        own: Iterable[str] = TEAM_LEVEL if scope == Role.Scope.TEAM else DESCRIPTIONS
        names = {str(name): DESCRIPTIONS[name] for name in own if name not in RESERVED_TO_OWNERS}
        return sorted((names | self.platform).items())

    def difference(self, form: RoleForm, scope: str, inherits: str) -> dict[str, Any]:
        """Return what the ticked permissions add to the base and take from it."""
        base = role_permissions(inherits, None, scope)
        offered = {name for name, _ in form.available}
        ticked = set(form.cleaned_data["held"])
        return {
            "added": sorted(ticked - base),
            "removed": sorted((base & offered) - ticked),
        }

    def draw(self, form: RoleForm, scope: str, status: int = 200, **context: Any) -> HttpResponse:
        """Draw the editor."""
        return self.render(
            "orgs/roles/edit.html", status=status, form=form, scope=scope, **context
        )


class NewRole(_RoleEditor):
    """Makes a role; `scope` and `base` of the query string fill the picker."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        scope, base = self._wanted(request.GET)
        form = self._form(scope, initial={"inherits": base, "held": self._base(scope, base)})
        return self.draw(form, scope, base=base)

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        scope, base = self._wanted(request.POST)
        form = self._form(scope, data=request.POST)
        if not form.is_valid():
            return self.draw(form, scope, status=422, base=base)
        sent = form.cleaned_data
        done = self.act(
            lambda: roles.create(
                actor=self.principal,
                organization=self.organization,
                name=sent["name"],
                description=sent["description"],
                scope=scope,
                inherits=base,
                **self.difference(form, scope, base),
            ),
            success="The role is ready to be given.",
            form=form,
        )
        if done.value is None:
            return self.draw(form, scope, status=done.status, base=base)
        return self.go("console:roles", organization)

    def _form(self, scope: str, **kwargs: Any) -> RoleForm:
        return RoleForm(scope=scope, available=self.available(scope), is_new=True, **kwargs)

    def _base(self, scope: str, base: str) -> list[str]:
        return sorted(role_permissions(base, None, scope))

    def _wanted(self, given: Any) -> tuple[str, str]:
        scope = given.get("scope", "")
        scope = scope if scope in Role.Scope.values else Role.Scope.ORGANIZATION
        base = given.get("inherits", "")
        return scope, base if base in dict(_BASES[scope]) else "member"


class EditRole(_RoleEditor):
    """Shows a custom role, and changes it for those who may."""

    permission = Permission.ROLE_READ

    @cached_property
    def role(self) -> Role:
        """Return the role with its number of holders, or raise `Missing`."""
        rows: Any = queries.roles_with_holders(self.organization)
        found: Role = rows.pick(self.kwargs["role"])
        return found

    def get(self, request: HttpRequest, organization: str, role: str) -> HttpResponse:
        found = self.role
        held = role_permissions(found.inherits, found, found.scope)
        form = self._form(
            initial={
                "name": found.name,
                "description": found.description,
                "held": sorted(held),
                "version": found.version,
            }
        )
        return self._draw(form)

    def post(self, request: HttpRequest, organization: str, role: str) -> HttpResponse:
        found = self.role
        form = self._form(data=request.POST)
        if not form.is_valid():
            return self._draw(form, 422)
        sent = form.cleaned_data
        done = self.act(
            lambda: roles.update(
                actor=self.principal,
                organization=self.organization,
                role=found,
                changes={
                    "name": sent["name"],
                    "description": sent["description"],
                    **self.difference(form, found.scope, found.inherits),
                },
                expected_version=sent["version"],
            ),
            success="The role was changed. It holds for everybody who has it.",
            form=form,
        )
        if not done.ok:
            return self._draw(form, done.status)
        return self.go("console:role", organization, role)

    def _form(self, **kwargs: Any) -> RoleForm:
        scope = self.role.scope
        return RoleForm(scope=scope, available=self.available(scope), is_new=False, **kwargs)

    def _draw(self, form: RoleForm, status: int = 200) -> HttpResponse:
        return self.draw(
            form,
            self.role.scope,
            status,
            role=self.role,
            base=self.role.inherits,
            manages=self.may(Permission.ROLE_MANAGE),
        )


class DeleteRole(EditRole):
    """Deletes a role that nobody has."""

    permission = Permission.ROLE_MANAGE

    def get(self, request: HttpRequest, organization: str, role: str) -> HttpResponse:
        return self._confirm(forms.Form(), 200)

    def post(self, request: HttpRequest, organization: str, role: str) -> HttpResponse:
        form = forms.Form(request.POST)
        name = self.role.name
        done = self.act(
            lambda: roles.delete(
                actor=self.principal, organization=self.organization, role=self.role
            ),
            success=f"The role {name} was deleted.",
            form=form,
        )
        if not done.ok:
            return self._confirm(form, done.status)
        return self.go("console:roles", organization)

    def _confirm(self, form: forms.Form, status: int) -> HttpResponse:
        return self.render_form(
            "orgs/confirm.html",
            status=status,
            form=form,
            heading=f"Delete the role {self.role.name}",
            text="Only a role that nobody has can be deleted.",
            button="Delete",
            is_danger=True,
        )

