"""The ASVS table is complete and honest: no item lacks, and what shows an item is there."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.supply.conftest import ROOT

TABLE = ROOT / "docs/asvs.md"
_ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| ([^|]+) \| ([a-z/ ]+) \| ([^|]*) \|$")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_RULE = re.compile(r"rule `([a-z-]+)`")
_HEADING = re.compile(r"\]\(security\.md#([a-z0-9-]+)\)")
STATES = {"met", "not met", "not yet", "operator", "n/a"}

LAST_ITEMS = """
1.1:2 1.2:10 1.3:12 1.4:3 1.5:3 2.1:3 2.2:3 2.3:5 2.4:2 3.1:1 3.2:3 3.3:5 3.4:8 3.5:8 3.6:1 3.7:5
4.1:5 4.2:5 4.3:2 4.4:4 5.1:1 5.2:6 5.3:3 5.4:3 6.1:3 6.2:12 6.3:8 6.4:6 6.5:8 6.6:4 6.7:2 6.8:4
7.1:3 7.2:4 7.3:2 7.4:5 7.5:3 7.6:2 8.1:4 8.2:4 8.3:3 8.4:2 9.1:3 9.2:4 10.1:2 10.2:3 10.3:5
10.4:16 10.5:5 10.6:2 10.7:3 11.1:4 11.2:5 11.3:5 11.4:4 11.5:2 11.6:2 11.7:2 12.1:5 12.2:2 12.3:5
13.1:4 13.2:6 13.3:4 13.4:7 14.1:2 14.2:8 14.3:3 15.1:5 15.2:5 15.3:7 15.4:4 16.1:1 16.2:5 16.3:4
16.4:3 16.5:4 17.1:2 17.2:8 17.3:2
"""
"""The standard's sections and the number of their items, of all three levels: 345."""

LEVEL_3 = """
1.2.10 1.3.12 1.5.3 2.3.5 2.4.2 3.1.1 3.2.3 3.3.5 3.4.7 3.4.8 3.5.6 3.5.7 3.5.8 3.6.1 3.7.3 3.7.4
3.7.5 4.1.4 4.1.5 4.2.2 4.2.3 4.2.4 4.2.5 5.2.4 5.2.5 5.2.6 5.3.3 6.3.5 6.3.6 6.3.7 6.3.8 6.4.5
6.4.6 6.5.6 6.5.7 6.5.8 6.6.4 6.7.1 6.7.2 7.5.3 8.1.3 8.1.4 8.2.4 8.3.2 8.3.3 8.4.2 10.2.3 10.3.5
10.4.12 10.4.13 10.4.14 10.4.15 10.4.16 11.1.3 11.1.4 11.2.4 11.2.5 11.3.4 11.3.5 11.5.2 11.6.2
11.7.1 11.7.2 12.1.4 12.1.5 12.3.5 13.1.2 13.1.3 13.1.4 13.2.6 13.3.3 13.3.4 13.4.6 13.4.7 14.2.5
14.2.6 14.2.7 14.2.8 15.1.4 15.1.5 15.2.4 15.2.5 15.4.1 15.4.2 15.4.3 15.4.4 16.5.4 17.1.2 17.2.5
17.2.6 17.2.7 17.2.8
"""

LEVEL_1 = """
1.2.1 1.2.2 1.2.3 1.2.4 1.2.5 1.3.1 1.3.2 1.5.1 2.1.1 2.2.1 2.2.2 2.3.1 3.2.1 3.2.2 3.3.1 3.4.1
3.4.2 3.5.1 3.5.2 3.5.3 4.1.1 4.4.1 5.2.1 5.2.2 5.3.1 5.3.2 6.1.1 6.2.1 6.2.2 6.2.3 6.2.4 6.2.5
6.2.6 6.2.7 6.2.8 6.3.1 6.3.2 6.4.1 6.4.2 7.2.1 7.2.2 7.2.3 7.2.4 7.4.1 7.4.2 8.1.1 8.2.1 8.2.2
8.3.1 9.1.1 9.1.2 9.1.3 9.2.1 10.4.1 10.4.2 10.4.3 10.4.4 10.4.5 11.3.1 11.3.2 11.4.1 12.1.1 12.2.1
12.2.2 13.4.1 14.2.1 14.3.1 15.1.1 15.2.1 15.3.1
"""


