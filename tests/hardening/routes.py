"""Every address of the service, walked from the resolver and filled with things of a stage."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLResolver, get_resolver
from django.urls.resolvers import RegexPattern
from django.utils.regex_helper import normalize

from kernel.mail.models import Mail
from tests.wire.stage import Stage


@dataclass(frozen=True)
class Route:
    """One pattern of the URL configuration."""

    name: str
    template: str
    parts: tuple[str, ...]

    def path(self, values: Mapping[str, str]) -> str:
        """Return the address with its parts filled in."""
        return "/" + self.template % {part: values[part] for part in self.parts}

    def __str__(self) -> str:
        return self.name or self.template


def routes() -> list[Route]:
    """Return every route, static files apart."""
    return list(_walk(get_resolver().url_patterns, "", ""))


def _walk(patterns: Any, space: str, path: str) -> Iterator[Route]:
    for entry in patterns:
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from _walk(entry.url_patterns, inner, path + _template(entry.pattern)[0])
        else:
            template, parts = _template(entry.pattern)
            whole = path + template
            given = tuple(part for part in _PARTS if f"%({part})s" in whole)
            assert set(parts) <= set(given), f"routes.py does not know a part of {whole}"
            yield Route(f"{space}{entry.name}", whole, given)


def _template(pattern: Any) -> tuple[str, tuple[str, ...]]:
    text = pattern._regex if isinstance(pattern, RegexPattern) else pattern.regex.pattern
    template, parts = normalize(text)[0]
    return template, tuple(parts)


_PARTS = (
    "access_request", "account", "code", "collaborator", "connection", "entry", "event",
    "feature", "grant", "group", "id", "invitation", "key", "mail", "member", "organization",
    "place", "project", "role", "session", "team", "token", "uidb36", "wish",
)  # fmt: skip


def values_of(stage: Stage, mail: Mail) -> dict[str, str]:
    """Return something of the stage for each part of an address."""
    return {
        **stage.ids,
        "access_request": stage.ids["wish"],
        "code": "not_found",
        "id": "scu_0192f3a45b6c7d8e9f0123456789abcd",
        "mail": mail.wire_id,
        "place": stage.ids["member"],
        "session": "1",
        "token": "a" * 49,
        "uidb36": "1",
    }
