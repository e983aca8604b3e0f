"""The request's frame: its id, where it came from, one log line, plain errors."""

import ipaddress
import re
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from kernel.api.problem import Problem
from kernel.counting.meters import count_throttled
from kernel.errors import Throttled
from kernel.logs import log_request
from kernel.principal import Origin
from kernel.transient import RETRY_SECONDS, is_transient

_GIVEN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
API_PREFIXES = ("/api/", "/scim", "/access/", "/oauth/")
_SERVER_ERROR = 500


def client_ip(request: HttpRequest) -> str:
    """Return the caller's address, trusting exactly the configured number of proxies.

    Without a proxy `X-Forwarded-For` is the client's own invention and is ignored. With
    proxies, a request that did not pass all of them has no address that could be believed:
    it gets none, and so is neither local nor in any allowed network.
    """
    remote = str(request.META.get("REMOTE_ADDR", ""))
    hops: int = settings.STEWARD_TRUSTED_PROXIES
    if hops < 1:
        return remote.partition("%")[0]
    chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    return _address_in(chain[-hops]) if len(chain) >= hops else ""


def _address_in(entry: str) -> str:
    """Return the address of an entry, which may come with a port; empty if it is none."""
    if entry.startswith("["):
        entry = entry[1:].partition("]")[0]
    elif entry.count(":") == 1:
        entry = entry.partition(":")[0]
    # A zone (`%eth0`) means something on one machine alone; databases refuse it.
    entry = entry.partition("%")[0]
    try:
        return str(ipaddress.ip_address(entry))
    except ValueError:
        return ""


class RequestContextMiddleware:
    """Gives each request an id and an origin, and writes one log line for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Frame one request."""
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        request.origin = Origin(  # type: ignore[attr-defined] # our attribute
            ip=client_ip(request),
            user_agent=request.headers.get("User-Agent", "")[:400],
            request_id=request_id,
        )
        started = time.monotonic()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        response.headers["X-Request-Id"] = request_id
        log_request(request, response, elapsed_seconds=time.monotonic() - started)
        return response

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        """Answer a limit that was reached where no door translates it, as in allauth's views."""
        if not isinstance(exception, Throttled):
            return None
        response = failed(request, 429, exception.code, "Too many attempts", exception.detail)
        response["Retry-After"] = str(exception.retry_after_seconds)
        return response


def origin_of(request: Any) -> Origin:
    """Return the origin that the middleware noted (of a Django or DRF request)."""
    inner = getattr(request, "_request", request)
    return getattr(inner, "origin", None) or Origin()


def failed(
    request: HttpRequest, status: int, code: str, title: str, detail: str
) -> HttpResponse:
    """Answer a request that failed: a problem document or a page."""
    request_id = origin_of(request).request_id
    if request.path.startswith("/scim"):
        document = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "detail": detail,
            "status": str(status),
        }
        return JsonResponse(document, status=status, content_type="application/scim+json")
    if request.path.startswith(API_PREFIXES):
        return Problem(
            code=code, title=title, status=status, detail=detail, request_id=request_id
        ).response()
    context = {"title": title, "detail": detail, "request_id": request_id}
    # What fails on our side may be what a page's frame needs (the database), so that page
    # is made without the request's context.
    asking = None if status >= _SERVER_ERROR else request
    page = render_to_string(f"errors/{status}.html", context, asking)
    return HttpResponse(page, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400, or 413 where a form turned out to be larger than it said."""
    if isinstance(exception, RequestDataTooBig):
        detail = "The request's body is larger than what is accepted here."
        return failed(request, 413, "body_too_large", "The body is too large", detail)
    return failed(request, 400, "bad_request", "Bad request", "The request was not understood.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403."""
    return failed(request, 403, "denied", "You may not do this", str(exception))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer 404: the same bytes for what is absent and for what is another's."""
    return failed(
        request, 404, "not_found", "Not found", "There is nothing here that you can see."
    )


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Answer somebody who tries too often: signing in, up, or resetting a password."""
    count_throttled("accounts")
    response = failed(
        request,
        429,
        "throttled",
        "Too many attempts",
        "This was tried too often in a short time. Wait a few minutes, then try again.",
    )
    response["Retry-After"] = "60"
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer a form whose CSRF token is missing or old."""
    context = {"request_id": origin_of(request).request_id}
    return render(request, "errors/403_csrf.html", context, status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without a detail; the log has it under the request id.

    A database that is busy, full or out of reach is a 503: it passes by itself.
    """
    raised = sys.exception()
    if raised is not None and is_transient(raised):
        response = failed(
            request,
            503,
            "unavailable",
            "Temporarily unavailable",
            "The database was busy or out of reach. Look whether your change was made before you "
            "try again.",
        )
        response["Retry-After"] = str(RETRY_SECONDS)
        return response
    return failed(
        request,
        500,
        "internal_error",
        "Something went wrong on our side",
        "Nothing was changed. Try again; if it stays, give the request id to your administrator.",
    )
