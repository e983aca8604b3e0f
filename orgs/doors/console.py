"""The door of console pages: person, organization, permission, in this order.

Anonymous visitors are led to the sign-in. Whoever does not belong to an organization
gets the page of one that does not exist. Whoever lacks a permission is told which, and
who can give it. Tests: tests/orgs/console/test_door.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.forms import BaseForm
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import render, resolve_url
from django.utils.functional import cached_property
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from kernel.database import scope
from kernel.errors import (
    Conflict,
    Denied,
    DomainError,
    Gone,
    Invalid,
    LimitReached,
    Missing,
    Stale,
    Throttled,
)
from kernel.principal import Principal
from kernel.transient import again_if_undone
from orgs import access, presence
from orgs.access import Resource, Standing
from orgs.models import Membership, Organization, Team, User
from orgs.permissions import DESCRIPTIONS, Permission

T = TypeVar("T")

_STATUS: tuple[tuple[type[DomainError], int], ...] = (
    (Stale, 412),
    (Missing, 404),
    (Denied, 403),
    (LimitReached, 402),
    (Conflict, 409),
    (Gone, 410),
    (Throttled, 429),
    (Invalid, 422),
)


def status_of(error: DomainError) -> int:
    """Return the HTTP status that a page answers with for a domain error."""
    return next((status for family, status in _STATUS if isinstance(error, family)), 422)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of an act: its value, or the error that refused it."""

    value: T | None = None
    error: DomainError | None = None

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.error is None

    @property
    def status(self) -> int:
        """Return the status of the answer."""
        return 200 if self.error is None else status_of(self.error)


class SeeOther(HttpResponseRedirect):
    """Leads on after a form was sent: the next request is a GET, whatever this one was."""

    status_code = 303


class ConsolePage(View):
    """What pages of a person and pages of an organization share."""

    section: ClassVar[str] = ""

    organization: Organization | None = None
    standing: Standing | None = None
    held: frozenset[str] = frozenset()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Let the person in, or send them where they belong."""
        self.principal: Principal = request.principal  # type: ignore[attr-defined] # middleware
        request.console_page = self  # type: ignore[attr-defined] # read by `shell`
        if not self.principal.is_user:
            return self._sign_in_first()
        try:
            _require_plain(kwargs)
            self.enter()
            return super().dispatch(request, *args, **kwargs)
        except Missing:
            raise Http404 from None
        except DomainError as error:
            return self.refuse(error)

    def enter(self) -> None:
        """Check who comes in; raise a domain error to refuse."""

    @property
    def person(self) -> User:
        """Return the signed-in person."""
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101 - `dispatch` let nobody else in
        return user

    def query(self, name: str) -> str:
        """Return a parameter of the query string; NUL, which no database takes, is dropped."""
        return self.request.GET.get(name, "").replace("\x00", "").strip()[:200]

    @property
    def search_keeps(self) -> list[tuple[str, str]]:
        """Return the other filters that a search leaves as they are (`c-search`)."""
        return [
            (name, str(value))
            for name, value in self.request.GET.items()
            if name not in ("q", "cursor") and value
        ]

    def render(self, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """Draw a page, or the fragment `template` names (`page.html#rows`)."""
        return render(self.request, template, {"page": self, **context}, status=status)

    def render_form(self, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """Draw a form: into the shared dialog when it asks for it, else as a page."""
        layout = "layouts/dialog.html" if self.in_dialog else "layouts/form.html"
        return self.render(template, status=status, form_layout=layout, **context)

    @property
    def in_dialog(self) -> bool:
        """Whether the answer goes into the shared dialog."""
        htmx = self.request.htmx  # type: ignore[attr-defined] # middleware
        return bool(htmx) and htmx.target == "dialog"

    @property
    def is_fragment(self) -> bool:
        """Whether htmx asks for a part of the page."""
        return bool(self.request.htmx)  # type: ignore[attr-defined] # middleware

    def go(self, to: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Lead on after an act, by a whole page also out of a dialog.

        A `next` that the form brought along, within this site, comes first.
        """
        wanted = self.request.POST.get("next", "")
        is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
        url = wanted if is_ours else resolve_url(to, *args, **kwargs)
        if self.is_fragment:
            return HttpResponseClientRedirect(url)
        return SeeOther(url)

    def act(
        self, call: Callable[[], T], *, success: str = "", form: BaseForm | None = None
    ) -> Outcome[T]:
        """Do something and say how it went.

        Success leaves `success` as a message for the next page. A refusal goes into
        `form` (beside the field that the error points at), or stays as a message where
        there is no form. `Missing` always becomes the 404 page, and `Denied` the 403
        page unless a form can tell it. What the database undoes is done again.
        """
        try:
            value = again_if_undone(call)
        except DomainError as refused:
            if isinstance(refused, Missing) or (isinstance(refused, Denied) and form is None):
                raise
            error = refused
        else:
            if success:
                messages.success(self.request, success)
            return Outcome(value)
        if form is None:
            messages.error(self.request, error.detail)
        else:
            put_error(form, error)
        return Outcome(error=error)

    def refuse(self, error: DomainError) -> HttpResponse:
        """Answer a refusal that no form can tell: by a page, or by a notice on the one shown."""
        status = status_of(error)
        if self.is_fragment:
            noticed = HttpResponse(error.detail, status=status, content_type="text/plain")
            noticed["HX-Reswap"] = "none"
            trigger_client_event(noticed, "notice", {"text": error.detail})
            return noticed
        permission = error.permission if isinstance(error, Denied) else ""
        return self.render(
            "orgs/refused.html",
            status=status,
            error=error,
            permission=permission,
            permission_words=DESCRIPTIONS.get(permission, ""),
        )

    def _sign_in_first(self) -> HttpResponseBase:
        sign_in = redirect_to_login(self.request.get_full_path(), settings.LOGIN_URL)
        if self.is_fragment:
            return HttpResponseClientRedirect(sign_in["Location"])
        return sign_in


