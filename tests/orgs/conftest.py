"""What the people's tests share."""

import copy
from collections.abc import Callable, Iterator

import pytest

from kernel.events.models import INSTANCE_CHAIN, Event
from orgs.models import Organization
from tests.database import ground
from tests.worlds import World, acme


@pytest.fixture(scope="module")
def _acme(django_db_setup, django_db_blocker) -> Iterator[World]:
    """Build Acme once for a module; each test runs in a savepoint over it."""
    with django_db_blocker.unblock(), ground():
        yield acme()


@pytest.fixture
def world(_acme, db) -> World:
    """Acme as it was built."""
    return copy.deepcopy(_acme)


@pytest.fixture
def trail() -> Callable[..., list[Event]]:
    """Return the events of an organization (None: the instance's), oldest first."""

    def read(organization: Organization | None, type_: str = "") -> list[Event]:
        events = Event.objects.of(INSTANCE_CHAIN if organization is None else organization)
        if type_:
            events = events.filter(type=type_)
        return list(events.order_by("sequence"))

    return read
