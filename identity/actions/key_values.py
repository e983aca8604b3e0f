"""The values of a key as they were given: cleaned, or refused at their field."""

import datetime as dt
import ipaddress
import unicodedata
from collections.abc import Iterable

from identity.models import APIKey
from kernel.clock import now
from kernel.errors import Invalid
from orgs.models import PlatformPermission
from orgs.permissions import DESCRIPTIONS

LONGEST_OVERLAP = dt.timedelta(days=30)
LONGEST_LIFE = dt.timedelta(days=36_525)


def name(text: str) -> str:
    """Return a name as one line of 1 to 80 characters."""
    text = unicodedata.normalize("NFC", text)
    cleaned = " ".join("".join(c for c in text if c.isprintable()).split())
    if not 1 <= len(cleaned) <= 80:
        raise Invalid.field("name", "Give a name of 1 to 80 characters.", code="length")
    return cleaned


def scopes(given: Iterable[str] | None) -> list[str] | None:
    """Return scopes that all mean something here, sorted; None means everything."""
    if given is None:
        return None
    wanted = sorted({str(scope) for scope in given})
    known = set(DESCRIPTIONS) | set(PlatformPermission.objects.values_list("name", flat=True))
    nouns = {name.rpartition(".")[0] for name in known}
    verbs = {name.rpartition(".")[2] for name in known}
    allowed = known | {f"{noun}.*" for noun in nouns} | {f"*.{verb}" for verb in verbs} | {"*"}
    wrong = [scope for scope in wanted if scope not in allowed]
    if wrong:
        raise Invalid.field("scopes", f"Not a scope: {', '.join(wrong)}.", code="unknown_scope")
    return wanted


def expiry(expires_at: dt.datetime | None) -> dt.datetime | None:
    """Return a time to come, within 100 years, or None for no end."""
    if expires_at is not None and expires_at <= now():
        raise Invalid.field("expires_at", "Choose a time in the future.", code="range")
    if expires_at is not None and expires_at > now() + LONGEST_LIFE:
        raise Invalid.field("expires_at", "Choose a time within 100 years.", code="range")
    return expires_at


def networks(given: Iterable[str]) -> list[str]:
    """Return addresses and networks as CIDR texts, sorted, each once."""
    cleaned = []
    for text in given:
        try:
            cleaned.append(str(ipaddress.ip_network(str(text).strip(), strict=False)))
        except ValueError:
            raise Invalid.field(
                "allowed_networks", f"“{text}” is not an address or network (CIDR).", code="network"
            ) from None
    return sorted(set(cleaned))


def overlap(seconds: int) -> dt.timedelta:
    """Return the length of a rotation's overlap, within its bounds."""
    if not 0 <= seconds <= LONGEST_OVERLAP.total_seconds():
        raise Invalid.field(
            "overlap_seconds", f"Choose 0 to {LONGEST_OVERLAP.days} days.", code="range"
        )
    return dt.timedelta(seconds=seconds)


def end_of_overlap(old: APIKey, wanted: dt.datetime) -> dt.datetime:
    """Never let a rotation lengthen a key's life beyond its expiry."""
    return min(wanted, old.expires_at) if old.expires_at else wanted
