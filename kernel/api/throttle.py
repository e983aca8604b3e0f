"""Rate limits of the API: per principal, per address for strangers and for bad keys.

Every answer of a view that inherits `RateLimited` says where the caller stands, in the
fields of draft-ietf-httpapi-ratelimit-headers-11 and in the older X-RateLimit ones.
"""

from typing import Any

from django.conf import settings
from rest_framework import exceptions as drf
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kernel.addresses import block_of
from kernel.api.caller import caller_key, origin_of, principal_of
from kernel.errors import Throttled
from kernel.throttle import Verdict, hit

WINDOW_SECONDS = 60
PRINCIPAL_LIMIT = 600
ANONYMOUS_LIMIT = 60
KEY_FAILURE_LIMIT = 20
KEY_FAILURE_SCOPE = "api.key_failure"


class RateLimited(APIView):
    """A base for views that are limited and say so.

    A view with a budget of its own sets `rate_scope` and `rate_limit` (per minute).
    """

    rate_scope = "default"
    rate_limit: int | None = None
    _verdict: Verdict | None = None

    def perform_authentication(self, request: Request) -> None:
        """Recognise the caller, then count the request.

        Failures alone count against an address: a right key is never refused because
        others behind the same address send wrong ones. Looking a key up costs a digest
        and an indexed query, and guessing 256 bits is hopeless; past the limit the
        guesser is not even told what is wrong with a key.
        """
        try:
            super().perform_authentication(request)
        except drf.AuthenticationFailed:
            self._demand(
                hit(
                    KEY_FAILURE_SCOPE,
                    block_of(origin_of(request).ip),
                    _limit("STEWARD_KEY_FAILURE_RATE", KEY_FAILURE_LIMIT),
                    WINDOW_SECONDS,
                )
            )
            raise
        budget = self._budget(request)
        self._demand(hit(self.rate_scope, caller_key(request), budget, WINDOW_SECONDS))

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Add the fields to whatever is answered, errors included."""
        final = super().finalize_response(request, response, *args, **kwargs)
        if self._verdict is not None:
            for name, value in headers_of(self._verdict, self.rate_scope).items():
                final.headers[name] = value
        return final

    def _budget(self, request: Request) -> int:
        if self.rate_limit is not None:
            return self.rate_limit
        if principal_of(request).id is None:
            return _limit("STEWARD_ANONYMOUS_RATE", ANONYMOUS_LIMIT)
        return _limit("STEWARD_API_RATE", PRINCIPAL_LIMIT)

    def _demand(self, verdict: Verdict) -> None:
        self._verdict = verdict
        if not verdict.allowed:
            raise Throttled(
                f"The limit is {verdict.limit} requests in {verdict.window_seconds} seconds. "
                f"Wait {verdict.retry_after_seconds} seconds.",
                retry_after_seconds=verdict.retry_after_seconds,
            )


def headers_of(verdict: Verdict, scope: str) -> dict[str, str]:
    """Return the header fields that tell a verdict; none where there is no limit."""
    if not verdict.limit:
        return {}
    return {
        "RateLimit-Policy": f'"{scope}";q={verdict.limit};w={verdict.window_seconds}',
        "RateLimit": f'"{scope}";r={verdict.remaining};t={verdict.reset_seconds}',
        "X-RateLimit-Limit": str(verdict.limit),
        "X-RateLimit-Remaining": str(verdict.remaining),
        "X-RateLimit-Reset": str(verdict.reset_seconds),
    }


def _limit(setting: str, default: int) -> int:
    """Read a limit per minute; an installation may change it, and 0 switches it off."""
    return int(getattr(settings, setting, default))
