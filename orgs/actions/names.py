"""The one namespace of usernames and team names: claim and rename.

Who holds a name is `orgs.queries.entity_named`'s question.
"""

import datetime as dt
import re
import unicodedata

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
    users well-known www""".split()  # noqa: SIM905 - a word list
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


def one_line(text: str, field: str, *, longest: int, shortest: int = 0) -> str:
    """Fold a text to one line without control or direction-changing characters.

    Composed characters are taken in one form (NFC), so that what looks the same is the
    same. Raises `Invalid` for a length outside of the bounds.
    """
    text = unicodedata.normalize("NFC", text)
    plain = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text)
    line = " ".join(plain.split())
    if not shortest <= len(line) <= longest:
        bounds = f"{shortest} to {longest}" if shortest else f"at most {longest}"
        raise Invalid.field(field, f"Give {bounds} characters.", code="length")
    return line


def is_free(name: str) -> bool:
    """Return whether nobody holds the name, no alias blocks it and it is not reserved."""
    if name.casefold() in _RESERVED:
        return False
    held = Entity.objects.named(name).first()
    return held is None or held.has_lapsed


def claim(name: str, *, user: User | None = None, team: Team | None = None) -> Entity:
    """Take a name for a user or a team, inside the caller's transaction.

    Raises `NameTaken`; the unique index decides between concurrent claims.
    """
    _clear_lapsed(name)
    try:
        with transaction.atomic():
            return Entity.objects.create(name=name, name_key=name.casefold(), user=user, team=team)
    except IntegrityError:
        raise taken(name) from None


def taken(name: str) -> NameTaken:
    """Return the error that says so."""
    return NameTaken(
        f"“{name}” is taken: usernames and team names share one list. Choose another name."
    )


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


def _clear_lapsed(name: str) -> None:
    Entity.objects.named(name).filter(alias_until__lte=now()).delete()
