"""The result of a run: the table, what follows from it, and the files."""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.meter import Run
from bench.report import RESULTS, Row, versions
from bench.scim.cases import CASES
from kernel.clock import now

PAGE_GOAL = 400
"""How many pages of 100 Users one core shall give on the machine of the reference."""
REFERENCE_EMPTY = 3556
"""What an empty view behind the stock middleware gives on a core of that machine."""
_NOISE = 5.0
_FULL = 75.0
_PAIRS = ("in_order", "spread", "wandb")
_HEAD = (
    "| case | per second, median (min–max) | p50 ms | p99 ms | app CPU ms | database CPU ms "
    "| CPU ÷ empty view | CPU ÷ me | rate ÷ empty view | rate ÷ me | KB | core busy % "
    "| foreign % | wrong |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
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
        options: Mapping[str, int],
        *,
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
        rows = {row.case: row for row in self.rows}
        lines = [_line(row, rows["empty"], rows["me"]) for row in self.rows]
        return "\n".join([_HEAD, *lines, "", *self._notes(rows)])

    def _times(self, case: str, other: str, value: Callable[[Mapping[str, Any]], float]) -> float:
        """Return how many times another case's value a case has: the median of the rounds.

        Within a round the two lie seconds apart, between rounds minutes, in which machines drift.
        """
        pairs = zip(self.runs[case], self.runs[other], strict=True)
        return statistics.median(value(one) / value(two) for one, two in pairs)

    def _notes(self, rows: Mapping[str, Row]) -> list[str]:
        notes = []
        for how in _PAIRS:
            small, large = f"users_10k_{how}", f"users_100k_{how}"
            if small in rows and large in rows:
                notes.append(
                    f"- {how}: a page from 100,000 costs {self._times(large, small, _cost):.2f} "
                    f"times the CPU of one from 10,000 and comes at "
                    f"{self._times(large, small, _rate):.2f} times the rate (wanted: within 10 %)."
                )
        if "users_10k_in_order" in rows:
            wanted = REFERENCE_EMPTY / PAGE_GOAL
            cost = self._times("users_10k_in_order", "empty", _cost)
            notes.append(
                f"- {PAGE_GOAL} pages a second are wanted where an empty view comes at "
                f"{REFERENCE_EMPTY:,} a second: a page for {wanted:.1f} times the empty view's "
                f"CPU. Here it is {cost:.1f} times, or about {REFERENCE_EMPTY / cost:.0f} pages "
                "a second there."
            )
        held = "hold" if self.invariants_hold else "**do not hold**"
        notes.append(f"- `manage.py check_invariants` before and after the load: they {held}.")
        noisy = [row.case for row in self.rows if row.foreign > _NOISE]
        if noisy:
            notes.append(
                f"- Others took more than {_NOISE:.0f} % of the core in a round of "
                f"{', '.join(noisy)}: compare CPU there, not rates."
            )
        idle = [row.case for row in self.rows if row.busy < _FULL]
        if idle:
            notes.append(
                f"- The core was not full in {', '.join(idle)}: it waited for the load side or "
                "for the disk, so the rate is a lower bound."
            )
        return notes


def _cost(run: Mapping[str, Any]) -> float:
    return float(run["app_us"] + run["database_us"])


def _rate(run: Mapping[str, Any]) -> float:
    return float(run["load"]["requests"] / run["load"]["seconds"])


def _line(row: Row, empty: Row, me: Row) -> str:
    if row.wrong:
        return f"| {row.case} | **void** | | | | | | | | | | | | {row.wrong} |"
    return (
        f"| {row.case} | **{row.rate:,.1f}** ({row.lowest:,.1f}–{row.highest:,.1f}) "
        f"| {row.p50_ms:.1f} | {row.p99_ms:.1f} | {row.app_us / 1000:,.2f} "
        f"| {row.database_us / 1000:,.2f} | {row.cpu_us / empty.cpu_us:.1f} "
        f"| {row.cpu_us / me.cpu_us:.1f} | {row.rate / empty.rate:.3f} "
        f"| {row.rate / me.rate:.3f} | {row.bytes / 1000:,.1f} | {row.busy:.0f} "
        f"| {row.foreign:.1f} | 0 |"
    )


def save(result: Result, name: str) -> Path:
    """Write the result beside the earlier ones, and make the page that shows it."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{result.taken_at[:10]}-scim-{name}.json"
    path.write_text(json.dumps(asdict(result), indent=1) + "\n")
    page = RESULTS / "scim.md"
    facts = "\n".join(f"- {name}: {value}" for name, value in result.facts.items())
    cases = "\n".join(f"- `{name}`: {what}" for name, what in CASES.items())
    options = ", ".join(f"{value} {name}" for name, value in result.options.items())
    protocol = (RESULTS / "scim-protocol.md").read_text()
    page.write_text(
        f"# What one core gives over SCIM\n\n{result.table()}\n\n"
        f"Taken {result.taken_at} in {options}; figures of each run in `{path.name}`.\n\n"
        f"## Cases\n\n{cases}\n\n## Machine and versions\n\n{facts}\n\n{protocol}"
    )
    return page
