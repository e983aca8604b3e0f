"""Who acts in the browser: the signed-in person, as a principal on the request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from identity.usage import note_session
from kernel.http import origin_of
from kernel.principal import Credential, CredentialKind, Principal, PrincipalKind
from orgs.models import User


class PrincipalMiddleware:
    """Sets `request.principal`, resolved at its first use: probes and keys need no session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Put the principal in place."""
        request.principal = SimpleLazyObject(lambda: principal_of(request))  # type: ignore[attr-defined]
        return self.get_response(request)


def principal_of(request: HttpRequest) -> Principal:
    """Return the signed-in person, or the anonymous principal."""
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        return Principal.anonymous().seen_from(origin_of(request))
    session_key = request.session.session_key or ""
    note_session(session_key, origin_of(request))
    return Principal(
        kind=PrincipalKind.USER,
        id=user.pk,
        label=user.username,
        # The session's key is a secret: its first characters tell sessions apart.
        credential=Credential(CredentialKind.SESSION, session_key[:8]),
        origin=origin_of(request),
    )
