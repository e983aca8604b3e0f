"""Programs that speak plain HTTP are refused, not led on.

A page's redirect to https helps a person once. A program that was set up with http:// would
send its key in clear with every request and never notice (OWASP ASVS 5.0 §4.1.2).
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from kernel.api.problem import Problem
from kernel.http import API_PREFIXES, origin_of


class PlainHTTPMiddleware:
    """Answers requests of the API without TLS with 403, where pages redirect to https."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Refuse before anything looks at the credential."""
        wants_tls = settings.SECURE_SSL_REDIRECT and not request.is_secure()
        if wants_tls and request.path.startswith(API_PREFIXES):
            return Problem(
                code="https_required",
                title="Use https",
                status=403,
                detail="This request came in clear. Use https:// and replace the key.",
                request_id=origin_of(request).request_id,
            ).response()
        return self.get_response(request)
