"""One run, measured: requests, times, and what they cost in CPU on the server's core."""

from collections.abc import Callable
from dataclasses import dataclass

from bench import machine
from bench.database import Database
from bench.server import Server


@dataclass(frozen=True, slots=True)
class Load:
    """What the load side saw: counts, seconds, latencies in milliseconds, bytes received."""

    requests: int
    seconds: float
    wrong: int
    broken: int
    p50_ms: float
    p99_ms: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Run:
    """A load with its cost; microseconds of CPU are per request, shares in percent.

    `foreign` is the share of the core that others took, `busy` how full the core was: a
    core that is not full waited for the load side.
    """

    load: Load
    app_us: float
    database_us: float
    foreign: float
    busy: float

    @property
    def rate(self) -> float:
        """Return requests per second."""
        return self.load.requests / self.load.seconds

    @property
    def cpu_us(self) -> float:
        """Return what a request costs, application and database together."""
        return self.app_us + self.database_us

    @property
    def is_valid(self) -> bool:
        """Whether every answer was the right one."""
        return not self.load.wrong and not self.load.broken and self.load.requests > 0


def measure(server: Server, database: Database, core: int, load: Callable[[], Load]) -> Run:
    """Put a load on the server and say what it cost."""
    database.pin(core)
    processes, backends = server.processes(), database.backends()
    core_before = machine.CoreTime.read(core)
    app_before, database_before = machine.cpu_seconds(processes), machine.cpu_seconds(backends)
    done = load()
    app = machine.cpu_seconds(processes) - app_before
    # A backend that began meanwhile began at nothing.
    database_seconds = machine.cpu_seconds({*backends, *database.backends()}) - database_before
    passed = machine.CoreTime.read(core).since(core_before)
    requests = max(done.requests, 1)
    return Run(
        load=done,
        app_us=app / requests * 1e6,
        database_us=database_seconds / requests * 1e6,
        foreign=max(0.0, passed.busy - app - database_seconds) / passed.total * 100,
        busy=passed.busy / passed.total * 100,
    )
