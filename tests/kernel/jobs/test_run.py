"""A row is claimed with a lease; its effect and its end are one."""

import datetime as dt
import itertools
import threading
import time

import pytest
import time_machine
from django.db import connection, transaction

from kernel.clock import now
from kernel.ids import uuid7
from kernel.jobs.enqueue import enqueue
from kernel.jobs.models import MAX_ATTEMPTS, Job
from kernel.jobs.run import retry, run
from kernel.jobs.sweep import sweep
from kernel.mail.models import Mail
from kernel.wiring import JobKind, Wiring

pytestmark = pytest.mark.django_db


def effect(job):
    """Leave a row that can be counted."""
    key = uuid7()
    Mail.objects.create(
        template=job.payload["name"], message_id=key.hex, recipient="a@b.c", created_at=now()
    )


def refuse(job):
    effect(job)
    raise ValueError(f"cannot {job.payload['name']} with token=hunter2hunter2")


def effects():
    return Mail.objects.count()


@pytest.fixture(autouse=True)
def kinds(rewire):
    rewire(
        Wiring(
            jobs={
                "good": JobKind(effect),
                "bad": JobKind(refuse),
                "outside": JobKind(effect, transactional=False),
                "outside_bad": JobKind(refuse, transactional=False),
            }
        )
    )


def put(kind="good", **options):
    enqueue(kind, {"name": kind}, **options)
    return Job.objects.latest("created_at", "id")


def test_a_due_row_is_run_once():
    job = put()
    assert run(job.pk)
    assert not run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts, effects()) == ("done", 1, 1)
    assert job.done_at is not None
    assert job.lease_until is None


def test_a_row_is_not_run_before_it_is_due():
    job = put(due_at=now() + dt.timedelta(minutes=5))
    assert not run(job.pk)
    with time_machine.travel(now() + dt.timedelta(minutes=6)):
        assert run(job.pk)


def test_an_unknown_row_is_left_alone():
    assert not run(uuid7())


def test_a_repeated_cause_has_one_row():
    enqueue("good", {}, unique_key="cause:1")
    enqueue("good", {}, unique_key="cause:1")
    assert Job.objects.count() == 1


def test_a_failure_undoes_the_effect_and_is_tried_again_later():
    job = put("bad")
    assert not run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts, effects()) == ("due", 1, 0)
    assert dt.timedelta(0) < job.due_at - now() < dt.timedelta(seconds=3)
    assert "ValueError: cannot bad" in job.last_error
    assert not run(job.pk)


def test_a_secret_in_a_failure_is_not_kept():
    job = put("bad")
    Job.objects.filter(pk=job.pk).update(payload={"name": "x?token=hunter2hunter2"})
    run(job.pk)
    job.refresh_from_db()
    assert "?token=[redacted]" in job.last_error


def test_a_failure_outside_keeps_what_happened():
    job = put("outside_bad")
    assert not run(job.pk)
    job.refresh_from_db()
    assert (job.state, effects()) == ("due", 1)


def test_a_row_of_an_unknown_kind_is_kept_with_its_error():
    job = put("nobody_knows")
    assert not run(job.pk)
    job.refresh_from_db()
    assert "KeyError" in job.last_error


def attempts_until_dead(job):
    """Run the row each time that it becomes due; return the moments of the attempts."""
    moments = []
    for _ in range(MAX_ATTEMPTS + 3):
        job.refresh_from_db()
        if job.state == "dead":
            break
        with time_machine.travel(job.due_at + dt.timedelta(seconds=1), tick=False):
            moments.append(now())
            run(job.pk)
    return moments


def test_a_poison_row_is_dead_after_eight_attempts_and_keeps_its_traceback():
    job = put("bad")
    moments = attempts_until_dead(job)
    job.refresh_from_db()
    assert (job.state, job.attempts, len(moments)) == ("dead", 8, 8)
    assert "Traceback" in job.last_error
    assert not run(job.pk)


def test_pauses_grow_so_that_half_a_day_of_trouble_is_outlived():
    moments = attempts_until_dead(put("bad"))
    pauses = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert pauses == sorted(pauses)
    assert pauses[0] < dt.timedelta(seconds=5)
    assert moments[-1] - moments[0] > dt.timedelta(hours=7)


