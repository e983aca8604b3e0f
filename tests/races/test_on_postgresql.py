"""The races on PostgreSQL: real threads, each with a connection of its own."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from tests.races.scenarios import SCENARIOS, Act, outcome_of

_PATIENCE_SECONDS = 60

pytestmark = [pytest.mark.postgresql, pytest.mark.slow]


def in_threads(acts: Sequence[Act]) -> list[str]:
    """Call the functions at the same moment, one thread each."""
    barrier = threading.Barrier(len(acts))

    def call(act: Act) -> str:
        try:
            with connection.cursor() as cursor:
                # A loaded machine may be slow: what is tested is who wins, not how fast.
                cursor.execute(f"SET lock_timeout = '{_PATIENCE_SECONDS}s'")
                cursor.execute(f"SET statement_timeout = '{_PATIENCE_SECONDS}s'")
            barrier.wait(_PATIENCE_SECONDS)
            return outcome_of(act)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(call, acts))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_rule_holds_among_threads(scenario: Callable[..., None]):
    scenario(in_threads)
