"""How often a password may be tried, decided before it is hashed.

Failures count: for an account from one address block, for an address block, for an
account from everywhere, and for the installation. None of them locks an account: a
browser that this person signed in with before counts by itself alone, so whoever
guesses from elsewhere cannot keep the person out. Source: OWASP ASVS 5.0 §6.1.1, §6.3.1.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from allauth.account.internal.userkit import filter_users_by_email
from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponseBase

from kernel.addresses import block_of
from kernel.errors import Throttled
from kernel.http import origin_of
from kernel.throttle import check, hit
from orgs.models import User

_DEVICE_DAYS = 180
_DEVICE_SECONDS = _DEVICE_DAYS * 24 * 3600
_signer = TimestampSigner(salt="identity.known_device")


@dataclass(frozen=True, slots=True)
class Limit:
    """So many failures in so many seconds, for each key of a scope."""

    scope: str
    failures: int
    seconds: int


ACCOUNT_FROM_BLOCK = Limit("sign_in.account_and_block", 5, 300)
BLOCK = Limit("sign_in.block", 10, 60)
ACCOUNT = Limit("sign_in.account", 50, 3600)
EVERYWHERE = Limit("sign_in.everywhere", 1000, 300)
KNOWN_DEVICE = Limit("sign_in.known_device", 5, 300)


def require_room(request: HttpRequest, login: str) -> None:
    """Raise `Throttled` if a password may not be tried now. Costs no hash."""
    for limit, key in _counters(request, login):
        verdict = check(limit.scope, key, limit.failures, limit.seconds)
        if not verdict.allowed:
            raise Throttled(
                "There were too many attempts to sign in. Wait "
                f"{verdict.retry_after_seconds} seconds, or reset the password.",
                retry_after_seconds=verdict.retry_after_seconds,
            )


def note_failure(request: HttpRequest, login: str) -> None:
    """Count a password that was wrong."""
    for limit, key in _counters(request, login):
        hit(limit.scope, key, limit.failures, limit.seconds)


def remember_device(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    """Mark the browser as one that this person signed in with."""
    if _nonce_of(request, user) is not None:
        return
    value = _signer.sign(f"{user.pk.hex}.{secrets.token_urlsafe(12)}")
    response.set_cookie(
        settings.STEWARD_DEVICE_COOKIE_NAME,
        value,
        max_age=_DEVICE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _counters(request: HttpRequest, login: str) -> list[tuple[Limit, str]]:
    """Return what an attempt counts against, and is held by."""
    login = login.strip().casefold()
    device = _known_device(request, login)
    if device:
        return [(KNOWN_DEVICE, device)]
    block = block_of(origin_of(request).ip)
    return [
        (ACCOUNT_FROM_BLOCK, f"{login}@{block}"),
        (BLOCK, block),
        (ACCOUNT, login),
        (EVERYWHERE, ""),
    ]


def _known_device(request: HttpRequest, login: str) -> str:
    """Return the mark of this browser if it is one of the account's; no mark, no look-up."""
    marked = _mark(request)
    if marked is None:
        return ""
    user_hex, nonce = marked
    user = User.objects.filter(pk=user_hex).first()
    if user is None:
        return ""
    is_theirs = user.username.casefold() == login or any(
        found.pk == user.pk for found in _owners(login)
    )
    return f"{user_hex}.{nonce}" if is_theirs else ""


def _owners(login: str) -> list[Any]:
    if "@" not in login:
        return []
    return list(filter_users_by_email(login, prefer_verified=True, for_login=True))


def _nonce_of(request: HttpRequest, user: User) -> str | None:
    marked = _mark(request)
    return marked[1] if marked and marked[0] == user.pk.hex else None


def _mark(request: HttpRequest) -> tuple[str, str] | None:
    given = request.COOKIES.get(settings.STEWARD_DEVICE_COOKIE_NAME, "")
    try:
        user_hex, _, nonce = _signer.unsign(given, max_age=_DEVICE_SECONDS).partition(".")
    except BadSignature:
        return None
    return user_hex, nonce
