"""The shape of the one wiring page (`config/wiring.py`) and the way to read it.

Nothing registers itself by being imported: the roof lists what reacts to what,
and the kernel reads that list through the setting `STEWARD_WIRING`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from kernel.events.models import Event
    from kernel.jobs.models import Job


@dataclass(frozen=True, slots=True)
class Reactions:
    """What follows an event.

    `within` runs in the event's own transaction (security; no network); `after`
    names job kinds, one row each, inserted in that transaction and run later.
    """

    within: "tuple[Callable[[Event], None], ...]" = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobKind:
    """How rows of a kind are run.

    A transactional job's effect commits together with its `done`: exactly once.
    The others reach outside (mail, HTTP): at least once, so they must carry
    something stable by which the far end can drop a repetition.
    `died` is told, in the transaction of its burial, of a row that will not be tried
    again by itself, whatever it died of.
    """

    run: "Callable[[Job], None]"
    transactional: bool = True
    died: "Callable[[Job], None] | None" = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job kind that gets one row for every slot of `every_seconds`."""

    every_seconds: int
    job: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant: its rule, where, and what was found."""

    rule: str
    where: str
    found: str


@dataclass(frozen=True, slots=True)
class Gauge:
    """A figure of the installation at this moment, shown at /metrics.

    Labels take values from closed sets, the same names for each gauge of a name.
    """

    name: str
    text: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wiring:
    """Everything that the kernel needs to know of the rooms above it."""

    events: Mapping[str, str] = field(default_factory=dict)
    reactions: Mapping[str, Reactions] = field(default_factory=dict)
    jobs: Mapping[str, JobKind] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    invariants: Sequence[Callable[[], Iterator[Violation]]] = ()
    gauges: Sequence[Callable[[], Iterator[Gauge]]] = ()


@cache
def wiring() -> Wiring:
    """Return the installed wiring."""
    found: Wiring = import_string(settings.STEWARD_WIRING)
    return found
