"""The parts that apps contribute to the console, listed by `config/wiring.py` as `CONSOLE`.

Each app declares its sections in `console/contributions.py`. Nothing registers itself by
being imported.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True)
class NavGroup:
    """A group of the navigation; one without a title stands at the top without a heading."""

    key: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A page that the navigation leads to.

    `url_name` takes the organization's slug as `organization`; the entry is shown to
    those who hold `permission` there. `count` reads a number off the organization's row
    (it may not ask the database); `go` is the key after `g` that leads here.
    """

    key: str
    title: str
    icon: str
    url_name: str
    group: str
    permission: str
    count: Callable[[Any], int] | None = None
    go: str = ""


@dataclass(frozen=True, slots=True)
class PersonLink:
    """A page of the person's own, in the menu at the bottom of the rail."""

    title: str
    icon: str
    url_name: str


@dataclass(frozen=True, slots=True)
class Console:
    """Everything that was contributed; sections keep their order within a group."""

    groups: tuple[NavGroup, ...] = ()
    sections: tuple[Section, ...] = ()
    person_links: tuple[PersonLink, ...] = ()
    _by_key: Mapping[str, Section] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse two sections of one key, and a section of no known group."""
        by_key = {section.key: section for section in self.sections}
        if len(by_key) != len(self.sections):
            raise ValueError("Two console sections have the same key.")
        unknown = {section.group for section in self.sections} - {g.key for g in self.groups}
        if unknown:
            raise ValueError(f"Console sections name unknown groups: {sorted(unknown)}.")
        object.__setattr__(self, "_by_key", by_key)

    def section(self, key: str) -> Section | None:
        """Return the section of a key."""
        return self._by_key.get(key)

    def group(self, key: str) -> NavGroup:
        """Return the group of a key."""
        return next(group for group in self.groups if group.key == key)

    def grouped(self) -> Iterator[tuple[NavGroup, list[Section]]]:
        """Return the groups in their order, each with its sections."""
        for group in self.groups:
            yield group, [section for section in self.sections if section.group == group.key]


@cache
def console() -> Console:
    """Return the installed console."""
    found: Console = import_string(settings.STEWARD_CONSOLE)
    return found
