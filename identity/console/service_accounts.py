"""Service accounts of an organization, with their keys."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from identity.actions import api_keys
from identity.console import reads
from identity.console.forms import (
    AccountForm,
    ConfirmationForm,
    NewAccountForm,
    NewMachineKeyForm,
)
from identity.console.key_acts import KeyRow, address, platform_scopes, row_of, show_once
from identity.models import APIKey
from identity.queries import keys_of
from kernel.errors import Missing
from kernel.ids import decode
from kernel.pagination import Order, paginate
from orgs import access
from orgs.actions import service_accounts
from orgs.doors.console import OrganizationPage
from orgs.models import Role, ServiceAccount, Team
from orgs.permissions import ORGANIZATION_ROLES, TEAM_ROLES, Permission

ON_A_PAGE = 20
TEAMS_OFFERED = 100
SHOWN = (("", "All"), ("expiring", "Expiring"), ("unused", "With an unused key"))
TEAM_CHOICES = tuple((role, role.capitalize()) for role in TEAM_ROLES)
ORGANIZATION_CHOICES = tuple(
    (role, role.replace("_", " ").capitalize()) for role in ORGANIZATION_ROLES if role != "owner"
)


@dataclass(frozen=True, slots=True)
class AccountCard:
    """A service account in the list, with the keys that work now."""

    account: ServiceAccount
    keys: list[KeyRow]
    may_manage: bool


class AccountsPage(OrganizationPage):
    """What the pages of service accounts share."""

    section = "service_accounts"

    def manages(self, account: ServiceAccount) -> bool:
        """Whether to offer changes of an account and its keys."""
        return Permission.SERVICE_ACCOUNT_MANAGE in self.held or account.team_id in self._managed

    @cached_property
    def _managed(self) -> frozenset[object]:
        """The teams whose accounts the person manages; read once for a whole list."""
        places = {team: held for team, (_, held) in self.standing.team_roles().items()}
        for team, granted in self.standing.granted_teams.items():
            places[team] = places.get(team, frozenset()) | granted
        return frozenset(
            team for team, held in places.items() if Permission.SERVICE_ACCOUNT_MANAGE in held
        )

    def rows_of(self, account: ServiceAccount, keys: Iterable[APIKey]) -> list[KeyRow]:
        """Return an account's keys as rows."""
        base, may = address("keys", self.organization.slug), self.manages(account)
        return [row_of(key, base=base, may_change=may, may_rotate=may) for key in keys]


class Accounts(AccountsPage):
    """The accounts that the person may see, each with its living keys."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        q, show = self.query("q"), self.query("show")
        visible = access.service_accounts_for(self.principal, self.organization)
        found = reads.accounts_matching(visible, self.organization, q=q, show=show)
        page = paginate(
            found,
            order=Order("id", descending=True),
            cursor=request.GET.get("cursor"),
            limit=ON_A_PAGE,
        )
        keys = reads.living_keys(self.organization, page.rows)
        cards = [
            AccountCard(
                account,
                keys=self.rows_of(account, keys.get(account.pk, ())),
                may_manage=self.manages(account),
            )
            for account in page.rows
        ]
        return self.render(
            "identity/service_accounts.html",
            accounts=page,
            cards=cards,
            expiring=reads.expiring_keys(self.organization, visible),
            q=q,
            show=show,
            shown=SHOWN,
            may_create=Permission.SERVICE_ACCOUNT_MANAGE in self.held or bool(self._managed),
        )


class NewAccount(AccountsPage):
    """A new account of a team or of the organization."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        return self._draw(self._form())

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        form = self._form(request.POST)
        if not form.is_valid():
            return self._draw(form, status=422)
        name = form.cleaned_data["team"].strip()
        team = self._teams().filter(name__iexact=name).first() if name else None
        if name and team is None:
            form.add_error("team", "There is no team of this name that you can see.")
            return self._draw(form, status=422)
        done = self.act(
            lambda: service_accounts.create(
                actor=self.principal,
                organization=self.organization,
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                team=team,
                **form.role_fields(),
            ),
            success="The service account is there. Make its first key now.",
            form=form,
        )
        if done.value is None:
            return self._draw(form, status=done.status)
        return self.go("identity:service_account", self.organization.slug, done.value.wire_id)

    def _teams(self) -> QuerySet[Team]:
        return access.teams_for(self.principal, self.organization)

    def _form(self, data: object = None) -> NewAccountForm:
        only = tuple(choice for choice in ORGANIZATION_CHOICES if choice not in TEAM_CHOICES)
        offered = [*TEAM_CHOICES, *((role, f"{name} (organization only)") for role, name in only)]
        roles = Role.objects.of(self.organization).order_by("name")
        return NewAccountForm(data, built_in=offered, roles=roles)

    def _draw(self, form: NewAccountForm, *, status: int = 200) -> HttpResponse:
        return self.render_form(
            "identity/service_account_new.html",
            status=status,
            form=form,
            teams=self._teams().order_by("name")[:TEAMS_OFFERED],
            cancel_url=address("service_accounts", self.organization.slug),
        )


