"""Every address of the house, read from the URL resolver: what the matrix is made of.

A route is a REST endpoint, a page of an organization, a page of a person, or `open`: what
anybody may ask for and no organization stands behind. Nothing is listed here by hand but
the names of those that are open; a new route joins by itself.
"""

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLResolver, get_resolver
from django.urls.resolvers import RegexPattern

from identity.scim.door import Door
from kernel.api.endpoint import Endpoint
from orgs.doors.console import OrganizationPage

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_DECLARED = ("GET", "POST", "PUT", "PATCH", "DELETE")

# What anybody may ask for: health, documents, and allauth's forms, which know the visitor's
# own account alone.
OPEN = re.compile(r"healthz|readyz|livez|metrics|errors?|schema|api-docs|account_\w+")


@dataclass(frozen=True)
class Route:
    """One address with its methods. `parts` are the names of what its path holds."""

    name: str
    path: str
    kind: str
    parts: tuple[str, ...]
    methods: tuple[str, ...]
    view: Any

    def __str__(self) -> str:
        return self.name

    def url(self, ids: dict[str, str]) -> str:
        """Return the address with these parts."""
        return re.sub(r"<(?:\w+:)?(\w+)>", lambda part: ids[part.group(1)], self.path)

    @property
    def in_organization(self) -> bool:
        """Whether the path names an organization."""
        return "organization" in self.parts

    @property
    def inner(self) -> tuple[str, ...]:
        """Return the parts besides the organization."""
        return tuple(part for part in self.parts if part != "organization")


def routes() -> list[Route]:
    """Return every route that is not open."""
    return [route for route in _walk() if route.kind not in ("open", "scim")]


def scim_routes() -> list[Route]:
    """Return the addresses of SCIM, where the organization comes from the credential."""
    return [route for route in _walk() if route.kind == "scim"]


def _walk(
    patterns: Iterable[Any] | None = None, space: str = "", path: str = "/"
) -> Iterator[Route]:
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        name = f"{space}{entry.name}" if hasattr(entry, "name") else space
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from _walk(entry.url_patterns, inner, path + str(entry.pattern))
            continue
        view = getattr(entry.callback, "cls", None) or getattr(
            entry.callback, "view_class", entry.callback
        )
        pattern = str(entry.pattern)
        if isinstance(entry.pattern, RegexPattern):
            pattern = re.sub(r"[\^$]|\(\?P(<\w+>)[^()]*(?:\([^()]*\)[^()]*)*\)", r"\1", pattern)
        whole = path + pattern
        yield Route(
            name=name if entry.name else f"{space}{whole}",
            path=whole,
            kind=_kind(name, view),
            parts=tuple(re.findall(r"<(?:\w+:)?(\w+)>", whole)),
            methods=_methods(view),
            view=view,
        )


def _kind(name: str, view: Any) -> str:
    if inspect.isclass(view) and issubclass(view, Endpoint):
        return "api"
    if inspect.isclass(view) and issubclass(view, OrganizationPage):
        return "page"
    if inspect.isclass(view) and issubclass(view, Door):
        return "scim"
    return "open" if OPEN.fullmatch(name) else "person"


def _methods(view: Any) -> tuple[str, ...]:
    if not inspect.isclass(view):
        return ("GET",)
    return tuple(name for name in _DECLARED if hasattr(view, name.lower()))