def test_a_row_that_kills_its_process_is_dead_after_eight_attempts(settings):
    """Each attempt is counted by the claim, so nobody needs to live to count it."""
    job = put()
    moment = now()
    for _ in range(MAX_ATTEMPTS):
        # What a process that was killed in the middle of its row leaves behind.
        Job.objects.filter(pk=job.pk).update(
            state="running", attempts=job.attempts + 1, lease_until=moment
        )
        job.refresh_from_db()
    with time_machine.travel(moment + dt.timedelta(seconds=1)):
        assert not run(job.pk)
    job.refresh_from_db()
    assert (job.state, effects()) == ("dead", 0)
    assert job.last_error == "Its worker died at every attempt."


def test_a_dead_row_gets_another_life():
    job = put("bad")
    attempts_until_dead(job)
    retry(job)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.published_at) == ("due", 0, None)
    done = put()
    run(done.pk)
    retry(done)
    done.refresh_from_db()
    assert done.state == "done"


def test_a_held_row_is_left_alone_until_its_lease_ends(settings):
    settings.STEWARD_JOB_LEASE_SECONDS = 60
    job = put()
    Job.objects.filter(pk=job.pk).update(
        state="running",
        attempts=1,
        lease_token=uuid7(),
        lease_until=now() + dt.timedelta(minutes=1),
    )
    assert not run(job.pk)
    with time_machine.travel(now() + dt.timedelta(minutes=2)):
        assert run(job.pk)
    job.refresh_from_db()
    assert (job.attempts, effects()) == (2, 1)


@pytest.mark.parametrize("ending", ["good", "bad"])
def test_a_worker_that_lost_its_lease_changes_nothing(rewire, ending):
    """The second worker's token fences the first one off, whatever the first does then."""
    second = uuid7()

    def lose_the_lease(job):
        effect(job)
        Job.objects.filter(pk=job.pk).update(lease_token=second)
        if ending == "bad":
            raise ValueError

    rewire(Wiring(jobs={"slow": JobKind(lose_the_lease, transactional=False)}))
    job = put("slow")
    assert not run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.lease_token, job.last_error) == ("running", second, "")


def test_the_sweep_runs_what_is_due_oldest_first(rewire):
    order = []
    rewire(Wiring(jobs={"good": JobKind(lambda job: order.append(job.payload["n"]))}))
    moment = now()
    for number in (3, 1, 2):
        enqueue("good", {"n": number}, due_at=moment - dt.timedelta(seconds=10 - number))
    assert sweep(limit=2) == 2
    assert sweep() == 1
    assert order == [1, 2, 3]


def test_the_sweep_gives_wake_ups_their_time():
    put()
    assert sweep(older_than_seconds=30) == 0
    with time_machine.travel(now() + dt.timedelta(minutes=1)):
        assert sweep(older_than_seconds=30) == 1


def test_the_sweep_ends_between_two_rows():
    for _ in range(5):
        put()
    assert sweep(is_ending=lambda: effects() == 2) == 2


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_workers_that_want_the_same_row_run_it_once(in_threads):
    for _ in range(10):
        job = put()
        results = in_threads(*[lambda pk=job.pk: run(pk)] * 8)
        assert sorted(map(bool, results)) == [False] * 7 + [True]
    assert effects() == 10
    assert set(Job.objects.values_list("state", "attempts")) == {("done", 1)}


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_row_that_outlives_its_lease_has_one_effect_and_holds_nobody_up(
    rewire, settings, in_threads
):
    """The first worker is in the middle of its row when the lease ends; the second looks."""
    settings.STEWARD_JOB_LEASE_SECONDS = -1
    began, may_end = threading.Event(), threading.Event()

    def slow(job):
        effect(job)
        began.set()
        assert may_end.wait(20)

    rewire(Wiring(jobs={"slow": JobKind(slow), "good": JobKind(effect)}))
    put("slow")
    job, other = Job.objects.get(), put("good")

    def second():
        assert began.wait(20)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '300ms'")
                return sweep()
        finally:
            may_end.set()

    assert in_threads(lambda: run(job.pk), second) == [True, 1]
    assert effects() == 2
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}
    assert other.kind == "good"


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_hundred_rows_are_run_quickly():
    for _ in range(200):
        put()
    started = time.monotonic()
    assert sweep(limit=200) == 200
    assert time.monotonic() - started < 10
    assert effects() == 200
