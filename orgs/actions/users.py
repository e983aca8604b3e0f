"""Accounts of people: create, rename, change the profile, delete."""

import re
import secrets

from django.db import IntegrityError, transaction

from kernel.errors import Conflict, Denied, Invalid, Missing
from kernel.events import Target, record
from kernel.principal import Principal
from orgs import access
from orgs.actions import members, names, organizations
from orgs.errors import ConfirmationMismatch, LastOwner, NameTaken
from orgs.models import Membership, Organization, User
from orgs.permissions import Permission


@transaction.atomic
def create(
    *, actor: Principal, username: str, email: str, display_name: str = ""
) -> User:
    """Create an account without a password. Raises `Invalid`, `NameTaken`.

    The caller (`identity`) has throttled and will store what proves the person.
    """
    username = names.validate(username, field="username")
    user = User(
        username=username, email=email.strip().lower(), display_name=_display(display_name)
    )
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        raise NameTaken(f"The username “{username}” is taken. Choose another one.") from None
    names.claim(username, user=user)
    record(
        type="orgs.user.created",
        actor=actor,
        organization=None,
        target=_target(user),
        changes={"username": [None, username]},
    )
    return user


@transaction.atomic
def rename(*, actor: Principal, user: User, username: str) -> User:
    """Give an account another username; the old one redirects and is blocked for 90 days."""
    _require_self(actor, user)
    username = names.validate(username, field="username")
    user = _locked(user)
    before = user.username
    if before == username:
        return user
    names.rename(username, user=user)
    user.save_profile(username=username)
    record(
        type="orgs.user.renamed",
        actor=actor,
        organization=None,
        target=_target(user),
        changes={"username": [before, username]},
    )
    return user


@transaction.atomic
def update_profile(
    *,
    actor: Principal,
    user: User,
    display_name: str | None = None,
    theme: str | None = None,
    expected_version: int | None = None,
) -> User:
    """Change what people see of the person, and how the person sees the console."""
    _require_self(actor, user)
    user = _locked(user)
    user.require_version(expected_version)
    wanted = {}
    if display_name is not None:
        wanted["display_name"] = _display(display_name)
    if theme is not None:
        if theme not in User.Theme.values:
            raise Invalid.field("theme", "Choose system, light or dark.", code="choice")
        wanted["theme"] = theme
    changes = {
        field: [getattr(user, field), value]
        for field, value in wanted.items()
        if getattr(user, field) != value
    }
    if not changes:
        return user
    user.save_profile(**{field: pair[1] for field, pair in changes.items()})
    record(
        type="orgs.user.updated",
        actor=actor,
        organization=None,
        target=_target(user),
        changes=changes,
    )
    return user


@transaction.atomic
def update_provisioned(
    *, actor: Principal, organization: Organization, user: User, display_name: str
) -> User:
    """Give an account the name that its organization's identity provider has.

    The caller (`identity`) knows that this organization's provisioning made the account.
    """
    access.require(actor, Permission.MEMBER_UPDATE, organization)
    user = _locked(user)
    wanted = _display(display_name)
    if user.display_name == wanted:
        return user
    before = user.display_name
    user.save_profile(display_name=wanted)
    record(
        type="orgs.user.updated",
        actor=actor,
        organization=None,
        target=_target(user),
        changes={"display_name": [before, wanted]},
    )
    return user


@transaction.atomic
def set_primary_email(*, actor: Principal, user: User, email: str) -> User:
    """Repeat the primary address on the user's row; `identity` has proved it."""
    user = _locked(user)
    email = email.strip().lower()
    if user.email == email:
        return user
    before = user.email
    user.save_profile(email=email)
    record(
        type="orgs.user.updated",
        actor=actor,
        organization=None,
        target=_target(user),
        changes={"email": [before, email]},
    )
    return user


@transaction.atomic
def delete(*, actor: Principal, user: User, confirmation: str) -> None:
    """Delete an account at once and for good, after its username was typed.

    Every membership ends as if the person had left. Refused with `LastOwner` while
    an organization would be left without an owner; `extra["organizations"]` names
    them, and the way out is to make somebody else an owner or delete them first. One
    that is being deleted already is purged with its last owner.
    """
    _require_self(actor, user)
    if confirmation.strip() != user.username:
        raise ConfirmationMismatch(
            f"Type the username “{user.username}” to confirm.",
            errors=[
                {
                    "pointer": "/confirmation",
                    "code": "confirmation_mismatch",
                    "detail": "This is not the username.",
                }
            ],
        )
    # Organizations come before the account in the order of locks: see `members.provision`.
    # Also those that the person has left: memberships and keys of there go with the account.
    organizations_locked = {
        member.organization_id: members.lock(member.organization) for member in _ever_held(user)
    }
    user = _locked(user)
    held = _held(user)
    if {member.organization_id for member in held} - organizations_locked.keys():
        raise Conflict("You were just added to another organization. Look at it, then repeat.")
    for member in held:
        member.organization = organizations_locked[member.organization_id]
    alone = [
        member
        for member in held
        if member.is_active and member.is_owner and member.organization.owner_count == 1
    ]
    stuck = [m.organization.name for m in alone if not m.organization.is_being_deleted]
    if stuck:
        raise LastOwner(
            f"You are the last owner of {', '.join(stuck)}. Make somebody else an owner "
            "there, or delete the organization, then delete your account.",
            organizations=stuck,
        )
    for member in alone:
        organizations.purge_ownerless(actor=actor, organization=member.organization)
        held.remove(member)
    for member in held:
        members.end_for_deletion(actor=actor, organization=member.organization, member=member)
    record(
        type="orgs.user.deleted",
        actor=actor,
        organization=None,
        target=_target(user),
        changes={"username": [user.username, None]},
    )
    user.delete()


def suggest_username(email: str) -> str:
    """Return a free username made from an address."""
    local_part = email.partition("@")[0]
    stem = re.sub(r"[^a-z0-9]+", "-", local_part.lower())[:40].strip("-") or "person"
    candidate = stem
    while not names.is_free(candidate):
        candidate = f"{stem}-{secrets.token_hex(2)}"
    return candidate


def _ever_held(user: User) -> list[Membership]:
    rows = Membership.objects.system_of_user(user.pk).select_related("organization")
    return list(rows.order_by("organization_id"))


def _held(user: User) -> list[Membership]:
    gone = Membership.Status.REMOVED
    return [member for member in _ever_held(user) if member.status != gone]


def _locked(user: User) -> User:
    row = User.objects.select_for_update().filter(pk=user.pk).first()
    if row is None:
        raise Missing
    return row


def _display(name: str) -> str:
    return names.one_line(name, "display_name", longest=120)


def _require_self(actor: Principal, user: User) -> None:
    access.require_oneself(actor, user.pk)
    if actor.organization_id is not None:
        raise Denied("A key of one organization cannot change the account. Use the console.")


def _target(user: User) -> Target:
    return Target(kind="user", id=user.wire_id, label=user.username)
