"""The mapper from exceptions to problem documents (DRF's EXCEPTION_HANDLER).

One table says which family of domain errors has which status; the other exceptions are
those of Django, DRF and the database. Whatever is not known is logged and answered with
500 and nothing else.
"""

import math
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.core import exceptions as django_errors
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from django.http.request import UnreadablePostError
from rest_framework import exceptions as drf
from rest_framework.views import set_rollback

from kernel import errors
from kernel.api.caller import origin_of
from kernel.api.problem import Problem
from kernel.errors import DomainError, FieldProblem
from kernel.transient import RETRY_SECONDS, is_transient

log = structlog.stdlib.get_logger(__name__)

# The nearest class counts, so a special case may stand beside its family.
STATUS: Mapping[type[DomainError], int] = {
    DomainError: 400,
    errors.BadParameter: 400,
    errors.LimitReached: 402,
    errors.Denied: 403,
    errors.Missing: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.Stale: 412,
    errors.Invalid: 422,
    errors.Throttled: 429,
    errors.Unavailable: 503,
}
DEFAULT_CHALLENGE = 'Bearer realm="steward"'
_UNIQUE_VIOLATION = "23505"


def problem_response(exc: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Answer any exception of a view with a problem document."""
    set_rollback()
    request_id = origin_of(context.get("request")).request_id
    return problem_of(exc, request_id=request_id).response()


def problem_of(exc: Exception, *, request_id: str = "") -> Problem:
    """Return the problem that stands for an exception."""
    match exc:
        case DomainError():
            return _of_domain(exc, request_id)
        case drf.APIException():
            return _of_rest_framework(exc, request_id)
        case Http404():
            return _of_domain(errors.Missing(), request_id)
        case django_errors.PermissionDenied():
            return _of_domain(errors.Denied(str(exc)), request_id)
        case django_errors.RequestDataTooBig():
            detail = "The request's body is larger than what is accepted here."
            return Problem("body_too_large", "The body is too large", 413, detail, request_id)
        case django_errors.SuspiciousOperation() | django_errors.BadRequest():
            return _malformed("The request was not understood.", request_id)
        case UnreadablePostError():
            return _malformed("The request's body ended before it was complete.", request_id)
        case OperationalError() | InterfaceError() if is_transient(exc):
            return _of_database(exc, request_id)
        case IntegrityError() if is_duplicate(exc):
            log.warning("duplicate_refused_by_database", exc_info=exc)
            detail = "Another request made the same thing at the same time. Look, then try again."
            return _of_domain(errors.Conflict(detail), request_id)
        case _:
            return _of_unknown(exc, request_id)


def status_of(error: type[DomainError]) -> int:
    """Return the status of a class of domain errors: that of its nearest family."""
    return next(STATUS[family] for family in error.__mro__ if family in STATUS)


def is_duplicate(exc: IntegrityError) -> bool:
    """Whether a unique constraint refused a row that two requests made at once."""
    state = getattr(exc.__cause__, "sqlstate", None)
    return state == _UNIQUE_VIOLATION or str(exc).startswith("UNIQUE constraint failed")


def _of_domain(error: DomainError, request_id: str) -> Problem:
    extra = dict(error.extra)
    for name in ("permission", "reason", "upgrade_url"):
        value = getattr(error, name, "")
        if value:
            extra[name] = value
    retry_after = getattr(error, "retry_after_seconds", None)
    return Problem(
        code=error.code,
        title=str(error.title),
        status=status_of(type(error)),
        detail=str(error.detail),
        request_id=request_id,
        errors=getattr(error, "errors", ()),
        extra=extra,
        headers={} if retry_after is None else {"Retry-After": str(retry_after)},
    )


def _of_rest_framework(exc: drf.APIException, request_id: str) -> Problem:
    headers: dict[str, str] = {}
    match exc:
        case drf.ValidationError():
            return _of_domain(errors.Invalid(errors=list(field_problems(exc.detail))), request_id)
        case drf.ParseError():
            return _malformed(str(exc.detail), request_id)
        case drf.NotFound():
            return _of_domain(errors.Missing(), request_id)
        case drf.PermissionDenied():
            return _of_domain(errors.Denied(str(exc.detail)), request_id)
        case drf.Throttled():
            seconds = math.ceil(getattr(exc, "wait", None) or RETRY_SECONDS)
            return _of_domain(
                errors.Throttled("Wait before the next request.", retry_after_seconds=seconds),
                request_id,
            )
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            # DRF turns the status to 403 where a view has no authenticator that names a
            # challenge; what happened is a 401 all the same (RFC 9110 §15.5.2).
            headers["WWW-Authenticate"] = getattr(exc, "auth_header", None) or DEFAULT_CHALLENGE
            title = "Authentication is needed"
            code = str(exc.get_codes()) if isinstance(exc.detail, str) else exc.default_code
            return Problem(code, title, 401, str(exc.detail), request_id, headers=headers)
        case _:
            title = HTTPStatus(exc.status_code).phrase
            return Problem(
                str(exc.default_code), title, exc.status_code, str(exc.detail), request_id
            )


def field_problems(detail: Any, pointer: str = "") -> Iterator[FieldProblem]:
    """Walk a ValidationError's detail and yield one problem per refused value.

    Pointers are RFC 6901; what concerns an object as a whole points to the object.
    """
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            whole = name == "non_field_errors"
            yield from field_problems(inner, pointer if whole else f"{pointer}/{_escape(name)}")
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from field_problems(inner, f"{pointer}/{index}" if nested else pointer)
    else:
        code = str(getattr(detail, "code", "invalid"))
        yield {"pointer": pointer, "code": code, "detail": str(detail)}


def _escape(name: Any) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")


def _malformed(detail: str, request_id: str) -> Problem:
    return Problem("malformed_request", "The request is malformed", 400, detail, request_id)


def _of_database(exc: Exception, request_id: str) -> Problem:
    log.warning("database_unavailable", exc_info=exc)
    detail = (
        "The database was busy or out of reach. Whether anything was changed is not known: send "
        "it again with the same Idempotency-Key, and it happens once."
    )
    return _of_domain(
        errors.Unavailable(detail, retry_after_seconds=RETRY_SECONDS), request_id
    )


def _of_unknown(exc: Exception, request_id: str) -> Problem:
    log.error("unhandled_exception", exc_info=exc)
    return Problem(
        "internal_error",
        "Something went wrong on our side",
        500,
        "Nothing was changed. Try again; if it stays, give the request id to your administrator.",
        request_id,
    )
