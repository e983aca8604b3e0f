"""Who a name or an address and a password prove: one account looked at, one hash made.

allauth's own backend looks under the address twice and may hash more than once, which
tells by time that an address is known (OWASP ASVS 5.0 §6.3.8).
"""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.userkit import filter_users_by_email, get_user_by_username
from django.http import HttpRequest

from orgs.models import User


class OneHashBackend(AuthenticationBackend):  # type: ignore[misc] # allauth ships no types
    """allauth's backend with one candidate. Usernames hold no `@`, addresses always do."""

    def _authenticate(
        self,
        request: HttpRequest | None,  # noqa: ARG002 - allauth's signature
        **credentials: Any,
    ) -> User | None:
        password = credentials.get("password") or ""
        login = credentials.get("email") or credentials.get("username") or ""
        found: User | None = self._check_password(_owner_of(login), password)
        return found


def _owner_of(login: str) -> User | None:
    """Return whose name or address it is; the one who proved the address comes first."""
    if "@" not in login:
        named: User | None = get_user_by_username(login)
        return named
    owners = filter_users_by_email(login, prefer_verified=True, for_login=True)
    return owners[0] if owners else None
