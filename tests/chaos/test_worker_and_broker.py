"""Nothing acknowledged is lost and nothing doubled when workers and brokers fail.

Real processes: web, worker, beat, Redis, a mail server; the faults are signals.
"""

import os
import signal

import pytest

from tests.chaos.conftest import WHOLE, whole_only
from tests.chaos.house import House, kill_nine, wait_until

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]
INVITED = 200 if WHOLE else 60
KILLS = 4 if WHOLE else 2


@pytest.fixture
def house(serving) -> House:
    return serving


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


@whole_only  # f02 kills workers, too
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
