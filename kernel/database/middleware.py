"""The frame of a web request: it sees no tenant's rows until it says whose it wants."""

from collections.abc import Callable
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse

from kernel.database import scope


class ScopeMiddleware:
    """Starts each request with nobody's rows, and ends the reads that it left open."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Frame one request; what it streams afterwards stays within its scope."""
        with scope.request():
            response = self.get_response(request)
            if isinstance(response, StreamingHttpResponse) and not isinstance(
                response, FileResponse
            ):
                chunks: Any = response.streaming_content
                response.streaming_content = scope.carried(chunks)
            return response
