"""What people do with keys, wherever the key was found: show once, rotate, stop, change.

`personal_keys` and `keys` say whose keys and where to go back to; the acts are here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url

from identity.actions import api_keys
from identity.actions.api_keys import IssuedKey
from identity.console.forms import EditKeyForm, OverlapForm
from identity.models import APIKey
from kernel.clock import now
from orgs.doors.console import ConsolePage
from orgs.models import Organization, PlatformPermission, ServiceAccount

VARIABLE = "STEWARD_API_KEY"
"""The environment variable that the examples read the key from."""

EXAMPLES = (("curl", "curl"), ("python", "Python"), ("actions", "GitHub Actions"))


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key in a list: what may be done with it, and where."""

    key: APIKey
    may_change: bool
    may_rotate: bool
    acts: dict[str, str]

    @property
    def permille_left(self) -> int:
        """Return how much of the overlap is left, in thousandths."""
        successor, end = self.key.replaced_by, self.key.ends_at
        if successor is None or end is None:
            return 0
        whole = (end - successor.created_at).total_seconds()
        left = (end - now()).total_seconds()
        return max(0, min(1000, int(1000 * left / whole))) if whole > 0 else 0


_KEY_TRIED, _TOKEN_TRIED = "/api/v1/me", "/scim/v2/Users?count=1"


def row_of(key: APIKey, *, base: str, may_change: bool, may_rotate: bool) -> KeyRow:
    """Return a key's row; `base` is the address of the list that its acts stand under."""
    acts = {
        act: f"{base}/{key.wire_id}/{act}" for act in ("edit", "rotate", "extend", "stop", "revoke")
    }
    can_rotate = may_rotate and key.state == "active"
    return KeyRow(key, may_change=may_change and key.is_live, may_rotate=can_rotate, acts=acts)


def platform_scopes() -> list[tuple[str, str]]:
    """Return the platform's own permissions, to be offered among the scopes."""
    rows = PlatformPermission.objects.order_by("name")
    return list(rows.values_list("name", "description"))


def show_once(
    page: ConsolePage, issued: IssuedKey, *, back: str, old: APIKey | None = None
) -> HttpResponse:
    """Answer with the new key in the page itself: it is nowhere else and never again.

    No redirect, no message, no session: whatever keeps a secret on the way is a copy.
    """
    account = issued.key.service_account
    is_token = account is not None and account.kind == ServiceAccount.Kind.SCIM
    response = page.render(
        "identity/key_issued.html",
        key=issued.key,
        noun="token" if is_token else "key",
        secret=issued.secret,
        old=old,
        back=back,
        variable=VARIABLE,
        examples=EXAMPLES,
        tried_at=f"{settings.STEWARD_BASE_URL}{_TOKEN_TRIED if is_token else _KEY_TRIED}",
        env_file=f"data:text/plain;charset=utf-8,{quote(f'{VARIABLE}={issued.secret}')}%0A",
    )
    response["Cache-Control"] = "no-store"
    return response


class KeyAct(ConsolePage):
    """A page about one key; the room that found it fills these in `enter`."""

    key: APIKey
    key_organization: Organization | None
    back: str

    def leave(self) -> HttpResponse:
        """Go back to the list that the key was found in."""
        return self.go(self.back)


class EditKey(KeyAct):
    """Name, end and networks of a key."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        initial = {
            "name": self.key.name,
            "allowed_networks": "\n".join(self.key.allowed_networks),
            "version": self.key.version,
        }
        return self._form(EditKeyForm(initial=initial))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = EditKeyForm(request.POST)
        if not form.is_valid():
            return self._form(form, status=422)
        done = self.act(
            lambda: api_keys.update(
                actor=self.principal,
                organization=self.key_organization,
                key=self.key,
                changes=form.changes(),
                expected_version=form.cleaned_data["version"],
            ),
            success=f"{form.cleaned_data['name']} is changed.",
            form=form,
        )
        return self.leave() if done.ok else self._form(form, status=done.status)

    def _form(self, form: EditKeyForm, *, status: int = 200) -> HttpResponse:
        return self.render_form(
            "identity/key_edit.html", status=status, form=form, key=self.key, cancel_url=self.back
        )


class RotateKey(KeyAct):
    """A successor, and for how long the old key works beside it."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self._form(OverlapForm())

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = OverlapForm(request.POST)
        if not form.is_valid():
            return self._form(form, status=422)
        done = self.act(
            lambda: api_keys.rotate(
                actor=self.principal,
                organization=self.key_organization,
                key=self.key,
                overlap_seconds=form.seconds(),
            ),
            form=form,
        )
        if done.value is None:
            return self._form(form, status=done.status)
        self.key.refresh_from_db(fields=["ends_at", "replaced_by"])
        return show_once(self, done.value, back=self.back, old=self.key)

    def _form(self, form: OverlapForm, *, status: int = 200) -> HttpResponse:
        # Never in a dialog: the answer holds the secret, which must not vanish with a click.
        return self.render(
            "identity/key_rotate.html",
            status=status,
            form=form,
            key=self.key,
            form_layout="layouts/form.html",
            cancel_url=self.back,
        )


class ExtendKey(KeyAct):
    """Another end of the overlap, counted from now."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self._form(OverlapForm())

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = OverlapForm(request.POST)
        if not form.is_valid():
            return self._form(form, status=422)
        done = self.act(
            lambda: api_keys.change_overlap(
                actor=self.principal,
                organization=self.key_organization,
                key=self.key,
                overlap_seconds=form.seconds(),
            ),
            success=f"It is changed when {self.key.hint} stops.",
            form=form,
        )
        return self.leave() if done.ok else self._form(form, status=done.status)

    def _form(self, form: OverlapForm, *, status: int = 200) -> HttpResponse:
        return self.render_form(
            "identity/key_extend.html",
            status=status,
            form=form,
            key=self.key,
            cancel_url=self.back,
        )


class EndKey(KeyAct):
    """A key's end, asked for once more before it is done."""

    heading = ""
    text = ""
    button = ""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.render_form(
            "identity/key_end.html", key=self.key, act=self, cancel_url=self.back
        )

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        self.act(self.ending(), success=f"{self.key.hint} does not work any more.")
        return self.leave()

    def ending(self) -> Callable[[], APIKey]:
        """Return what ends the key."""
        raise NotImplementedError


class RevokeKey(EndKey):
    """The end of a key, at once."""

    heading = "Revoke this key?"
    text = "The very next request with it is refused, and nothing brings it back."
    button = "Revoke the key"

    def ending(self) -> Callable[[], APIKey]:
        """Return the revocation."""
        return lambda: api_keys.revoke(
            actor=self.principal, organization=self.key_organization, key=self.key
        )


class StopKey(EndKey):
    """The end of an overlap, at once."""

    heading = "Stop the old key now?"
    text = "What still uses it is refused from the next request on. Its successor stays."
    button = "Stop it now"

    def ending(self) -> Callable[[], APIKey]:
        """Return the end of the overlap."""
        return lambda: api_keys.change_overlap(
            actor=self.principal,
            organization=self.key_organization,
            key=self.key,
            overlap_seconds=0,
        )


def address(name: str, *args: object) -> str:
    """Return the address of one of our pages."""
    return resolve_url(f"identity:{name}", *args)
