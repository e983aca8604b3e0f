"""The buffer that keeps the latest of something and writes it in batches."""

import threading

import pytest
from django.db import DatabaseError

from kernel import latest
from kernel.latest import LatestBuffer


@pytest.fixture(autouse=True)
def _no_other_buffers(monkeypatch):
    monkeypatch.setattr(latest, "_all", [])


@pytest.fixture
def written():
    return []


@pytest.fixture
def make(written):
    return lambda **options: LatestBuffer(lambda batch: written.append(dict(batch)), **options)


def test_the_latest_value_of_each_name_is_written_once(make, written):
    buffer = make()
    for name, value in (("a", 1), ("b", 1), ("a", 2)):
        buffer.note(name, value)
    assert buffer.flush() == 2
    assert written == [{"a": 2, "b": 1}]
    assert buffer.flush() == 0
    assert len(written) == 1


def test_what_was_noted_lately_rests(make, written):
    buffer = make(rest_seconds=60)
    buffer.note("a", 1)
    buffer.flush()
    buffer.note("a", 2)
    buffer.note("b", 1)
    buffer.flush()
    assert written == [{"a": 1}, {"b": 1}]


def test_memory_is_bounded(make, written, monkeypatch):
    monkeypatch.setattr(latest, "_AT_MOST", 3)
    buffer, resting = make(), make(rest_seconds=60)
    for name in range(10):
        buffer.note(name, 0)
        resting.note(name, 0)
    buffer.note(0, 1)
    assert buffer.flush() == 3
    assert written[0][0] == 1
    assert len(resting._noted_at) <= 3


def test_every_buffer_is_flushed_at_once(make, written):
    make().note("a", 1)
    make().note("b", 2)
    latest.flush_all()
    assert {"a": 1} in written
    assert {"b": 2} in written


def test_the_thread_writes_by_itself_and_outlives_a_database_error(settings, monkeypatch):
    settings.STEWARD_USAGE_FLUSH_SECONDS = 0.01
    wrote, ending = threading.Event(), threading.Event()
    failures = [DatabaseError("gone")]

    def write(batch):
        if failures:
            raise failures.pop()
        wrote.set()

    monkeypatch.setattr(latest, "_ending", ending)
    monkeypatch.setattr(latest, "_thread", None)
    monkeypatch.setattr(latest.atexit, "register", lambda call: None)
    buffer = LatestBuffer(write)
    try:
        buffer.note("a", 1)
        thread = latest._thread
        assert thread is not None
        while failures:
            assert thread.is_alive()
        buffer.note("a", 2)
        assert wrote.wait(10)
        ending.set()
        thread.join(10)
        assert not thread.is_alive()
    finally:
        ending.set()


def test_the_rest_is_written_at_the_end(make, written, monkeypatch):
    monkeypatch.setattr(latest, "_ending", threading.Event())
    make().note("a", 1)
    latest._stop()
    assert {"a": 1} in written


def test_a_burst_is_written_before_its_time(make, monkeypatch, settings):
    settings.STEWARD_USAGE_FLUSH_SECONDS = 3_600
    monkeypatch.setattr(latest, "_MANY", 5)
    monkeypatch.setattr(latest, "_thread", None)
    monkeypatch.setattr(latest, "_wake", threading.Event())
    monkeypatch.setattr(latest, "_ending", threading.Event())
    monkeypatch.setattr(latest.atexit, "register", lambda _what: None)
    came = threading.Event()
    buffer = LatestBuffer(lambda batch: came.set() if len(batch) >= 5 else None)
    for name in range(4):
        buffer.note(name, name)
    assert not came.wait(0.2)
    buffer.note("fifth", 5)
    assert came.wait(10)
    latest._ending.set()
    latest._wake.set()
    latest._thread.join(10)
    assert not latest._thread.is_alive()
