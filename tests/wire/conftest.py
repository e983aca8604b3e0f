"""The stage is built once for a file; each test's transaction undoes what it changes."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from kernel.events.models import Event
from tests.database import ground
from tests.wire.stage import Stage, build


@pytest.fixture(scope="module")
def stages(django_db_setup, django_db_blocker) -> Iterator[tuple[Stage, Stage]]:
    """Two organizations side by side, undone when the file ends."""
    with django_db_blocker.unblock(), ground():
        acme, rival = build("acme"), build("rival")
        for stage in (acme, rival):
            newest = Event.objects.of(stage.organization).newest_first().first()
            assert newest is not None
            stage.ids["event"] = newest.wire_id
        yield acme, rival


@pytest.fixture(autouse=True)
def forget_limits() -> Iterator[None]:
    """Start every test with fresh limits: they live in the cache, which no rollback empties."""
    yield
    cache.clear()


@pytest.fixture
def acme(stages, db) -> Stage:
    return _as_it_is(stages[0])


@pytest.fixture
def rival(stages, db) -> Stage:
    return _as_it_is(stages[1])


@pytest.fixture
def client() -> APIClient:
    return APIClient()


def _as_it_is(stage: Stage) -> Stage:
    """Read anew what actions refresh when they lock it, for no rollback undoes that."""
    stage.organization.refresh_from_db()
    stage.team.refresh_from_db()
    return stage