@cache
def rows() -> dict[str, tuple[int, str, str]]:
    """Return the level, state and evidence of each item."""
    found = [_ROW.match(line) for line in TABLE.read_text().splitlines()]
    lines = [match.groups() for match in found if match]
    assert len({line[0] for line in lines}) == len(lines), "an item stands twice"
    return {item: (int(level), state, shown) for item, level, _, state, shown in lines}


@cache
def functions(path: Path) -> frozenset[str]:
    return frozenset(
        node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)
    )


def headings() -> set[str]:
    lines = (ROOT / "docs/security.md").read_text().splitlines()
    return {
        line.lstrip("# ").lower().replace(",", "").replace(" ", "-")
        for line in lines
        if line.startswith("## ")
    }


def test_every_item_of_levels_1_and_2_has_its_line():
    everything = {
        f"{section}.{number}"
        for entry in LAST_ITEMS.split()
        for section, last in [entry.split(":")]
        for number in range(1, int(last) + 1)
    }
    assert len(everything) == 345
    wanted = everything - set(LEVEL_3.split())
    assert len(wanted) == 253
    assert set(rows()) == wanted


def test_every_item_has_its_level():
    first = {item for item, (level, _, _) in rows().items() if level == 1}
    assert first == set(LEVEL_1.split())
    assert len(first) == 70


def test_every_line_has_a_state_and_its_evidence_or_reason():
    for item, (_, state, shown) in rows().items():
        assert state in STATES, item
        evidence = _TEST.findall(shown) + _RULE.findall(shown) + _HEADING.findall(shown)
        if state in {"met", "operator"}:
            assert evidence, item
            assert shown.count(",") + 1 == len(evidence), f"{item} names something else as well"
        else:
            assert len(shown) > 3, item


def test_what_is_met_is_shown_by_tests_rules_and_headings_that_exist():
    missing = []
    for item, (_, _, shown) in rows().items():
        for file, name in _TEST.findall(shown):
            path = ROOT / file
            if not path.is_file() or name not in functions(path):
                missing.append(f"{item}: {file}::{name}")
        missing += [
            f"{item}: rule {name}"
            for name in _RULE.findall(shown)
            if not (ROOT / f"dev/rules/{name}.yml").is_file()
        ]
        missing += [
            f"{item}: heading {name}" for name in _HEADING.findall(shown) if name not in headings()
        ]
    assert missing == []


def test_what_shows_an_item_is_collected(request: pytest.FixtureRequest):
    """A file of the run whose named test is not among the collected ones shows here."""
    config = request.config
    narrowed = (
        config.option.keyword
        or config.option.markexpr
        or config.option.file_or_dir
        or config.option.ignore
    )
    collected = {item.nodeid.partition("[")[0] for item in request.session.items}
    files = {node.partition("::")[0] for node in collected}
    named = [found for _, _, text in rows().values() for found in _TEST.findall(text)]
    wanted = {f"{file}::{name}" for file, name in named}
    if narrowed:
        wanted = {node for node in wanted if node.partition("::")[0] in files}
        if config.option.keyword or config.option.markexpr or "::" in str(config.args):
            wanted &= collected
    assert wanted <= collected


def test_the_summary_counts_what_the_table_says():
    counted = Counter(state for _, state, _ in rows().values())
    text = " ".join(TABLE.read_text().split())
    assert (
        f"Of 253: {counted['met']} met, {counted['operator']} with the operator, "
        f"{counted['not met']} not met, {counted['not yet']} not yet, "
        f"{counted['n/a']} not applicable."
    ) in text
    built = 253 - counted["n/a"] - counted["not yet"]
    share = f"{100 * counted['met'] / built:.0f} %"
    assert f"Of the {built} that concern what is built, {share} are met." in text


def test_the_tests_that_security_md_names_exist():
    text = (ROOT / "docs/security.md").read_text()
    named = set(re.findall(r"`((?:tests|dev/rules)/[\w./-]+)`", text))
    assert len(named) > 20
    assert {name for name in named if not (ROOT / name).exists()} == set()
