"""Nothing acknowledged is lost and nothing doubled when workers and brokers fail.

Real processes: web, worker, beat, Redis, a mail server; the faults are signals.
"""

import os
import signal
import statistics
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.house import House, built, kill_nine, wait_until

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]
INVITED = 200
KILLS = 4


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Iterator[House]:
    """One installation with web server and Redis; workers and beats come with each test."""
    with built(tmp_path_factory.mktemp("house")) as made:
        made.prepare()
        made.start_redis()
        made.start_web()
        yield made


@pytest.fixture
def house(installation) -> Iterator[House]:
    with installation.on_its_own():
        yield installation


def addresses(prefix: str, count: int = INVITED) -> list[str]:
    return [f"{prefix}{number}@example.com" for number in range(count)]


def quiet(house: House) -> bool:
    return house.unfinished() == 0


def check(house: House, invited: list[str]) -> None:
    """Compare what was acknowledged with what happened."""
    assert house.sink.recipients == set(invited)
    assert len(house.sink.received) == len(invited)
    mails = house.ask("SELECT recipient, message_id, state FROM kernel_mail")
    sent = {message_id: state for recipient, message_id, state in mails if recipient in invited}
    assert sent == dict.fromkeys(house.sink.received, "sent")
    told = house.ask("SELECT target_label FROM kernel_event WHERE type LIKE '%invitation.created'")
    assert sorted(row[0] for row in told if row[0] in invited) == sorted(invited)
    assert "invariants hold" in house.manage("check_invariants")
    assert "all links hold" in house.manage("verify_audit_log")


def test_a_worker_that_is_killed_again_and_again_loses_no_invitation(house, record_property):
    house.start_beat()
    worker = house.start_worker()
    house.invite(*addresses("guest"))
    kills = 0
    while kills < KILLS:
        seen = house.sink.received.total()
        wait_until(
            "the worker delivers some more",
            lambda seen=seen: house.sink.received.total() >= min(seen + 12, INVITED),
            seconds=40,
        )
        kill_nine(worker)
        kills += 1
        worker = house.start_worker()
    wait_until("every row is done", lambda: quiet(house), seconds=60)
    check(house, addresses("guest"))
    # Killed between the mail server's answer and its own note, a worker sends again; the
    # message has the same id then (check counted the ids).
    record_property("duplicates", house.sink.duplicates)
    assert house.sink.duplicates <= kills * 3


def test_a_frozen_broker_slows_no_request_and_loses_nothing(house, record_property):
    house.start_beat()
    house.start_worker()

    def invite_all(names: list[str]) -> list[float]:
        with ThreadPoolExecutor(4) as pool:
            return sorted(pool.map(house.invite, names))

    invite_all(addresses("warm", 20))
    healthy = invite_all(addresses("healthy", 100))
    wait_until("every row is done", lambda: quiet(house), seconds=60)
    house.sink.forget()
    house.redis.send_signal(signal.SIGSTOP)
    frozen = invite_all(addresses("frozen"))
    house.redis.send_signal(signal.SIGCONT)
    wait_until(
        "every mail is there", lambda: len(house.sink.received) >= INVITED, seconds=30
    )
    wait_until("every row is done", lambda: quiet(house), seconds=30)
    check(house, addresses("frozen"))
    assert set(house.sink.received.values()) == {1}
    for name, times in (("healthy", healthy), ("frozen", frozen)):
        p99 = times[int(len(times) * 0.99) - 1]
        record_property(f"{name}_ms", f"p50 {statistics.median(times) * 1000:.0f}, "
                        f"p99 {p99 * 1000:.0f}, max {times[-1] * 1000:.0f}")
    assert frozen[-1] < 2


@pytest.mark.parametrize(
    ("number", "status", "is_woken"),
    # Celery's status for an end by Ctrl-C is 1.
    [(signal.SIGTERM, 0, True), (signal.SIGINT, 1, False)],
    ids=["woken-SIGTERM", "swept-SIGINT"],
)
def test_a_worker_that_is_asked_to_end_finishes_its_row(house, number, status, is_woken):
    house.sink.may_answer.clear()
    worker = house.start_worker()
    if is_woken:
        house.start_beat()
    guest = f"{number.name.lower()}@example.com"
    house.invite(guest)
    wait_until("a mail is under way", house.sink.in_hand.is_set, seconds=40)
    os.kill(worker.pid, number)
    wait_until(
        "the worker takes notice", lambda: "hutdown" in house.log("worker"), seconds=20
    )
    assert worker.poll() is None
    house.sink.may_answer.set()
    assert worker.wait(20) == status
    assert house.sink.received.total() == 1
    done = (
        "SELECT mail.state, job.state, job.attempts FROM kernel_mail mail "
        "JOIN kernel_job job ON job.unique_key = 'kernel.mail.send:' || mail.id "
        f"WHERE recipient = '{guest}'"
    )
    assert house.ask(done) == [("sent", "done", 1)]


def test_a_worker_whose_broker_is_away_delivers_all_the_same(house):
    house.start_worker(CELERY_BROKER_URL="redis://127.0.0.1:1/0")
    house.invite(*addresses("alone", 10))
    wait_until("every row is done", lambda: quiet(house), seconds=60)
    check(house, addresses("alone", 10))


def test_two_beats_insert_each_slot_once_and_it_is_run_once(house):
    house.ask("DELETE FROM kernel_job WHERE unique_key LIKE 'slot:%' RETURNING id")
    connections = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )
    before = house.ask(connections)[0][0]
    beats = [house.start_beat(), house.start_beat()]
    wait_until("both beats work", lambda: house.ask(connections)[0][0] >= before + 2, seconds=40)
    house.start_worker()
    wait_until("the slots are done", lambda: quiet(house) and _slots(house), seconds=40)
    assert all(beat.poll() is None for beat in beats)
    twice = (
        "SELECT kind, payload FROM kernel_job WHERE unique_key LIKE 'slot:%' "
        "GROUP BY kind, payload HAVING count(*) > 1"
    )
    assert house.ask(twice) == []
    attempts = "SELECT DISTINCT state, attempts FROM kernel_job WHERE unique_key LIKE 'slot:%'"
    assert house.ask(attempts) == [("done", 1)]


def _slots(house: House) -> int:
    (row,) = house.ask("SELECT count(*) FROM kernel_job WHERE unique_key LIKE 'slot:%'")
    return int(row[0])
