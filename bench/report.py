"""The result of a run: medians with their bounds, ratios to the empty view, and the files."""

import json
import platform
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.cases import CASES
from bench.meter import Run
from kernel.clock import now

RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("django", "djangorestframework", "granian", "psycopg")
_NOISE = 5.0
_FULL = 75.0
_HEAD = (
    "| case | per second, median (min–max) | p50 ms | p99 ms | app CPU µs | database CPU µs "
    "| CPU ÷ empty view | rate ÷ empty view | core busy % | foreign % | wrong |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One case: medians over the rounds; the costs are per request."""

    case: str
    rate: float
    lowest: float
    highest: float
    p50_ms: float
    p99_ms: float
    app_us: float
    database_us: float
    bytes: float
    busy: float
    foreign: float
    wrong: int

    @classmethod
    def of(cls, case: str, runs: Sequence[Run]) -> "Row":
        """Sum up the rounds of a case."""

        def median(value: Callable[[Run], float]) -> float:
            return statistics.median(map(value, runs))

        rates = [run.rate for run in runs]
        return cls(
            case=case,
            rate=statistics.median(rates),
            lowest=min(rates),
            highest=max(rates),
            p50_ms=median(lambda run: run.load.p50_ms),
            p99_ms=median(lambda run: run.load.p99_ms),
            app_us=median(lambda run: run.app_us),
            database_us=median(lambda run: run.database_us),
            bytes=median(lambda run: run.load.bytes / max(run.load.requests, 1)),
            busy=median(lambda run: run.busy),
            foreign=max(run.foreign for run in runs),
            wrong=sum(run.load.wrong + run.load.broken for run in runs),
        )

    @property
    def cpu_us(self) -> float:
        """Return what a request costs on the core."""
        return self.app_us + self.database_us

    def line(self, empty: "Row") -> str:
        """Return the row of the table; a row with a wrong answer is void."""
        if self.wrong:
            return f"| {self.case} | **void** | | | | | | | | | {self.wrong} |"
        return (
            f"| {self.case} | **{self.rate:,.0f}** ({self.lowest:,.0f}–{self.highest:,.0f}) "
            f"| {self.p50_ms:.1f} | {self.p99_ms:.1f} | {self.app_us:,.0f} "
            f"| {self.database_us:,.0f} | {self.cpu_us / empty.cpu_us:.1f} "
            f"| {self.rate / empty.rate:.3f} | {self.busy:.0f} | {self.foreign:.1f} | 0 |"
        )


@dataclass(frozen=True, slots=True)
class Result:
    """A whole run."""

    taken_at: str
    facts: Mapping[str, str]
    options: Mapping[str, int]
    invariants_hold: bool
    rows: Sequence[Row]
    runs: Mapping[str, Sequence[Mapping[str, Any]]]

    @classmethod
    def of(
        cls,
        runs: Mapping[str, Sequence[Run]],
        facts: Mapping[str, str],
        *,
        options: Mapping[str, int],
        invariants_hold: bool,
    ) -> "Result":
        """Sum up what was measured."""
        return cls(
            taken_at=now().isoformat(timespec="minutes"),
            facts={**facts, **versions()},
            options=options,
            invariants_hold=invariants_hold,
            rows=[Row.of(case, some) for case, some in runs.items()],
            runs={case: [asdict(run) for run in some] for case, some in runs.items()},
        )

    @property
    def is_valid(self) -> bool:
        """Whether no row is void."""
        return not any(row.wrong for row in self.rows)

    def table(self) -> str:
        """Return the table with what follows from it."""
        by_name = {row.case: row for row in self.rows}
        empty = by_name["empty"]
        lines = [_HEAD, *(row.line(empty) for row in self.rows), "", *self._notes(by_name)]
        return "\n".join(lines)

    def _notes(self, rows: Mapping[str, Row]) -> list[str]:
        notes = []
        if {"members_10k", "members_100k"} <= rows.keys():
            small, large = rows["members_10k"], rows["members_100k"]
            notes.append(
                "- A page from 100,000 members costs "
                f"{large.cpu_us / small.cpu_us:.2f} times the CPU of one from 10,000 and comes "
                f"at {large.rate / small.rate:.2f} times the rate (wanted: within 10 %)."
            )
        held = "hold" if self.invariants_hold else "**do not hold**"
        notes.append(
            f"- `manage.py check_invariants` before and after the load: they {held}; seats "
            "in use equal the members who hold one."
        )
        noisy = [row.case for row in self.rows if row.foreign > _NOISE]
        if noisy:
            notes.append(
                f"- Others took more than {_NOISE:.0f} % of the core in a round of "
                f"{', '.join(noisy)}: compare CPU to the empty view's there, not rates."
            )
        idle = [row.case for row in self.rows if row.busy < _FULL]
        if idle:
            notes.append(
                f"- The core was not full in {', '.join(idle)}: it waited for the load side or "
                "for the disk, so the rate is a lower bound."
            )
        return notes


def save(result: Result, name: str) -> Path:
    """Write the result beside the earlier ones, and make the page that shows it."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{result.taken_at[:10]}-{name}.json"
    path.write_text(json.dumps(asdict(result), indent=1) + "\n")
    page = RESULTS / "README.md"
    page.write_text(_page(result, path.name))
    return page


def _page(result: Result, file: str) -> str:
    protocol = (RESULTS / "protocol.md").read_text()
    facts = "\n".join(f"- {name}: {value}" for name, value in result.facts.items())
    cases = "\n".join(f"- `{name}`: {what}" for name, what in CASES.items())
    options = ", ".join(f"{value} {name}" for name, value in result.options.items())
    return (
        f"# What one core gives\n\n{result.table()}\n\n"
        f"Taken {result.taken_at} in {options}; figures of each run in `{file}`.\n\n"
        f"## Cases\n\n{cases}\n\n## Machine and versions\n\n{facts}\n\n{protocol}"
    )


def versions() -> dict[str, str]:
    """Return the versions of what was measured."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    packages = {name: version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), **packages, "commit": commit.stdout.strip()}
