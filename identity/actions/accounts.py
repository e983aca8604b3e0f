"""Accounts: sign up, prove addresses, set the password, delete."""

from collections.abc import Collection

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from identity.actions import sessions
from identity.models import EmailAddress
from kernel.errors import Denied, FieldProblem, Invalid, Missing
from kernel.events import Target, record
from kernel.principal import Principal
from orgs.actions import users
from orgs.models import User


@transaction.atomic
def sign_up(
    *, actor: Principal, username: str, email: str, password: str, display_name: str = ""
) -> User:
    """Create an account with a password. Its address is not proved by this.

    Raises `Invalid`, `NameTaken`. The caller has throttled and looked at whether the
    address already belongs to somebody (and told nobody).
    """
    user = users.create(actor=actor, username=username, email=email, display_name=display_name)
    _store_password(user, password)
    return user


@transaction.atomic
def vouch_for_address(*, actor: Principal, user: User, email: str) -> EmailAddress:
    """Note an address as proved, on the operator's word (command line, demo)."""
    if not actor.is_system:
        raise Denied("Addresses are proved by the link that is sent to them.")
    email = email.strip().lower()
    if EmailAddress.objects.filter(email=email, verified=True).exclude(user=user).exists():
        raise Invalid.field("email", "This address belongs to another account.", code="taken")
    address, _ = EmailAddress.objects.update_or_create(
        user=user, email=email, defaults={"verified": True}
    )
    if not EmailAddress.objects.filter(user=user, primary=True).exists():
        address.set_as_primary()
    _record("identity.email.verified", actor, user, {"email": email})
    return address


@transaction.atomic
def note_address_proved(*, actor: Principal, user: User, email: str) -> None:
    """Write into the trail that a person followed the link sent to an address."""
    _record("identity.email.verified", actor, user, {"email": email})


@transaction.atomic
def set_password(*, actor: Principal, user: User, password: str, keep_session: str = "") -> None:
    """Set a password and end the person's other sessions. Raises `Invalid`.

    Rules: OWASP ASVS 5.0 §6.2 (length and known passwords, no composition).
    """
    if not actor.is_system and not (actor.is_user and actor.id == user.pk):
        raise Denied("Only the person themselves may set their password.")
    _store_password(user, password)
    ended = sessions.end_all(user.pk, keep_key=keep_session)
    _record("identity.password.changed", actor, user, {"sessions_ended": ended})


def verified_addresses(user: User) -> list[str]:
    """Return the addresses that a person has proved to own, in lower case."""
    rows = EmailAddress.objects.filter(user=user, verified=True)
    return sorted(email.lower() for email in rows.values_list("email", flat=True))


@transaction.atomic
def delete(*, actor: Principal, user: User, confirmation: str) -> None:
    """Delete an account at once and for good: memberships, keys, sessions, addresses.

    Raises `ConfirmationMismatch`, `LastOwner` (see `orgs.actions.users.delete`). The
    addresses can be used for a new account right away.
    """
    users.delete(actor=actor, user=user, confirmation=confirmation)


def owner_of_address(email: str) -> User:
    """Return the person who proved an address, or raise `Missing`."""
    row = (
        EmailAddress.objects.filter(email=email.strip().lower(), verified=True)
        .select_related("user")
        .first()
    )
    if row is None:
        raise Missing
    found: User = row.user
    return found


def _store_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as refused:
        raise Invalid(" ".join(refused.messages), errors=_problems(refused.messages)) from None
    user.set_password(password)
    user.save_change("password")


def _problems(messages: Collection[str]) -> list[FieldProblem]:
    return [
        {"pointer": "/password", "code": "password_rule", "detail": message} for message in messages
    ]


def _record(event: str, actor: Principal, user: User, changes: dict[str, object]) -> None:
    record(
        type=event,
        actor=actor,
        organization=None,
        target=Target(kind="user", id=user.wire_id, label=user.username),
        changes=changes,
    )
