"""Limits: sliding, shared, and still there when Redis is not."""

import datetime as dt
import threading
import uuid

import pytest
import time_machine

from config.settings.base import redis_cache
from kernel import throttle
from kernel.errors import Throttled
from kernel.throttle import check, hit, require

START = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)


def use(settings, location):
    """Use another cache: the product's, which is more patient here than there."""
    patient = {"OPTIONS": {"socket_timeout": 5, "socket_connect_timeout": 5}}
    own = {"KEY_PREFIX": uuid.uuid4().hex}
    settings.CACHES = {"default": {**redis_cache(location), **patient, **own}}


@pytest.fixture
def redis(settings):
    """Use the real one; the prefix keeps test processes apart."""
    use(settings, settings.TEST_REDIS_URL)


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as moving:
        yield moving


def test_up_to_the_limit_and_no_further(clock):
    verdicts = [hit("s", "k", 3, 60) for _ in range(5)]
    assert [v.allowed for v in verdicts] == [True, True, True, False, False]
    assert [v.remaining for v in verdicts] == [2, 1, 0, 0, 0]
    assert verdicts[0].reset_seconds == 60
    assert verdicts[3].retry_after_seconds > 0


def test_callers_and_scopes_do_not_share(clock):
    hit("s", "k", 1, 60)
    assert hit("s", "other", 1, 60).allowed
    assert hit("t", "k", 1, 60).allowed


def test_a_check_counts_nothing(clock):
    assert all(check("s", "k", 1, 60).allowed for _ in range(5))
    assert hit("s", "k", 1, 60).allowed
    assert not check("s", "k", 1, 60).allowed


def test_no_limit_is_no_limit():
    verdict = hit("s", "k", 0, 60)
    assert (verdict.allowed, verdict.limit) == (True, 0)


def test_whoever_is_over_is_told_so_in_seconds(clock):
    require("s", "k", 1, 60)
    with pytest.raises(Throttled, match=r"Wait \d+ seconds") as caught:
        require("s", "k", 1, 60)
    assert caught.value.retry_after_seconds > 0


@pytest.mark.parametrize("limit", [1, 2, 5, 10])
@pytest.mark.parametrize("offset", [0, 13, 59])
def test_who_waits_as_told_is_let_in_and_who_does_not_is_not(clock, limit, offset):
    clock.shift(offset)
    while hit("s", "k", limit, 60).allowed:
        pass
    wait = hit("s", "k", limit, 60).retry_after_seconds
    if wait > 1:
        clock.shift(wait - 1.5)
        assert not check("s", "k", limit, 60).allowed
        clock.shift(1.5)
    else:
        clock.shift(wait)
    assert hit("s", "k", limit, 60).allowed


def test_the_window_slides(clock):
    """At no moment are there twice as many as the limit around a border of windows."""
    clock.shift(59)
    for _ in range(10):
        hit("s", "k", 10, 60)
    clock.shift(2)
    allowed = sum(hit("s", "k", 10, 60).allowed for _ in range(10))
    assert allowed <= 1
    clock.shift(30)
    assert sum(hit("s", "k", 10, 60).allowed for _ in range(10)) <= 6


def test_what_is_refused_is_not_counted(clock):
    for _ in range(100):
        hit("s", "k", 2, 60)
    clock.shift(121)
    assert hit("s", "k", 2, 60).allowed


@pytest.mark.redis
@pytest.mark.usefixtures("redis")
def test_redis_counts_for_everybody(clock):
    assert [hit("s", "k", 2, 60).allowed for _ in range(3)] == [True, True, False]
    assert not check("s", "k", 2, 60).allowed
    clock.shift(60)
    assert not check("s", "k", 2, 60).allowed
    clock.shift(61)
    assert check("s", "k", 2, 60).allowed


@pytest.mark.redis
@pytest.mark.usefixtures("redis")
def test_many_at_once_are_not_more_than_the_limit(clock):
    allowed = []
    barrier = threading.Barrier(8)

    def many():
        barrier.wait(10)
        allowed.extend(hit("s", "k", 25, 60).allowed for _ in range(10))

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sum(allowed) == 25


def test_without_redis_each_process_counts_for_itself(settings, clock):
    use(settings, "redis://127.0.0.1:1/0")
    assert [hit("s", "k", 2, 60).allowed for _ in range(3)] == [True, True, False]


def test_a_counter_that_ends_between_two_steps_is_begun_again(monkeypatch):
    """Another process adds the counter between our reading and our adding."""

    class Cache:
        def __init__(self):
            self.calls = []

        def incr(self, name):
            self.calls.append("incr")
            if len(self.calls) == 1:
                raise ValueError
            return 7

        def add(self, *_args):
            self.calls.append("add")
            return False

    other = Cache()
    monkeypatch.setattr(throttle, "cache", other)
    assert throttle._increase("n", 60) == 7
    assert other.calls == ["incr", "add", "incr"]
