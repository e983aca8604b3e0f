"""One line for every failure and cell: what was asked, what became of it, how long it took.

A test takes the fixture `line` and fills it in; it is printed as a table at the end of the run
and written to `chaos.json` in the data directory. A line is kept when its test fails, too.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.chaos.verdict import Verdict

NAME = "chaos_line"


@dataclass(slots=True)
class Line:
    """What a chaos test saw. `criterion` is its pass line in words; `extra` holds figures."""

    name: str
    criterion: str = ""
    acked: int = 0
    refused: int = 0
    unknown: int = 0
    lost: int = 0
    doubled: int = 0
    ghosts: int = 0
    mails_again: int = 0
    recovery_seconds: float | None = None
    worst_answer: str = ""
    """The worst that a caller met while the fault lasted: status and seconds."""
    extra: dict[str, Any] = field(default_factory=dict)
    passed: bool = False
    seconds: float = 0.0

    def take(self, verdict: Verdict) -> None:
        """Take a verdict's figures, added to what is there, and demand that it holds."""
        for name in ("acked", "refused", "unknown", "mails_again"):
            setattr(self, name, getattr(self, name) + getattr(verdict, name))
        for name in ("lost", "doubled", "ghosts"):
            setattr(self, name, getattr(self, name) + len(getattr(verdict, name)))
        assert not verdict.lost, f"lost: {verdict.lost[:10]}"
        assert not verdict.doubled, f"doubled: {verdict.doubled[:10]}"
        assert not verdict.ghosts, f"ghosts: {verdict.ghosts[:10]}"
        assert not verdict.notes, "\n".join(verdict.notes)

    def text(self) -> str:
        """Return the line of the table."""
        recovery = "-" if self.recovery_seconds is None else f"{self.recovery_seconds:.1f} s"
        figures = ", ".join(f"{name} {value}" for name, value in self.extra.items())
        return (
            f"{'pass' if self.passed else 'FAIL'}  {self.name:44.44} "
            f"{self.acked:6} {self.refused:5} {self.unknown:5}  "
            f"{self.lost:4} {self.doubled:7} {self.ghosts:6} {self.mails_again:5}  "
            f"{recovery:>7} {self.seconds:5.0f} s  {self.worst_answer:20.20}  {figures}"
        )


HEAD = (
    f"      {'failure or cell':44} {'acked':>6} {'refus':>5} {'unkn.':>5}  lost doubled ghosts "
    f"again  recover    took  {'worst answer':20}  figures"
)


@pytest.fixture
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    """Give a test its line, named after it; the test sets name and criterion if it likes."""
    made = Line(request.node.name.removeprefix("test_").replace("_", " "))
    began = time.monotonic()
    request.node.user_properties.append((NAME, made))
    yield made
    made.seconds = round(time.monotonic() - began, 1)


class Collector:
    """The plugin that gathers lines and prints them."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Iterator[None]:
        """Note how each test with a line ended; its end comes with the teardown."""
        outcome: Any = yield
        for made in [value for name, value in item.user_properties if name == NAME]:
            if call.when == "call":
                made.passed = outcome.get_result().passed
                self.lines.append(made)
            elif call.when == "teardown":
                item.user_properties.remove((NAME, made))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table and write it down."""
        if not self.lines:
            return
        write = terminalreporter.write_line
        terminalreporter.section("chaos: every failure and cell")
        write(HEAD)
        for made in self.lines:
            write(made.text())
        total = {
            name: sum(getattr(made, name) for made in self.lines)
            for name in ("acked", "unknown", "lost", "doubled", "ghosts")
        }
        slowest = max((made.recovery_seconds or 0 for made in self.lines), default=0)
        failed = sum(not made.passed for made in self.lines)
        write(
            f"{len(self.lines)} lines, {failed} failed; "
            + ", ".join(f"{name} {value}" for name, value in total.items())
            + f"; slowest recovery {slowest:.1f} s"
        )
        path = Path(settings.STEWARD_DATA_DIR) / "chaos.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([asdict(made) for made in self.lines], indent=1, default=str))
        write(f"written to {path}")
