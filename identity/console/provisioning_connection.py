"""One connection: its tokens, how it does, another token, its end."""

from django.http import HttpRequest, HttpResponse

from identity.actions import provisioning
from identity.console import provisioning_reads as found_by
from identity.console.forms import ConfirmationForm
from identity.console.key_acts import address
from identity.console.provisioning import ProvisioningAct, ProvisioningPage
from identity.console.provisioning_forms import TokenForm
from identity.console.provisioning_reads import Health
from identity.console.provisioning_told import tell
from identity.models import ProvisioningConnection
from identity.queries import keys_of
from kernel.errors import Missing
from kernel.ids import decode
from kernel.pagination import Order, paginate

FAILURES_SHOWN = 5
TOKENS_ON_A_PAGE = 20
ENDS = (
    "its tokens: the very next request with one of them is refused",
    "with the last connection also the lock: people and teams can be changed here again",
)
STAYS = (
    "People, teams, roles and seats stay as they are now. The log stays for its 30 days, and the "
    "audit log for good."
)


class ConnectionPage(ProvisioningPage):
    """A page about one connection."""

    def enter(self) -> None:
        """Find the connection among the organization's."""
        super().enter()
        wanted = decode(ProvisioningConnection.wire_prefix, self.kwargs["connection"])
        found = found_by.connections_of(self.organization).filter(pk=wanted).first()
        if found is None:
            raise Missing
        self.connection = found
        self.place = address("provisioning_connection", self.organization.slug, found.wire_id)


class Connection(ConnectionPage):
    """Its tokens, those that ended as well, and what failed last."""

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        account = self.connection.service_account_id
        keys = keys_of(self.organization, owner_id=account).select_related("replaced_by")
        page = paginate(
            keys,
            order=Order("id", descending=True),
            cursor=request.GET.get("cursor"),
            limit=TOKENS_ON_A_PAGE,
        )
        failures = found_by.entries_of(
            self.organization, only_failed=True, connection=self.connection
        )
        days = found_by.days_of(self.organization, [self.connection])
        return self.render(
            "identity/provisioning/connection.html",
            connection=self.connection,
            health=Health.of(self.connection),
            day=days.of[self.connection.pk],
            is_cut=days.is_cut,
            keys=page,
            tokens=self.token_rows(page.rows),
            failures=tell(failures.order_by("-id")[:FAILURES_SHOWN]),
            bases=found_by.base_urls(self.organization),
        )


class NewToken(ProvisioningAct, ConnectionPage):
    """Another token, beside those that work."""

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        return self._draw(TokenForm())

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        form = TokenForm(request.POST)
        if not form.is_valid():
            return self._draw(form, status=422)
        done = self.act(
            lambda: provisioning.issue_token(
                actor=self.principal,
                organization=self.organization,
                connection=self.connection,
                name=form.cleaned_data["name"],
            ),
            form=form,
        )
        if done.value is None:
            return self._draw(form, status=done.status)
        return self.show_token(self.connection, done.value, is_new=False)

    def _draw(self, form: TokenForm, *, status: int = 200) -> HttpResponse:
        # Never in a dialog: the answer holds the token, which must not vanish with a click.
        return self.render(
            "identity/provisioning/token_new.html",
            status=status,
            form=form,
            form_layout="layouts/form.html",
            connection=self.connection,
            cancel_url=self.place,
        )


class Disconnect(ProvisioningAct, ConnectionPage):
    """The end of a connection, after its name was typed."""

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        return self._draw(self._form())

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        form = self._form(request.POST)
        if not form.is_valid():
            return self._draw(form, status=422)
        done = self.act(
            lambda: provisioning.disconnect(
                actor=self.principal,
                organization=self.organization,
                connection=self.connection,
            ),
            success=f"{self.connection.name} is disconnected. Its people and teams stay.",
            form=form,
        )
        if not done.ok:
            return self._draw(form, status=done.status)
        return self.go(self.home)

    def _form(self, data: object = None) -> ConfirmationForm:
        return ConfirmationForm(data, wanted=self.connection.name, what="the name")

    def _draw(self, form: ConfirmationForm, *, status: int = 200) -> HttpResponse:
        return self.render_form(
            "orgs/confirm_typed.html",
            status=status,
            form=form,
            heading=f"Disconnect {self.connection.name}?",
            wanted=self.connection.name,
            goes=ENDS,
            keeps=STAYS,
            button="Disconnect",
            cancel_url=self.place,
        )
