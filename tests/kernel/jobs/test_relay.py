"""The relay sends wake-ups; what it cannot send waits without harm."""

import datetime as dt
import socket
import threading
import time

import pytest
import time_machine

from kernel.clock import now
from kernel.ids import uuid7
from kernel.jobs import relay as relay_module
from kernel.jobs.enqueue import enqueue
from kernel.jobs.models import Job
from kernel.jobs.relay import TASK, Relay
from kernel.tasks import run_job
from kernel.wiring import JobKind, Wiring

pytestmark = pytest.mark.django_db


@pytest.fixture
def queue(use_broker):
    """The messages that wait in a broker in this process's memory, read and removed."""
    with use_broker("memory://").connection_for_read() as broker:
        waiting = broker.SimpleQueue("celery")
        waiting.clear()

        def take():
            return [waiting.get(block=False) for _ in range(waiting.qsize())]

        yield take
        waiting.clear()
        waiting.close()


def wake_ups(queue):
    messages = queue()
    for message in messages:
        assert message.headers["task"] == TASK
        message.ack()
    return sorted(message.payload[0][0] for message in messages)


def test_each_due_row_gets_one_wake_up(queue):
    for _ in range(3):
        enqueue("x", {})
    enqueue("x", {}, due_at=now() + dt.timedelta(hours=1))
    relay = Relay()
    assert relay.publish_due() == 3
    assert relay.publish_due() == 0
    due = Job.objects.filter(published_at__isnull=False)
    assert wake_ups(queue) == sorted(str(job.pk) for job in due)


def test_a_wake_up_is_repeated_after_minutes(queue):
    enqueue("x", {})
    relay = Relay()
    relay.publish_due()
    with time_machine.travel(now() + dt.timedelta(minutes=1)):
        assert relay.publish_due() == 0
    with time_machine.travel(now() + dt.timedelta(minutes=6)):
        assert relay.publish_due() == 1


def test_an_ended_lease_is_told_once_and_at_once(queue):
    enqueue("x", {})
    relay = Relay()
    relay.publish_due()
    lease_end = now() + dt.timedelta(seconds=20)
    Job.objects.update(state="running", lease_token=uuid7(), lease_until=lease_end)
    assert relay.publish_due() == 0
    with time_machine.travel(lease_end + dt.timedelta(seconds=1)):
        assert relay.publish_due() == 1
        assert relay.publish_due() == 0


def test_the_task_runs_the_row(rewire):
    ran = []
    rewire(Wiring(jobs={"x": JobKind(lambda job: ran.append(job.pk))}))
    enqueue("x", {})
    job = Job.objects.get()
    run_job(str(job.pk))
    run_job(str(job.pk))
    assert ran == [job.pk]


@pytest.fixture
def hung_broker(use_broker):
    """Point the process at a server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        use_broker(f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        yield


@pytest.mark.usefixtures("hung_broker")
def test_a_hung_broker_costs_seconds_once_and_no_row():
    for _ in range(5):
        enqueue("x", {})
    relay = Relay()
    started = time.monotonic()
    assert relay.publish_due() == 0
    assert time.monotonic() - started < 8
    started = time.monotonic()
    assert relay.publish_due() == 0
    assert time.monotonic() - started < 0.5
    assert Job.objects.filter(published_at=None).count() == 5


def test_a_sender_that_never_returns_does_not_hold_up_the_beat(monkeypatch, use_broker):
    """Some waits of the brokers' clients have no time-out; the beat goes on inserting slots."""
    ended = threading.Event()
    app = use_broker("memory://")
    app.set_current()
    monkeypatch.setattr(relay_module, "_SEND_SECONDS", 0.2)
    monkeypatch.setattr(app, "send_task", lambda *_args, **_options: ended.wait(30))
    enqueue("x", {})
    relay = Relay()
    started = time.monotonic()
    assert relay.publish_due() == 0
    assert relay.publish_due() == 0
    assert time.monotonic() - started < 5
    assert Job.objects.filter(published_at=None).count() == 1
    ended.set()
