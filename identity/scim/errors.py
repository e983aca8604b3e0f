"""Every exception as SCIM's error (RFC 7644 §3.12)."""

from dataclasses import dataclass, field
from typing import Any

import structlog
from django.core import exceptions as django_errors
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404
from django.http.request import UnreadablePostError
from django_scim.constants import SchemaURI
from django_scim.exceptions import SCIMException
from rest_framework import exceptions as drf

from identity.errors import NotUnique
from identity.resources.refusals import Refusal
from kernel import errors
from kernel.api.exceptions import is_duplicate
from kernel.errors import DomainError
from kernel.pagination import InvalidCursor
from kernel.transient import RETRY_SECONDS, is_transient
from orgs.errors import NameTaken

log = structlog.stdlib.get_logger(__name__)

# The nearest class counts. What is absent, and what is another organization's, is one.
_ANSWERS: dict[type[DomainError], tuple[int, str]] = {
    DomainError: (400, ""),
    errors.BadParameter: (400, "invalidValue"),
    errors.Invalid: (400, "invalidValue"),
    InvalidCursor: (400, "invalidCursor"),
    errors.Denied: (403, ""),
    errors.LimitReached: (403, ""),
    errors.Missing: (404, ""),
    errors.Conflict: (409, ""),
    NotUnique: (409, "uniqueness"),
    NameTaken: (409, "uniqueness"),
    errors.Gone: (409, ""),
    errors.Stale: (412, ""),
    errors.Throttled: (429, ""),
    errors.Unavailable: (503, ""),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it is answered."""

    status: int
    detail: str
    scim_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the body; `status` is a string there."""
        document = {
            "schemas": [SchemaURI.ERROR],
            "detail": self.detail,
            "status": str(self.status),
        }
        return document | ({"scimType": self.scim_type} if self.scim_type else {})


def failure_of(exc: Exception) -> Failure:
    """Return the failure that stands for an exception."""
    match exc:
        case Refusal():
            return Failure(400, exc.detail, exc.scim_type)
        case SCIMException():
            return Failure(int(exc.status), exc.detail, exc.scim_type or "")
        case DomainError():
            return _of_domain(exc)
        case _:
            return _of_frameworks(exc)


def _of_frameworks(exc: Exception) -> Failure:
    match exc:
        case drf.AuthenticationFailed() | drf.NotAuthenticated():
            challenge = 'Bearer realm="steward", Basic realm="steward"'
            return Failure(401, str(exc.detail), headers={"WWW-Authenticate": challenge})
        case drf.ParseError():
            return Failure(400, str(exc.detail), "invalidSyntax")
        case Http404():
            return _of_domain(errors.Missing())
        case django_errors.RequestDataTooBig():
            return Failure(413, "The body is larger than what is accepted here.")
        case UnreadablePostError():
            return Failure(400, "The body ended before it was complete.", "invalidSyntax")
        case OperationalError() | InterfaceError() if is_transient(exc):
            log.warning("database_unavailable", exc_info=exc)
            detail = "The database was busy or out of reach. Ask, then repeat what is missing."
            return Failure(503, detail, headers={"Retry-After": str(RETRY_SECONDS)})
        case IntegrityError() if is_duplicate(exc):
            return Failure(409, "Another request made the same thing just now.", "uniqueness")
        case _:
            log.error("unhandled_exception", exc_info=exc)
            detail = "Something went wrong on our side; nothing was changed."
            return Failure(500, detail)


def _of_domain(error: DomainError) -> Failure:
    status, scim_type = next(_ANSWERS[kind] for kind in type(error).__mro__ if kind in _ANSWERS)
    retry_after = getattr(error, "retry_after_seconds", None)
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Failure(status, str(error.detail), scim_type, headers)