class AccountPage(AccountsPage):
    """A page about one account that the person may see."""

    def enter(self) -> None:
        """Find the account among those that the person may see."""
        super().enter()
        visible = access.service_accounts_for(self.principal, self.organization)
        wanted = decode(ServiceAccount.wire_prefix, self.kwargs["account"])
        found = visible.filter(pk=wanted).first()
        if found is None:
            raise Missing
        self.account = found
        self.account.organization = self.organization
        self.home = address("service_account", self.organization.slug, self.account.wire_id)


class Account(AccountPage):
    """One account: what it may do, and all its keys."""

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        found = keys_of(self.organization, owner_id=self.account.pk).select_related("replaced_by")
        page = paginate(found, order=Order("id", descending=True), cursor=request.GET.get("cursor"))
        return self.render(
            "identity/service_account.html",
            account=self.account,
            keys=page,
            rows=self.rows_of(self.account, page.rows),
            may_manage=self.manages(self.account),
        )


class Edit(AccountPage):
    """Name, description and role of an account."""

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        account = self.account
        initial = {
            "name": account.name,
            "description": account.description,
            "role": account.custom_role.wire_id if account.custom_role else account.role,
            "version": account.version,
        }
        return self._draw(self._form(initial=initial))

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        form = self._form(request.POST)
        if not form.is_valid():
            return self._draw(form, status=422)
        done = self.act(
            lambda: service_accounts.update(
                actor=self.principal,
                organization=self.organization,
                account=self.account,
                changes={
                    "name": form.cleaned_data["name"],
                    "description": form.cleaned_data["description"],
                    **form.role_fields(),
                },
                expected_version=form.cleaned_data["version"],
            ),
            success="The service account is changed.",
            form=form,
        )
        return self.go(self.home) if done.ok else self._draw(form, status=done.status)

    def _form(self, data: object = None, **options: object) -> AccountForm:
        in_team = self.account.team_id is not None
        scope = Role.Scope.TEAM if in_team else Role.Scope.ORGANIZATION
        roles = Role.objects.of(self.organization).filter(scope=scope).order_by("name")
        built_in = TEAM_CHOICES if in_team else ORGANIZATION_CHOICES
        return AccountForm(data, built_in=built_in, roles=roles, **options)

    def _draw(self, form: AccountForm, *, status: int = 200) -> HttpResponse:
        return self.render_form(
            "identity/service_account_edit.html",
            status=status,
            form=form,
            account=self.account,
            cancel_url=self.home,
        )


class Disable(AccountPage):
    """Refuse the account's keys until it is enabled again."""

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        self.act(
            lambda: service_accounts.disable(
                actor=self.principal, organization=self.organization, account=self.account
            ),
            success=f"{self.account.name} is disabled: its keys are refused from now on.",
        )
        return self.go(self.home)


class Enable(AccountPage):
    """Accept the account's keys again."""

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        self.act(
            lambda: service_accounts.enable(
                actor=self.principal, organization=self.organization, account=self.account
            ),
            success=f"{self.account.name} is enabled: its keys work again.",
        )
        return self.go(self.home)


class Delete(AccountPage):
    """The end of an account, after its name was typed."""

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        return self._draw(self._form())

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        form = self._form(request.POST)
        if not form.is_valid():
            return self._draw(form, status=422)
        done = self.act(
            lambda: service_accounts.delete(
                actor=self.principal, organization=self.organization, account=self.account
            ),
            success=f"{self.account.name} is deleted, and its keys with it.",
            form=form,
        )
        if not done.ok:
            return self._draw(form, status=done.status)
        return self.go("identity:service_accounts", self.organization.slug)

    def _form(self, data: object = None) -> ConfirmationForm:
        return ConfirmationForm(data, wanted=self.account.name, what="the name")

    def _draw(self, form: ConfirmationForm, *, status: int = 200) -> HttpResponse:
        return self.render_form(
            "identity/service_account_delete.html",
            status=status,
            form=form,
            account=self.account,
            cancel_url=self.home,
        )


class NewKey(AccountPage):
    """A new key of the account."""

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        return self._draw(NewMachineKeyForm(platform=platform_scopes()))

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        form = NewMachineKeyForm(request.POST, platform=platform_scopes())
        if not form.is_valid():
            return self._draw(form, status=422)
        username = form.cleaned_data["on_behalf_of"]
        done = self.act(
            lambda: api_keys.create(
                actor=self.principal,
                organization=self.organization,
                owner=self.account,
                name=form.cleaned_data["name"],
                scopes=form.chosen_scopes(),
                expires_at=form.expires_at(),
                allowed_networks=form.networks(),
                legacy=form.cleaned_data["legacy"],
                on_behalf_of=(
                    api_keys.member_named(self.organization, username) if username else None
                ),
            ),
            form=form,
        )
        if done.value is None:
            return self._draw(form, status=done.status)
        return show_once(self, done.value, back=self.home)

    def _draw(self, form: NewMachineKeyForm, *, status: int = 200) -> HttpResponse:
        return self.render(
            "identity/key_new.html",
            status=status,
            form=form,
            form_layout="layouts/form.html",
            owner=self.account,
            cancel_url=self.home,
        )
