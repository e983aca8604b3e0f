"""Filters of the console's components: meters, initials, times."""

import datetime as dt
import zlib
from typing import Any

from django import template

from kernel.clock import now

register = template.Library()

_HUES = 6
_STEPS = (
    (86400 * 365, "year"),
    (86400 * 30, "month"),
    (86400, "day"),
    (3600, "hour"),
    (60, "minute"),
)


@register.filter
def permille(part: Any, total: Any) -> int:
    """Return a part of a total in thousandths, within 0 and 1000; a meter's geometry."""
    held, whole = int(part or 0), int(total or 0)
    if whole <= 0:
        return 1000 if held > 0 else 0
    return max(0, min(1000, held * 1000 // whole))


@register.filter
def initials(name: object) -> str:
    """Return up to two letters that stand for a name."""
    words = str(name).replace(".", " ").replace("-", " ").split()
    letters = [word[0] for word in words if word[0].isalnum()]
    picked = letters[:1] + letters[-1:] if len(letters) > 1 else letters
    return "".join(picked).upper() or "?"


@register.filter
def hue(name: object) -> str:
    """Return the class of a name's colour; the same name always has the same."""
    return f"h{zlib.crc32(str(name).encode()) % _HUES + 1}"


@register.filter
def relative(moment: dt.datetime | None) -> str:
    """Return a moment as people say it: `3 hours ago`, `in 2 days`, `just now`."""
    if moment is None:
        return ""
    seconds = (now() - moment).total_seconds()
    for size, name in _STEPS:
        count = int(abs(seconds) // size)
        if count:
            text = f"{count} {name}{'s' if count > 1 else ''}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    return "just now" if seconds >= 0 else "in a moment"


@register.filter
def remaining(moment: dt.datetime | None) -> str:
    """Return the time left in its two largest units: `1 d 21 h`, `3 min`."""
    if moment is None:
        return ""
    minutes = max(0, int((moment - now()).total_seconds() // 60))
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    shown = [f"{count} {unit}" for count, unit in parts if count][:2]
    return " ".join(shown) or "less than a minute"


@register.filter
def iso(moment: dt.datetime | None) -> str:
    """Return a moment in ISO 8601 and UTC, to the second."""
    if moment is None:
        return ""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@register.filter
def words(name: object) -> str:
    """Return a key in words: `billing_admin` as `Billing admin`."""
    text = str(name).replace("_", " ").replace(".", " ").strip()
    if text.startswith("api "):
        return "API" + text[3:]
    return text[:1].upper() + text[1:]



@register.filter
def time_left(until: dt.datetime | None, since: dt.datetime) -> int:
    """Return how much of a span is left, in thousandths; a countdown's geometry."""
    if until is None:
        return 1000
    whole = (until - since).total_seconds()
    return permille((until - now()).total_seconds(), whole)
