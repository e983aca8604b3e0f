"""What the chaos tests share: the report, and whether this is the whole house or a quick look.

`make chaos` sets STEWARD_CHAOS=whole; a plain run of these tests is the quick form: shorter
faults, and of the matrix the cells that bite. Nothing is left out of both.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.house import House, built
from tests.chaos.ledger import Ledger
from tests.chaos.report import Collector, line
from tests.chaos.work import make_tables

__all__ = ["line"]

WHOLE = os.environ.get("STEWARD_CHAOS", "") == "whole"

whole_only = pytest.mark.skipif(not WHOLE, reason="a part of make chaos")


def pytest_configure(config: pytest.Config) -> None:
    """Gather the lines of the report."""
    if not config.pluginmanager.has_plugin("chaos-report"):
        config.pluginmanager.register(Collector(), "chaos-report")


@pytest.fixture(scope="session")
def whole() -> bool:
    """Whether the long form runs."""
    return WHOLE


@pytest.fixture(scope="session")
def shared_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One migrated installation with its Redis, for tests that start the rest by themselves.

    Its processes know the jobs of `tests.chaos.jobs` beside the product's.
    """
    with built(tmp_path_factory.mktemp("shared")) as made:
        made.told["DJANGO_SETTINGS_MODULE"] = "tests.chaos.settings"
        made.prepare()
        made.start_redis()
        make_tables(made)
        yield made


@pytest.fixture
def serving(shared_house: House) -> Iterator[House]:
    """The shared installation with members, for one test; its web server stays for the next."""
    if shared_house.web is None or shared_house.web.poll() is not None:
        shared_house.start_web()
    if not shared_house.members:
        shared_house.populate()
    with shared_house.on_its_own():
        yield shared_house


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A test's ledger."""
    made = Ledger(tmp_path / "ledger")
    yield made
    made.close()
