"""The adapter: allauth's hooks, answered by our actions, our mail and our client address."""

from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.forms import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.cache import add_never_cache_headers

from identity.accounts import attempts
from identity.actions import accounts, sessions
from kernel.clock import now
from kernel.counting.meters import count_sign_in
from kernel.errors import DomainError
from kernel.headers import SIGNED_OUT
from kernel.http import origin_of
from kernel.mail.send import write
from kernel.principal import Credential, CredentialKind, Principal, PrincipalKind
from orgs.actions import invitations, names
from orgs.models import User

log = structlog.stdlib.get_logger(__name__)

INVITATION_IN_SESSION = "join_token"
"""The session's entry for an invitation whose link was followed (identity.console.join)."""

PROOF_IN_SESSION = "join_proof"
"""The session's entry for what the mailed link, unlike a copied one, brings along."""


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth ships no types
    """Everything that allauth leaves to the application."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Let people sign up if the installation is open, or if they were invited."""
        return settings.STEWARD_SIGNUP_OPEN or bool(self.invited_address(request))

    def invited_address(self, request: HttpRequest) -> str:
        """Return whom the followed invitation is for; empty if there is no living one."""
        token = request.session.get(INVITATION_IN_SESSION, "")
        try:
            return invitations.find(token).email if token else ""
        except DomainError:
            return ""

    def clean_username(self, username: str, shallow: bool = False) -> str:  # noqa: FBT001, FBT002
        """Hold the rules of the one namespace of usernames and team names."""
        try:
            name = names.validate(username, field="username")
        except DomainError as refused:
            raise ValidationError(refused.detail) from None
        if not shallow and not names.is_free(name):
            raise ValidationError(
                f"“{name}” is taken: usernames and team names share one list. Choose another."
            )
        return name

    def save_user(
        self,
        request: HttpRequest,
        user: AbstractBaseUser,  # noqa: ARG002 - allauth's draft; the action makes the account
        form: Any,
        commit: bool = True,  # noqa: ARG002, FBT001, FBT002
    ) -> User:
        """Create the account by the action that every other way uses."""
        data = form.cleaned_data
        try:
            return accounts.sign_up(
                actor=Principal.anonymous().seen_from(origin_of(request)),
                username=data["username"],
                email=data["email"],
                password=data["password1"],
            )
        except DomainError as refused:
            # The name was taken since the form looked: back to the form, saying so.
            messages.error(request, refused.detail)
            raise ImmediateHttpResponse(HttpResponseRedirect(request.get_full_path())) from None

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        """Set a password that allauth has checked the right to; other sessions end."""
        assert isinstance(user, User)  # noqa: S101 - AUTH_USER_MODEL
        keep = self.request.session.session_key or "" if self.request else ""
        accounts.set_password(
            actor=self._as(user, self.request), user=user, password=password, keep_session=keep
        )

    def confirm_email(self, request: HttpRequest, email_address: Any) -> bool:
        """Note a proved address in the trail."""
        confirmed = bool(super().confirm_email(request, email_address))
        if confirmed:
            user = email_address.user
            accounts.note_address_proved(
                actor=self._as(user, request), user=user, email=email_address.email
            )
        return confirmed

    def post_login(
        self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any
    ) -> HttpResponse | None:
        """Note a sign-in in the trail."""
        assert isinstance(user, User)  # noqa: S101 - AUTH_USER_MODEL
        sessions.note_started(actor=self._as(user, request), user=user)
        count_sign_in("accepted")
        response: HttpResponse | None = super().post_login(request, user, **kwargs)
        if response is not None:
            add_never_cache_headers(response)
            attempts.remember_device(request, response, user)
        return response

    def logout(self, request: HttpRequest) -> None:
        """End the session, and have the browser forget the pages that it kept of it."""
        super().logout(request)
        setattr(request, SIGNED_OUT, True)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse an attempt beyond the limits before the password is hashed."""
        attempts.require_room(request, _login_in(credentials))

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Count and log a refused sign-in, without what was typed: it may be a password."""
        attempts.note_failure(request, _login_in(credentials))
        count_sign_in("refused")
        log.warning("sign_in_refused", ip=origin_of(request).ip)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queue a mail in the outbox; `account/email/x` is our `identity/x`."""
        name = template_prefix.rsplit("/", 1)[-1]
        write(template=f"identity/{name}", recipient=email, context=_plain(context))

    def send_notification_mail(
        self,
        template_prefix: str,
        user: AbstractBaseUser,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell a person that something about their account changed."""
        if not settings.ACCOUNT_EMAIL_NOTIFICATIONS:
            return
        assert isinstance(user, User)  # noqa: S101 - AUTH_USER_MODEL
        recipient = email or user.email
        if recipient:
            seen = origin_of(self.request)
            details = {
                "timestamp": now(),
                "ip": seen.ip,
                "user_agent": seen.user_agent,
                "user": user,
            }
            self.send_mail(template_prefix, recipient, {**details, **(context or {})})

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that the trusted proxies report."""
        return origin_of(request).ip or "0.0.0.0"  # noqa: S104 - nothing binds # nosec B104

    def _as(self, user: Any, request: HttpRequest | None) -> Principal:
        principal = Principal(
            kind=PrincipalKind.USER,
            id=user.pk,
            label=user.username,
            credential=Credential(CredentialKind.SESSION),
        )
        return principal.seen_from(origin_of(request))


def _login_in(credentials: dict[str, Any]) -> str:
    return str(credentials.get("email") or credentials.get("username") or "")


def _plain(context: dict[str, Any]) -> dict[str, Any]:
    """Keep what our templates use; the request stays out of them."""
    return {name: value for name, value in context.items() if name != "request"}
