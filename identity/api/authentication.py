"""How every API request says who it is: one key, in whichever header the client can send.

`Authorization: Bearer KEY`, HTTP Basic with the key as password (or as user name, with an
empty password) and `X-API-Key`. The principal is resolved by the key alone: the user name
beside it is ignored. Sessions do not count here, so no page can be made to call the API.
"""

import base64
import binascii

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from identity.errors import KeyRefused
from identity.models import APIKey
from identity.queries import recognise
from identity.usage import note_use
from kernel.counting.meters import count_key_check
from kernel.http import origin_of
from kernel.logs import bind_principal
from kernel.principal import Principal

_CHALLENGE = 'Bearer realm="steward", Basic realm="steward"'
_MAX_HEADER_LENGTH = 4096


class CredentialAuthentication(BaseAuthentication):
    """Recognises API keys (DRF's authentication class)."""

    def authenticate(self, request: Request) -> tuple[Principal, APIKey] | None:
        """Return the principal and its key, None for a request without a key."""
        inner: HttpRequest = request._request
        # Whoever is signed in to the console in this browser is nobody here.
        inner.principal = Principal.anonymous()  # type: ignore[attr-defined] # our attribute
        text = key_in(inner)
        if text is None:
            return None
        try:
            recognised = recognise(text, origin_of(inner))
        except KeyRefused as refused:
            count_key_check(refused.reason)
            raise AuthenticationFailed(refused.detail, code=refused.reason) from None
        principal = recognised.principal
        inner.principal = principal  # type: ignore[attr-defined] # our attribute
        bind_principal(principal)
        note_use(recognised.key, principal.origin)
        count_key_check("accepted")
        return principal, recognised.key

    def authenticate_header(self, request: Request) -> str:
        """Name the challenges of a 401 (RFC 9110 §11.6.1)."""
        return _CHALLENGE


def key_in(request: HttpRequest) -> str | None:
    """Return the key that a request carries, or None. Raises `AuthenticationFailed`.

    More than one is refused rather than chosen from.
    """
    header = request.headers.get("Authorization", "")
    given = request.headers.get("X-API-Key", "").strip()
    if header and given:
        raise AuthenticationFailed(
            "Send the key in one header: Authorization or X-API-Key.", code="two_credentials"
        )
    if not header:
        return given or None
    if len(header) > _MAX_HEADER_LENGTH:
        raise AuthenticationFailed("The Authorization header is too long.", code="key_unknown")
    scheme, _, rest = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip()
        case "basic":
            return _from_basic(rest.strip())
        case _:
            raise AuthenticationFailed(
                "Use the scheme Bearer or Basic, or the header X-API-Key.", code="unknown_scheme"
            )


def _from_basic(encoded: str) -> str:
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise AuthenticationFailed(
            "The Basic credentials are not base64 of user:key.", code="malformed_credentials"
        ) from None
    return password or name
