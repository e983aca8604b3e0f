"""Filters for the templates of mails."""

import re

from django import template
from django.template.defaultfilters import stringfilter

register = template.Library()

_LONGEST_NAME = 60
_JOINTS = re.compile(r"(?<=\S)([.:/@])(?=\S)")


@register.filter
@stringfilter
def unlinked(text: str) -> str:
    """Return a text that a person typed, so that no mail program makes a link of it.

    Mail programs link whatever looks like an address, also inside plain text: an
    organization named "prize.example" would make our invitation advertise it. A
    zero-width space behind each joint keeps the reading and breaks the pattern.
    """
    return _JOINTS.sub("\\1\u200b", text)


@register.filter
@stringfilter
def briefly(text: str) -> str:
    """Return a name for a subject: on one line, linking nothing, 60 characters at most."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return str(unlinked(line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 1]}…"))
