"""The one namespace of usernames and team names: claim, rename, resolve."""

import datetime as dt
import re

from django.db import IntegrityError, transaction

from kernel.clock import now
from kernel.errors import Invalid
from orgs.errors import NameTaken
from orgs.models import Entity, Team, User

ALIAS_FOR = dt.timedelta(days=90)
"""How long an old name redirects and cannot be taken."""

_FORM = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")
_RESERVED = frozenset(
    """account accounts admin api app authorize billing console docs graphql healthz help
    join login logout me new none null o oauth oidc orgs outbox public readyz root scim
    settings signup static status steward support system system-admin team teams user
    users well-known www""".split()
)


def validate(name: str, *, field: str = "name") -> str:
    """Return the name if it can stand in a URL and tell people apart.

    Letters, digits, `-` and `_`, beginning and ending with a letter or digit, at most
    64 characters. Raises `Invalid`.
    """
    name = name.strip()
    if not _FORM.fullmatch(name):
        raise Invalid.field(
            field,
            "Use letters, digits, '-' and '_' only, beginning and ending with a letter or "
            "digit, at most 64 characters.",
            code="name_form",
        )
    if name.casefold() in _RESERVED:
        raise Invalid.field(field, f"“{name}” is reserved. Choose another name.", code="reserved")
    return name


def is_free(name: str) -> bool:
    """Return whether nobody holds the name and no alias blocks it."""
    held = Entity.objects.named(name).first()
    return held is None or _lapsed(held)


def claim(name: str, *, user: User | None = None, team: Team | None = None) -> Entity:
    """Take a name for a user or a team, inside the caller's transaction.

    Raises `NameTaken`; the unique index decides between concurrent claims.
    """
    _clear_lapsed(name)
    try:
        with transaction.atomic():
            return Entity.objects.create(
                name=name, name_key=name.casefold(), user=user, team=team
            )
    except IntegrityError:
        raise NameTaken(
            f"“{name}” is taken: usernames and team names share one list. Choose another name."
        ) from None


def rename(name: str, *, user: User | None = None, team: Team | None = None) -> Entity:
    """Give a user or team another name; the old one stays theirs as an alias for a time.

    Going back to one of their own aliases is allowed at once.
    """
    owned = Entity.objects.filter(user=user, team=team)
    owned.filter(alias_until=None).update(alias_until=now() + ALIAS_FOR)
    own = owned.filter(name_key=name.casefold()).first()
    if own is not None:
        own.name, own.alias_until = name, None
        own.save(update_fields=["name", "alias_until"])
        return own
    return claim(name, user=user, team=team)


def resolve(name: str) -> Entity | None:
    """Return who holds a name now, by their current name or by a live alias."""
    held = Entity.objects.named(name).select_related("user", "team").first()
    return None if held is None or _lapsed(held) else held


def _lapsed(entity: Entity) -> bool:
    return entity.alias_until is not None and entity.alias_until <= now()


def _clear_lapsed(name: str) -> None:
    Entity.objects.named(name).filter(alias_until__lte=now()).delete()
