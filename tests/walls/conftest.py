"""The town is built once for a file; the matrix says at the end how many cases it holds."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from orgs.models import Organization
from tests.database import ground
from tests.factories.orgs import OrganizationFactory, TeamFactory
from tests.walls.town import Town, build_town

_CASES = "cases"


@pytest.fixture(scope="module")
def whole_town(django_db_setup: None, django_db_blocker: Any) -> Iterator[Town]:
    """Two organizations with everybody, undone when the file ends."""
    with django_db_blocker.unblock(), ground():
        yield build_town()


@pytest.fixture
def town(whole_town: Town, db: None, settings: Any) -> Town:
    """Return the town; each test's own transaction undoes what it changes."""
    settings.STEWARD_API_RATE = 1_000_000
    for stage in (whole_town.acme, whole_town.rival):
        stage.organization.refresh_from_db()
        stage.team.refresh_from_db()
    return whole_town


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Callable[[int], None]:
    """Return what notes how many cases a test looked at."""
    return lambda cases: record_property(_CASES, cases)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many cases the matrices hold."""
    total = sum(
        int(str(value))
        for reports in ("passed", "failed")
        for report in terminalreporter.stats.get(reports, ())
        for name, value in report.user_properties
        if name == _CASES
    )
    if total:
        terminalreporter.write_line(f"walls: {total} cases of the tenant and removal matrices")


@pytest.fixture
def two() -> tuple[Organization, Organization]:
    """Return two organizations with a team each."""
    made = OrganizationFactory(), OrganizationFactory()
    for organization in made:
        TeamFactory(organization=organization)
    return made
