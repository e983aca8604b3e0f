"""The frame of a console page: switcher, navigation, person, colours, banners.

`shell` is the context processor that gives it to every template; nothing is read from the
database before a template asks for it.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils.functional import SimpleLazyObject, cached_property

from kernel.console.registry import console
from kernel.database.scope import across
from kernel.events.models import ChainVerdict
from kernel.events.verification import verdict_on
from orgs.access import Standing
from orgs.models import Membership, Organization, Restriction, User
from orgs.permissions import Permission

_WATCHED = frozenset({"overview", "audit"})
"""The sections that tell owners of a broken audit chain: a query on these alone."""


class Framed(Protocol):
    """What the frame asks of the page inside it (`orgs.doors.console.ConsolePage`)."""

    section: str
    organization: Organization | None
    standing: Standing | None
    held: frozenset[str]


@dataclass(frozen=True, slots=True)
class Place:
    """An organization in the switcher."""

    name: str
    url: str
    role_name: str
    is_demo: bool
    is_current: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A link of the navigation."""

    title: str
    icon: str
    url: str
    is_current: bool
    count: int | None = None
    go: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of links of the navigation."""

    title: str
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the person's menu."""

    title: str
    icon: str
    url: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A theme to choose."""

    value: str
    title: str
    icon: str


THEMES = (
    Choice("system", "Like the system", "monitor"),
    Choice("light", "Light", "sun"),
    Choice("dark", "Dark", "moon"),
)


class Shell:
    """What the frame of a page shows; each part is read only if a template asks."""

    themes = THEMES

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._page: Framed | None = getattr(request, "console_page", None)

    @cached_property
    def person(self) -> User | None:
        """Return the signed-in person."""
        user = getattr(self._request, "user", None)
        return user if isinstance(user, User) and user.is_active else None

    @property
    def theme(self) -> str:
        """Return the person's colours, or those chosen in this browser."""
        if self.person is not None:
            return self.person.theme
        chosen = self._request.COOKIES.get("theme", "")
        return chosen if chosen in User.Theme.values else User.Theme.SYSTEM

    @property
    def organization(self) -> Organization | None:
        """Return the page's organization; None also for those who may not know of it."""
        return self._page.organization if self._page else None

    @property
    def is_demo(self) -> bool:
        """Whether the organization is made of examples."""
        return self.organization is not None and self.organization.is_demo

    @property
    def role_name(self) -> str:
        """Return what the person is in the organization."""
        member = self._page.standing.member if self._page and self._page.standing else None
        return member.role_name if member else ""

    @property
    def may_restore(self) -> bool:
        """Whether the person can take the organization's deletion back."""
        return self._page is not None and Permission.ORGANIZATION_DELETE in self._page.held

    @cached_property
    def audit_break(self) -> ChainVerdict | None:
        """Return where the audit chain is broken, for owners, where they come by."""
        organization = self.organization
        is_watched = self._page is not None and self._page.section in _WATCHED
        if organization is None or not is_watched or not self.may_restore:
            return None
        verdict = verdict_on(organization.pk)
        return verdict if verdict is not None and not verdict.holds else None

    @property
    def restrictions(self) -> tuple[Restriction, ...]:
        """Return what the organization may not do for now."""
        standing = self._page.standing if self._page else None
        return standing.restrictions if standing else ()

    @cached_property
    def organizations(self) -> list[Place]:
        """Return where the person is a member, by name."""
        if self.person is None:
            return []
        rows = (
            Membership.objects.system_of_user(self.person.pk)
            .active()
            .select_related("organization", "custom_role")
            .order_by("organization__name", "organization_id")
        )
        with across("where the person is a member"):
            found = list(rows)
        return [
            Place(
                name=row.organization.name,
                url=self._same_page_of(row.organization),
                role_name=row.role_name,
                is_demo=row.organization.is_demo,
                is_current=self.organization == row.organization,
            )
            for row in found
        ]

    @cached_property
    def navigation(self) -> list[Group]:
        """Return the links that the person can follow."""
        organization = self.organization
        if organization is None or self._page is None:
            return []
        groups = []
        for group, sections in console().grouped():
            entries = [
                Entry(
                    title=section.title,
                    icon=section.icon,
                    url=resolve_url(section.url_name, organization.slug),
                    is_current=section.key == self._page.section,
                    count=section.count(organization) if section.count else None,
                    go=section.go,
                )
                for section in sections
                if section.permission in self._page.held
            ]
            if entries:
                groups.append(Group(group.title, entries))
        return groups

    @property
    def section_title(self) -> str:
        """Return the title of the page's section."""
        section = console().section(self._page.section) if self._page else None
        return section.title if section else ""

    @property
    def group_title(self) -> str:
        """Return the title of the group that the page's section stands in."""
        section = console().section(self._page.section) if self._page else None
        return console().group(section.group).title if section else ""

    @property
    def person_links(self) -> list[Link]:
        """Return the pages of the person's own menu."""
        return [
            Link(link.title, link.icon, resolve_url(link.url_name))
            for link in console().person_links
        ]

    def _same_page_of(self, organization: Organization) -> str:
        """Return the page of the same section over there: switching keeps the place."""
        section = console().section(self._page.section) if self._page else None
        return resolve_url(section.url_name if section else "console:overview", organization.slug)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Give every template the frame's facts (context processor), read when used."""
    known = getattr(request, "_shell", None)
    if known is None:
        known = SimpleLazyObject(lambda: Shell(request))
        request._shell = known  # type: ignore[attr-defined]
    return {"shell": known}
