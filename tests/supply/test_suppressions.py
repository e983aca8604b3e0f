"""A security check that is switched off at a line has its reason there, in words."""

import re

import pytest

from tests.supply.conftest import ROOT

RUNTIME = [
    path
    for room in ("config", "kernel", "orgs", "identity", "billing")
    for path in sorted((ROOT / room).rglob("*.py"))
]
_HOUSE_RULE = re.compile(r"ast-grep-ignore(?P<rest>.*)")
_RUFF = re.compile(r"# noqa: S\d+(?P<rest>.*)")
_BANDIT = re.compile(r"#\s*nosec(?P<rest>.*)")


def _lines():
    for path in RUNTIME:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", line


def test_a_house_rule_is_suppressed_by_its_name_and_with_a_reason():
    bare = [
        place
        for place, line in _lines()
        if (found := _HOUSE_RULE.search(line))
        and not re.fullmatch(r": [a-z-]+(, [a-z-]+)* - \w.{5,}", found["rest"])
    ]
    assert bare == []


def test_bandit_is_suppressed_by_the_name_of_a_check():
    bare = [
        place
        for place, line in _lines()
        if (found := _BANDIT.search(line))
        and not re.fullmatch(r" B\d{3}(, B\d{3})*", found["rest"])
    ]
    assert bare == []


@pytest.mark.parametrize("rule", ["S1", "S3", "S6"])
def test_ruffs_security_rules_are_suppressed_with_a_reason(rule):
    bare = [
        f"{place} {line.strip()}"
        for place, line in _lines()
        if (found := _RUFF.search(line))
        and rule in found.group()
        and not re.search(r" - [\w`]+", found["rest"])
    ]
    assert bare == []
