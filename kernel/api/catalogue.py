"""Every error that the API answers with, by its stable code: for documents and pages.

The domain's own come from their classes; those of the protocol are listed here.
Tests: tests/wire/test_documents.py.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from django.apps import AppConfig, apps
from django.utils.module_loading import module_has_submodule

from kernel.api.exceptions import status_of
from kernel.errors import DomainError


@dataclass(frozen=True, slots=True)
class Explained:
    """One code: its title, its status, when it happens and what to do."""

    code: str
    title: str
    status: int
    meaning: str
    cure: str = ""

    @property
    def remedy(self) -> str:
        """Return what to do about it: mostly what helps with all errors of this status."""
        return self.cure or _REMEDIES[self.status]


_REMEDIES: Mapping[int, str] = {
    400: "Correct the request; `detail` and `parameter` say what is not understood.",
    401: "Send a key that works: `Authorization: Bearer KEY`, HTTP Basic or `X-API-Key`.",
    402: "Free what you no longer need, or follow `upgrade_url` to raise the limit.",
    403: "Ask somebody who holds the permission that `permission` names, or who may change "
    "the policy that `reason` tells of.",
    404: "Check the address. What belongs to others looks as if it did not exist.",
    405: "Use one of the methods in the `Allow` header.",
    406: "Accept `application/json`.",
    409: "Look at the current state, resolve what `detail` names, then try again.",
    410: "Start anew; what ended does not come back.",
    412: "Read the object again, apply your change to what you find, and send its new ETag.",
    413: "Send less at once.",
    414: "Shorten the address; long values belong into the body.",
    415: "Send JSON with `Content-Type: application/json`.",
    422: "Correct the values that `errors` points to.",
    429: "Wait for the seconds in `Retry-After`; `RateLimit` tells how much is left.",
    431: "Send fewer and shorter headers; cookies are the usual cause.",
    500: "Try again; if it stays, give the request id in `instance` to your administrator.",
    503: "Try again after the seconds in `Retry-After`; nothing was changed.",
}
_KERNEL = ("kernel.errors", "kernel.pagination", "kernel.api.idempotency", "kernel.outbound")
_PROTOCOL = (
    Explained("bad_request", "Bad request", 400, "The request as a whole was not understood."),
    Explained(
        "malformed_request", "The request is malformed", 400, "The body is not JSON, or broke off."
    ),
    Explained(
        "https_required",
        "Use https",
        403,
        "The request came in clear, with its key.",
        "Begin the address with https:// and replace the key: others may have read it.",
    ),
    Explained("not_authenticated", "Authentication is needed", 401, "No credential was sent."),
    Explained(
        "authentication_failed", "Authentication is needed", 401, "The credential proves nobody."
    ),
    Explained(
        "two_credentials", "Authentication is needed", 401, "More than one credential was sent."
    ),
    Explained(
        "unknown_scheme", "Authentication is needed", 401, "The scheme is neither Bearer nor Basic."
    ),
    Explained(
        "malformed_credentials",
        "Authentication is needed",
        401,
        "The Basic credentials are not base64 of user and key.",
    ),
    Explained("key_unknown", "Authentication is needed", 401, "There is no such key here."),
    Explained("key_revoked", "Authentication is needed", 401, "The key was revoked."),
    Explained("key_expired", "Authentication is needed", 401, "The key's time has passed."),
    Explained(
        "key_rotated_out",
        "Authentication is needed",
        401,
        "The key was replaced, and the overlap with its successor has ended.",
    ),
    Explained(
        "principal_inactive",
        "Authentication is needed",
        401,
        "Whom the key belongs to is deactivated, or the organization is being deleted.",
    ),
    Explained(
        "address_not_allowed",
        "Authentication is needed",
        401,
        "The key is bound to networks, and this address is in none of them.",
    ),
    Explained(
        "method_not_allowed", "Method Not Allowed", 405, "The address does not have this method."
    ),
    Explained(
        "not_acceptable", "Not Acceptable", 406, "The Accept header asks for something else."
    ),
    Explained(
        "body_too_large", "The body is too large", 413, "The body is beyond what is accepted."
    ),
    Explained(
        "address_too_long", "The address is too long", 414, "Path and query are beyond 8,000."
    ),
    Explained(
        "headers_too_large",
        "The headers are too large",
        431,
        "There are more than 100 headers, or more than 32,000 characters of them.",
    ),
    Explained(
        "unsupported_media_type", "Unsupported Media Type", 415, "The body is not sent as JSON."
    ),
    Explained(
        "internal_error", "Something went wrong on our side", 500, "A fault of the service."
    ),
)


def errors() -> list[Explained]:
    """Return every code of the installed apps, in alphabetical order.

    An app's errors stand in its `errors` module, the kernel's beside what raises them.
    """
    rooms = set(_KERNEL)
    rooms |= {f"{app.name}.errors" for app in apps.get_app_configs() if _has_errors(app)}
    for room in rooms:
        import_module(room)
    found = {entry.code: entry for entry in _PROTOCOL}
    for kind in _below(DomainError):
        # Codes that an instance chooses stand in the list above, with their own status.
        if kind.__module__ in rooms:
            meaning = " ".join((inspect.getdoc(kind) or "").split())
            entry = Explained(kind.code, str(kind.title), status_of(kind), meaning)
            found.setdefault(kind.code, entry)
    return sorted(found.values(), key=lambda entry: entry.code)


def _has_errors(app: AppConfig) -> bool:
    return app.module is not None and module_has_submodule(app.module, "errors")


def _below(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)
