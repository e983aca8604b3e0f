"""What the kernel's tests share: a wiring of their own, actors, and a clock to move."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from kernel.ids import uuid7
from kernel.principal import Credential, CredentialKind, Origin, Principal, PrincipalKind
from kernel.wiring import Wiring, wiring
from tests.kernel import plan


@pytest.fixture
def rewire(settings) -> Iterator[Callable[[Wiring], None]]:
    """Let a test install a wiring of its own, read the way the product's is read."""
    before = plan.PLAN

    def install(wanted: Wiring) -> None:
        plan.PLAN = wanted
        settings.STEWARD_WIRING = "tests.kernel.plan.PLAN"
        wiring.cache_clear()

    yield install
    plan.PLAN = before
    wiring.cache_clear()


@pytest.fixture
def person() -> Principal:
    """A user, signed in by a key, from somewhere."""
    return Principal(
        kind=PrincipalKind.USER,
        id=uuid7(),
        label="ada",
        credential=Credential(CredentialKind.API_KEY, "key_1"),
        origin=Origin(ip="192.0.2.7", user_agent="curl/8", request_id="req-12345678"),
    )


@pytest.fixture
def in_threads() -> Callable[..., list[object]]:
    """Run functions at the same time, each with a connection of its own; return the results.

    An exception of one is its result.
    """

    def run(*functions: Callable[[], object], seconds: float = 30) -> list[object]:
        barrier = threading.Barrier(len(functions))
        results: list[object] = [None] * len(functions)

        def call(place: int, function: Callable[[], object]) -> None:
            try:
                barrier.wait(seconds)
                results[place] = function()
            except Exception as error:  # noqa: BLE001 - the test looks at it
                results[place] = error
            finally:
                with contextlib.suppress(Exception):
                    connection.close()

        threads = [
            threading.Thread(target=call, args=(place, function))
            for place, function in enumerate(functions)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(seconds)
            assert not thread.is_alive()
        return results

    return run
