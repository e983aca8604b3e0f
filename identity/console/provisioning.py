"""Provisioning of an organization: its connections, how to connect, how to set a provider up."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from identity.actions import provisioning
from identity.actions.api_keys import IssuedKey
from identity.console import provisioning_reads as found_by
from identity.console import reads
from identity.console.key_acts import VARIABLE, KeyRow, address, row_of
from identity.console.provisioning_forms import ConnectForm
from identity.console.provisioning_guides import AFTERWARDS, EXTENSION, PROVIDERS, guide_for
from identity.console.provisioning_reads import Day, Health
from identity.models import APIKey, Directory, ProvisioningConnection
from kernel.pagination import Order, paginate
from orgs import access
from orgs.doors.console import OrganizationPage
from orgs.permissions import Permission

ON_A_PAGE = 20


@dataclass(frozen=True, slots=True)
class ConnectionCard:
    """A connection with its health, its day and the tokens that work now."""

    connection: ProvisioningConnection
    health: Health
    day: Day
    tokens: list[KeyRow]


class ProvisioningPage(OrganizationPage):
    """What the pages share. The log tells about people: it is for who manages members."""

    section = "provisioning"
    permission = Permission.MEMBER_UPDATE
    tab = "overview"

    @property
    def acts(self) -> bool:
        """Whether to offer connections and tokens; the actions decide."""
        return Permission.SERVICE_ACCOUNT_MANAGE in self.held

    @property
    def home(self) -> str:
        """Return the address of the overview."""
        return address("provisioning", self.organization.slug)

    def token_rows(self, keys: Sequence[APIKey]) -> list[KeyRow]:
        """Return a connection's tokens as rows, with the acts of the pages of keys."""
        base = address("keys", self.organization.slug)
        return [row_of(key, base=base, may_change=self.acts, may_rotate=self.acts) for key in keys]

    def show_token(
        self, connection: ProvisioningConnection, issued: IssuedKey, *, is_new: bool
    ) -> HttpResponse:
        """Answer with a new token in the page itself: it is nowhere else and never again."""
        bases = found_by.base_urls(self.organization)
        response = self.render(
            "identity/provisioning/token_issued.html",
            connection=connection,
            key=issued.key,
            secret=issued.secret,
            is_new=is_new,
            guide=guide_for(connection.provider, bases),
            afterwards=AFTERWARDS,
            extension=EXTENSION,
            base_url=bases[0],
            variable=VARIABLE,
            back=address("provisioning_connection", self.organization.slug, connection.wire_id),
        )
        response["Cache-Control"] = "no-store"
        return response


class ProvisioningAct(ProvisioningPage):
    """A page that changes connections or tokens."""

    def enter(self) -> None:
        """Let in who manages service accounts as well: a connection is one."""
        super().enter()
        access.require(self.principal, Permission.SERVICE_ACCOUNT_MANAGE, self.organization)


class Overview(ProvisioningPage):
    """The connections with their health and tokens, the directory, who has to confirm."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        page = paginate(
            found_by.connections_of(self.organization),
            order=Order("id", descending=True),
            cursor=request.GET.get("cursor"),
            limit=ON_A_PAGE,
        )
        accounts = [connection.service_account for connection in page.rows]
        keys = reads.living_keys(self.organization, accounts)
        days = found_by.days_of(self.organization, page.rows)
        awaited, more_awaited = found_by.awaited_of(self.organization)
        return self.render(
            "identity/provisioning/overview.html",
            connections=page,
            cards=[
                ConnectionCard(
                    connection=connection,
                    health=Health.of(connection),
                    day=days.of[connection.pk],
                    tokens=self.token_rows(keys.get(connection.service_account_id, ())),
                )
                for connection in page.rows
            ],
            is_cut=days.is_cut,
            directory=Directory.objects.of(self.organization).first(),
            awaited=awaited,
            more_awaited=more_awaited,
            bases=found_by.base_urls(self.organization),
            providers=PROVIDERS,
        )


class Connect(ProvisioningAct):
    """A new connection with its first token."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        wanted = self.query("provider")
        names = dict(PROVIDERS)
        if wanted not in names:
            wanted = "okta"
        name = "" if wanted == "other" else names[wanted]
        return self._draw(ConnectForm(initial={"provider": wanted, "name": name}))

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        form = ConnectForm(request.POST)
        if not form.is_valid():
            return self._draw(form, status=422)
        done = self.act(lambda: self._connect(form), form=form)
        if done.value is None:
            return self._draw(form, status=done.status)
        connection, issued = done.value
        return self.show_token(connection, issued, is_new=True)

    @transaction.atomic
    def _connect(self, form: ConnectForm) -> tuple[ProvisioningConnection, IssuedKey]:
        """Make both or neither: a connection without a token is of no use."""
        connection = provisioning.connect(
            actor=self.principal,
            organization=self.organization,
            name=form.cleaned_data["name"],
            provider=form.cleaned_data["provider"],
        )
        issued = provisioning.issue_token(
            actor=self.principal, organization=self.organization, connection=connection
        )
        return connection, issued

    def _draw(self, form: ConnectForm, *, status: int = 200) -> HttpResponse:
        # Never in a dialog: the answer holds the token, which must not vanish with a click.
        return self.render(
            "identity/provisioning/connect.html",
            status=status,
            form=form,
            form_layout="layouts/form.html",
            cancel_url=self.home,
        )


class SetUp(ProvisioningPage):
    """The steps of a provider, named in the query string."""

    tab = "set_up"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        wanted = self.query("provider")
        provider = wanted if wanted in dict(PROVIDERS) else "okta"
        bases = found_by.base_urls(self.organization)
        return self.render(
            "identity/provisioning/set_up.html",
            provider=provider,
            providers=PROVIDERS,
            guide=guide_for(provider, bases),
            afterwards=AFTERWARDS,
            extension=EXTENSION,
        )
