"""The shared cache does without Redis: nothing fails, almost nothing waits, all comes back."""

import os
import socket
import threading
import time
import uuid

import pytest
from django.core.cache import cache
from django.core.cache.backends.redis import RedisCache
from django.db import connections

from config.settings.base import redis_cache
from kernel import cache as shared
from tests.chaos.house import wait_until
from tests.chaos.proxy import Proxy

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Try a failed Redis often, and begin with guards that know of no failure."""
    monkeypatch.setattr(shared, "PROBE_SECONDS", 0.02)
    monkeypatch.setattr(shared, "_guards", {})


def use(settings, location, **options):
    made = redis_cache(location)
    settings.CACHES = {
        "default": {
            **made, "OPTIONS": {**made["OPTIONS"], **options}, "KEY_PREFIX": uuid.uuid4().hex
        }
    }  # fmt: skip


@pytest.fixture
def proxy(settings):
    """Redis behind something that fails on command; false alarms of a busy machine are rare."""
    url = settings.TEST_REDIS_URL
    port = int(url.rsplit(":", 1)[1].split("/")[0])
    made = Proxy(port)
    use(settings, url.replace(f":{port}", f":{made.port}"), socket_timeout=2)
    yield made
    made.stop()


def use_everything():
    """Call each operation once and return what they say."""
    cache.delete_many(["a", "b", "n"])
    return [
        cache.add("a", 1), cache.add("a", 2), cache.get("a"), cache.get("none", "default"),
        cache.set("b", {"x": 1}), cache.get_many(["a", "b", "none"]), cache.has_key("b"),
        cache.touch("b", 60), cache.touch("none", 60), cache.set_many({"n": 1}), cache.incr("n", 4),
        cache.decr("n", 2), cache.get_or_set("b", 0), cache.delete("a"), cache.delete("a"),
        "a" in cache, cache.set("m", 1, version=2), cache.get("m"), cache.get("m", version=2),
    ]  # fmt: skip


@pytest.mark.redis
def test_it_answers_the_same_with_redis_and_without(settings):
    use(settings, settings.TEST_REDIS_URL, socket_timeout=5)
    with_redis = use_everything()
    assert cache.guard.is_open
    with pytest.raises(ValueError, match="not found"):
        cache.incr("none")
    use(settings, NOBODY)
    assert use_everything() == with_redis
    assert not cache.guard.is_open
    with pytest.raises(ValueError, match="not found"):
        cache.incr("none")
    cache.clear()
    assert cache.get("b") is None


@pytest.mark.redis
def test_it_comes_back_by_itself(proxy):
    cache.set("x", "in redis")
    proxy.set("refuse")
    assert cache.get("x") is None
    assert not cache.guard.is_open
    proxy.heal()
    wait_until("the guard opens", lambda: cache.guard.is_open, seconds=10)
    assert cache.get("x") == "in redis"


@pytest.mark.redis
def test_a_redis_that_answers_reads_only_stays_away(proxy, monkeypatch):
    """Full memory looks like this: reads are answered, writes are refused."""
    from redis.exceptions import OutOfMemoryError

    probed = threading.Event()

    def full(*_args):
        probed.set()
        raise OutOfMemoryError

    monkeypatch.setattr(shared.SharedCache, "_probe", full)
    proxy.set("refuse")
    cache.get("x")
    proxy.heal()
    assert probed.wait(5)
    assert not cache.guard.is_open


def test_a_redis_that_hangs_costs_the_first_caller_a_tenth_of_a_second(settings, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(settings, f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        began = time.monotonic()
        assert cache.get("x") is None
        first = time.monotonic() - began
        guard = cache.guard
        assert not guard.is_open
        monkeypatch.setattr(RedisCache, "get", None)
        assert [cache.get("x") for _ in range(20)] == [None] * 20
    assert 0.05 < first < 2


def test_a_forked_process_probes_for_itself(settings):
    use(settings, NOBODY)
    cache.get("x")
    assert shared._guards
    connections.close_all()
    child = os.fork()
    if child == 0:
        os._exit(0 if not shared._guards else 1)
    assert os.waitpid(child, 0)[1] == 0
