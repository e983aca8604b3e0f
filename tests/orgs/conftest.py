"""What the people's tests share."""

import copy
from collections.abc import Callable, Iterator

import pytest
from django.db import transaction

from kernel.events.models import INSTANCE_CHAIN, Event
from kernel.wiring import wiring
from orgs import invariants
from orgs.models import Organization
from tests.worlds import World, acme

_OURS = (
    invariants.seats_match_members,
    invariants.counters_match_rows,
    invariants.removed_members_hold_nothing,
)


@pytest.fixture(scope="module")
def _acme(django_db_setup, django_db_blocker) -> Iterator[World]:
    """Build Acme once for a module; each test runs in a savepoint over it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield acme()
        transaction.set_rollback(True)


@pytest.fixture
def world(_acme, db) -> Iterator[World]:
    """Acme, checked for broken invariants when the test is over."""
    assert set(_OURS) <= set(wiring().invariants)
    yield copy.deepcopy(_acme)
    assert [violation for check in _OURS for violation in check()] == []


@pytest.fixture
def trail() -> Callable[..., list[Event]]:
    """Return the events of an organization (None: the instance's), oldest first."""

    def read(organization: Organization | None, type_: str = "") -> list[Event]:
        events = Event.objects.of(INSTANCE_CHAIN if organization is None else organization)
        if type_:
            events = events.filter(type=type_)
        return list(events.order_by("sequence"))

    return read
