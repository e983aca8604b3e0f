"""The log of provisioning: what providers asked, what came of it, what to do."""

from django.http import HttpRequest, HttpResponse

from identity.console import provisioning_reads as found_by
from identity.console.provisioning import ProvisioningPage
from identity.console.provisioning_told import tell
from identity.models import ProvisioningConnection
from kernel.errors import Missing
from kernel.pagination import Order, paginate

ON_A_PAGE = 25
CONNECTIONS_OFFERED = 20
OUTCOMES = (("", "All"), ("failed", "Failed"))
KINDS = {"User": "Users", "Group": "Groups", "other": "Other"}
_FILTERS = ("outcome", "kind", "connection", "q")


class Log(ProvisioningPage):
    """The entries, newest first; `entry` opens one by its id."""

    tab = "log"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        if self.query("entry"):
            return self._one(self.query("entry"))
        offered = list(
            ProvisioningConnection.objects.of(self.organization).order_by("-id")[
                :CONNECTIONS_OFFERED
            ]
        )
        chosen = self._chosen(offered)
        kind = self.query("kind") if self.query("kind") in KINDS else ""
        outcome = "failed" if self.query("outcome") == "failed" else ""
        pages = paginate(
            found_by.entries_of(
                self.organization,
                only_failed=outcome == "failed",
                kind=kind,
                connection=chosen,
                text=self.query("q"),
            ),
            order=Order("id", descending=True),
            cursor=self.query("cursor") or None,
            limit=ON_A_PAGE,
        )
        return self.render(
            "identity/provisioning/log.html",
            pages=pages,
            entries=tell(pages.rows),
            outcome=outcome,
            outcomes=OUTCOMES,
            kinds=KINDS,
            kind=KINDS.get(kind, ""),
            offered=offered,
            connection=chosen.name if chosen else "",
            text=self.query("q"),
            is_filtered=any(self.query(name) for name in _FILTERS),
        )

    def _one(self, wire_id: str) -> HttpResponse:
        rows = found_by.entries_of(self.organization)
        try:
            entries = tell([rows.pick(wire_id)], whole=True)
        except Missing:
            entries = []
        return self.render(
            "identity/provisioning/entry.html",
            status=200 if entries else 404,
            entries=entries,
        )

    def _chosen(self, offered: list[ProvisioningConnection]) -> ProvisioningConnection | None:
        """Return the connection to narrow by; raise `Missing` for one that is not here."""
        wanted = self.query("connection")
        if not wanted:
            return None
        found = next((one for one in offered if one.wire_id == wanted), None)
        return found or ProvisioningConnection.objects.of(self.organization).pick(wanted)
