"""What the chaos tests share: the report, and whether this is the whole house or a quick look.

`make chaos` sets STEWARD_CHAOS=whole; a plain run of these tests is the quick form: shorter
faults, and of the matrix the cells that bite. Nothing is left out of both.
"""

import os
from collections.abc import Iterator

import pytest

from tests.chaos.house import House, built
from tests.chaos.report import Collector, line

__all__ = ["line"]

WHOLE = os.environ.get("STEWARD_CHAOS", "") == "whole"


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
    """One migrated installation with its Redis, for tests that start the rest by themselves."""
    with built(tmp_path_factory.mktemp("shared")) as made:
        made.prepare()
        made.start_redis()
        yield made