class PersonPage(ConsolePage):
    """A page of a signed-in person, outside of any organization."""

    def enter(self) -> None:
        """Show the rows of every organization: the person may be in several."""
        scope.cross("where the signed-in person is, and what is theirs")


class OrganizationPage(ConsolePage):
    """A page of an organization, at `/o/<organization>/…`.

    `permission` is needed to come in; `section` marks the entry of the navigation.
    """

    permission: ClassVar[Permission] = Permission.ORGANIZATION_READ

    organization: Organization
    standing: Standing

    def enter(self) -> None:
        """Find the organization and the member; raise `Missing` or `Denied`."""
        self.standing = access.enter(self.principal, self.kwargs["organization"])
        self.organization = self.standing.organization
        scope.enter(self.organization)
        self.held = access.held_on(self.principal, self.organization)
        resource = self.resource()
        if resource is not self.organization or self.permission not in self.held:
            access.require(self.principal, self.permission, resource)
        presence.note(self.principal, self.organization)

    def resource(self) -> Resource:
        """Return what `permission` is needed on; raise `Missing` if it is not there."""
        return self.organization

    @property
    def member(self) -> Membership | None:
        """Return the person's membership."""
        return self.standing.member

    def held_on(self, team: Team) -> frozenset[str]:
        """Return every permission that the person has on a team, read once."""
        if team.pk not in self._held_on_teams:
            self._held_on_teams[team.pk] = access.held_on(self.principal, team)
        return self._held_on_teams[team.pk]

    @cached_property
    def _held_on_teams(self) -> dict[Any, frozenset[str]]:
        return {}

    def may(self, permission: str, resource: Resource | None = None) -> bool:
        """Return whether to show what needs the permission.

        This only decides what is drawn: the actions check by themselves.
        """
        if resource is None or resource == self.organization:
            return permission in self.held
        if not isinstance(resource, Team):
            return access.may(self.principal, permission, resource).allowed
        return permission in self.held_on(resource)


def _require_plain(parts: dict[str, Any]) -> None:
    """Raise `Missing` for a path with NUL: no database takes it, so nothing has that name."""
    if any("\x00" in str(part) for part in parts.values()):
        raise Missing


def put_error(form: BaseForm, error: DomainError) -> None:
    """Put a domain error into a form: beside its fields, else above them.

    After a lost update the form keeps what was typed and takes the current version, so
    that sending it again means to.
    """
    if not form.is_bound:
        raise ValueError("Only a form that was sent can be refused.")
    placed = False
    for problem in getattr(error, "errors", ()):
        name = problem["pointer"].strip("/").split("/")[0]
        if name in form.fields:
            form.add_error(name, problem["detail"])
            placed = True
    if not placed:
        form.add_error(None, error.detail)
    if isinstance(error, LimitReached):
        form.upgrade_url = error.upgrade_url  # type: ignore[attr-defined] # read by c-errors
    current = error.extra.get("current_version")
    if isinstance(error, Stale) and current is not None and "version" in form.fields:
        data = form.data.copy()  # type: ignore[attr-defined]
        data["version"] = str(current)
        form.data = data
