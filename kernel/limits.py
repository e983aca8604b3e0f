"""How large a request may be: its address, its headers, its body (OWASP ASVS 5.0 §4.2, §15).

Granian takes up to 400 kB of address and headers before it answers by itself, which is
more than any reader behind it needs. Documented in docs/settings.md.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from kernel.http import failed

MAX_ADDRESS_BYTES = 8_000
SCIM_BODY_BYTES = 10_000_000
"""A whole group, or a thousand operations, is pushed in one body."""
MAX_HEADERS = 100
MAX_HEADER_BYTES = 32_000


class RequestLimitsMiddleware:
    """Refuses what is larger than the limits before anybody reads it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass one request on, or refuse it."""
        meta = request.META
        if len(request.path) + len(meta.get("QUERY_STRING", "")) > MAX_ADDRESS_BYTES:
            return failed(
                request,
                414,
                "address_too_long",
                "The address is too long",
                f"An address may have {MAX_ADDRESS_BYTES:,} characters. Send less in the query.",
            )
        sizes = [
            len(name) + len(str(value)) for name, value in meta.items() if name.startswith("HTTP_")
        ]
        if len(sizes) > MAX_HEADERS or sum(sizes) > MAX_HEADER_BYTES:
            return failed(
                request,
                431,
                "headers_too_large",
                "The headers are too large",
                f"A request may have {MAX_HEADERS} headers of {MAX_HEADER_BYTES:,} characters in "
                "all. In a browser, delete this site's cookies and try again.",
            )
        if _declared_length(meta.get("CONTENT_LENGTH")) > _most_of_body(request.path):
            return failed(
                request,
                413,
                "body_too_large",
                "The body is too large",
                "The request's body is larger than what is accepted here.",
            )
        return self.get_response(request)


def _most_of_body(path: str) -> int:
    is_scim = path.startswith("/scim")
    return SCIM_BODY_BYTES if is_scim else int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def _declared_length(text: object) -> int:
    """Return the length that the client declares; what is no number, Django reads as 0."""
    try:
        return int(str(text))
    except ValueError:
        return 0
