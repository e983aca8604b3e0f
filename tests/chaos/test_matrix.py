"""Each dependency in each way of failing, under load: four times eight cells.

In every cell: only a 503 that says when to come back (or nothing but success, where requests do
without the dependency), nothing slower than a stated limit, `/readyz` tells the truth; after
the fault all is well again within thirty seconds, and nothing is lost, doubled or from nowhere.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from amqp import Connection
from django.conf import settings

from tests.chaos.conftest import WHOLE
from tests.chaos.house import House, built, wait_until
from tests.chaos.ledger import Ledger, Outcome
from tests.chaos.load import ALL_KINDS, Load
from tests.chaos.proxy import Mode, Proxy
from tests.chaos.verdict import judge, percentile, quiesce

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

FAULT_SECONDS = 8.0 if WHOLE else 3.0
HEALTHY_SECONDS = 3.0 if WHOLE else 1.5
RECOVERY_SECONDS = 30.0
ACKED_AGAIN = 8
"""So many successes in a row make the service well again."""

_FIGURES: dict[Mode, dict[str, Any]] = {
    Mode.DELAY: {"seconds": 0.1, "jitter": 0.05},
    Mode.RATE: {"bytes_per_second": 20_000},
    Mode.CUT: {"after_bytes": 2_000},
}
_KINDS = tuple(kind for kind in ALL_KINDS if kind not in ("key", "revoke"))
"""Without keys: a person has a limited number, and cells share one installation."""
_MODES = [mode for mode in Mode if mode != Mode.PASS]
_GONE = {Mode.BLACKHOLE, Mode.REFUSE, Mode.RESET, Mode.HALF}
"""Modes in which the dependency cannot be reached at all."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """What is failed, and what requests may meet meanwhile."""

    name: str
    is_needed: bool
    """Whether requests need it; the others must not even notice."""
    slowest_seconds: float


DEPENDENCIES = {
    "postgresql": Dependency("postgresql", is_needed=True, slowest_seconds=20),
    "redis": Dependency("redis", is_needed=False, slowest_seconds=5),
    "smtp": Dependency("smtp", is_needed=False, slowest_seconds=5),
    "rabbitmq": Dependency("rabbitmq", is_needed=False, slowest_seconds=5),
}
_QUICK = {
    ("postgresql", Mode.HALF), ("redis", Mode.BLACKHOLE), ("rabbitmq", Mode.HALF),
}  # fmt: skip
CELLS = [
    pytest.param(name, mode, id=f"{name}-{mode}",
                 marks=[pytest.mark.rabbitmq] if name == "rabbitmq" or not WHOLE else [])
    for name in DEPENDENCIES
    for mode in [*_MODES, Mode.PASS]
    if WHOLE or (name, mode) in _QUICK
]  # fmt: skip


@dataclass
class Laboratory:
    """An installation whose every way to a dependency leads through a proxy."""

    house: House
    proxies: dict[str, Proxy]


@pytest.fixture(scope="module")
def with_redis(tmp_path_factory) -> Iterator[Laboratory]:
    """Redis is cache and broker."""
    with built(tmp_path_factory.mktemp("redis")) as house, _laboratory(house) as made:
        yield made


@pytest.fixture(scope="module")
def with_rabbitmq(tmp_path_factory) -> Iterator[Laboratory]:
    """RabbitMQ is the broker, with a queue of our own on the server that all share."""
    with built(tmp_path_factory.mktemp("rabbitmq")) as house:
        queue = f"steward-chaos-{house.web_port}"
        broker = urlsplit(settings.TEST_AMQP_URL)
        proxy = Proxy(broker.port or 5672)
        house.told["CELERY_BROKER_URL"] = (
            f"amqp://{broker.username}:{broker.password}@127.0.0.1:{proxy.port}{broker.path}"
        )
        house.told["STEWARD_JOB_QUEUE"] = queue
        try:
            with _laboratory(house, rabbitmq=proxy) as made:
                yield made
        finally:
            _forget(queue)


@contextmanager
def _laboratory(house: House, **further: Proxy) -> Iterator[Laboratory]:
    """Put proxies before the dependencies and start everything."""
    house.prepare()
    house.start_redis()
    database = urlsplit(house.database_url)
    proxies = {
        "postgresql": Proxy(database.port or 5432),
        "redis": Proxy(house.redis_port),
        "smtp": Proxy(house.sink.port),
        **further,
    }
    redis = f"redis://127.0.0.1:{proxies['redis'].port}"
    house.told = {
        "DATABASE_URL": house.service_url.replace(
            f"127.0.0.1:{database.port}", f"127.0.0.1:{proxies['postgresql'].port}"
        ),
        "REDIS_URL": f"{redis}/1",
        "CELERY_BROKER_URL": f"{redis}/0",
        "EMAIL_URL": f"smtp://127.0.0.1:{proxies['smtp'].port}",
        # Longer than the mail server's time-out: a lease that ends while its holder still
        # waits is a fault of another test.
        "STEWARD_JOB_LEASE_SECONDS": "15",
        **house.told,
    }
    assert str(proxies["postgresql"].port) in house.told["DATABASE_URL"]
    try:
        house.start_web()
        house.populate()
        house.start_beat()
        house.start_worker()
        yield Laboratory(house, proxies)
    finally:
        house.stop(house.running)
        house.running.clear()
        for proxy in proxies.values():
            proxy.stop()


def _forget(queue: str) -> None:
    """Delete our queue, and the exchange that Celery made for it."""
    broker = urlsplit(settings.TEST_AMQP_URL)
    with Connection(
        f"{broker.hostname}:{broker.port or 5672}", userid=broker.username or "guest",
        password=broker.password or "guest", virtual_host=broker.path[1:] or "/",
    ) as connection:  # fmt: skip
        channel = connection.channel()
        channel.queue_delete(queue)
        channel.exchange_delete(queue)


@pytest.mark.parametrize(("name", "mode"), CELLS)
def test_cell(name, mode, request, tmp_path, line):
    dependency = DEPENDENCIES[name]
    # The quick form does with one installation.
    on_rabbitmq = name == "rabbitmq" or not WHOLE
    laboratory = request.getfixturevalue("with_rabbitmq" if on_rabbitmq else "with_redis")
    house, proxy = laboratory.house, laboratory.proxies[name]
    line.name = f"{name} x {mode}"
    line.criterion = (
        f"lost, doubled, ghosts 0; recovery <= {RECOVERY_SECONDS:.0f} s; "
        + ("only 503 with Retry-After" if dependency.is_needed else "no refusal")
        + f"; nothing slower than {dependency.slowest_seconds:.0f} s"
    )
    ledger = Ledger(tmp_path / "ledger")
    load = Load(house, ledger, kinds=_KINDS)
    with load.running():
        began = time.monotonic()
        _pass(HEALTHY_SECONDS)
        wait_until("the load is acknowledged", lambda: load.acked_since(began), seconds=30)
        failed = time.monotonic()
        proxy.set(mode, **_FIGURES.get(mode, {}))
        try:
            _pass(FAULT_SECONDS - 1)
            ready = house.ready()
            _pass(failed + FAULT_SECONDS - time.monotonic())
            touched = proxy.touched
        finally:
            proxy.heal()
        healed = time.monotonic()
        try:
            wait_until(
                "the service is well again",
                lambda: _is_well(load, house, healed),
                seconds=RECOVERY_SECONDS,
            )
        finally:
            # What was sent while it failed is answered by now, or has no answer.
            _figures(line, load, began, failed, healed)
        well = time.monotonic()
    load.settle(seconds=RECOVERY_SECONDS)
    quiesce(house, seconds=max(1, healed + 2 * RECOVERY_SECONDS - time.monotonic()))
    line.recovery_seconds = well - healed
    line.extra["work done after"] = f"{time.monotonic() - healed:.1f} s"
    line.take(judge(house, ledger.path, invariants=mode == Mode.PASS))
    assert not load.count(Outcome.UNKNOWN), "an operation is still of unknown outcome"
    assert touched or mode == Mode.PASS, "the fault met nobody"
    _check_answers(load, dependency, failed, healed)
    _check_readiness(name, mode, ready, is_broker=name == "rabbitmq" or not on_rabbitmq)
    if name not in ("smtp", "postgresql"):
        assert line.mails_again == 0


@pytest.mark.rabbitmq
def test_the_invariants_hold_after_all_that(request, line):
    for name in ("with_redis", "with_rabbitmq") if WHOLE else ("with_rabbitmq",):
        laboratory = request.getfixturevalue(name)
        assert "invariants hold" in laboratory.house.manage("check_invariants")
        laboratory.house.manage("verify_audit_log")
    line.criterion = "check_invariants and verify_audit_log find nothing"


def _pass(seconds: float) -> None:
    """Let the load run for a while: the length of a fault is what is tested."""
    time.sleep(max(0.0, seconds))


def _is_well(load: Load, house: House, healed: float) -> bool:
    """Whether requests succeed again, one after the other, and nothing is amiss."""
    newest = load.between(healed, float("inf"))[-ACKED_AGAIN:]
    if len(newest) < ACKED_AGAIN or not all(200 <= a.status < 300 for a in newest):
        return False
    status, body = house.ready()
    return status == 200 and all(
        check["status"] == "ok" for check in body["checks"].values()
    )


def _figures(line, load: Load, began: float, failed: float, healed: float) -> None:
    """Fill in how long answers took, healthy and while it failed, and the worst of them."""
    for name, start, end in (("healthy", began, failed), ("failing", failed, healed)):
        seconds = [a.seconds for a in load.between(start, end)]
        line.extra[f"{name} p50/p99"] = (
            f"{percentile(seconds, 0.5) * 1000:.0f}/{percentile(seconds, 0.99) * 1000:.0f} ms"
        )
    # With those that were under way when it began.
    during = load.between(failed - 1, healed)
    if during:
        worst = max(during, key=lambda a: (bool(a.fault), not 200 <= a.status < 300, a.seconds))
        slowest = max(a.seconds for a in during)
        line.worst_answer = f"{worst.fault or worst.status}, {slowest:.1f} s"


def _check_answers(load: Load, dependency: Dependency, failed: float, healed: float) -> None:
    # What was sent shortly before the fault may have met it.
    met = load.between(failed - 1, healed)
    assert met
    assert not [a for a in met if a.fault], [a for a in met if a.fault][:5]
    allowed = {503} if dependency.is_needed else set()
    odd = [a for a in met if not 200 <= a.status < 300 and a.status not in allowed]
    assert not odd, odd[:5]
    assert max(a.seconds for a in met) <= dependency.slowest_seconds


def _check_readiness(
    name: str, mode: Mode, ready: tuple[int, dict[str, Any]], *, is_broker: bool
) -> None:
    """What was said before the fault ended must have been so."""
    status, body = ready
    if name == "postgresql":
        if mode in _GONE:
            assert status != 200, body
        return
    assert status == 200, body
    checks = body["checks"]
    assert checks["database"]["status"] == "ok"
    is_broker = is_broker and name in ("redis", "rabbitmq")
    if is_broker and mode in _GONE:
        assert checks["broker"]["status"] == "warning", body
    elif mode == Mode.PASS or not is_broker:
        assert checks["broker"]["status"] == "ok", body
