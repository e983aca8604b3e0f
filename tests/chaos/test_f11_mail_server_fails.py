"""Failure 11: the mail server refuses, is busy, hangs, or takes a mail and loses its answer."""

import time

import pytest

from tests.chaos.conftest import WHOLE
from tests.chaos.house import wait_until
from tests.chaos.load import Caller, Load
from tests.chaos.proxy import Proxy
from tests.chaos.verdict import judge, quiesce

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

MAILS = 40 if WHOLE else 15
WAYS = ["refuses", "is-busy", "hangs-after-data", "drops-its-answer"] if WHOLE else ["is-busy"]
QUICK_PAUSES = {"STEWARD_JOB_PAUSES_SECONDS": "0.2"}


@pytest.fixture
def way_to_the_sink(serving):
    proxy = Proxy(serving.sink.port)
    yield proxy
    proxy.stop()


@pytest.mark.parametrize("way", WAYS)
def test_f11_a_mail_server_that_fails_costs_no_mail(serving, way_to_the_sink, ledger, line, way):
    line.name = f"f11 the mail server {way.replace('-', ' ')}"
    line.criterion = "0 lost; the same Message-ID again only where the answer was lost"
    proxy, sink = way_to_the_sink, serving.sink
    # A lease longer than the time-out of a mail server that hangs.
    mailing = {
        "EMAIL_URL": f"smtp://127.0.0.1:{proxy.port}", "STEWARD_JOB_LEASE_SECONDS": "15",
        "STEWARD_JOB_PAUSES_SECONDS": "1,2,4",
    }  # fmt: skip
    if way == "refuses":
        proxy.set("refuse")
    elif way == "is-busy":
        sink.answer = "451 Come back later"
    elif way == "hangs-after-data":
        sink.may_answer.clear()
    else:
        sink.drops = True
    serving.start_beat()
    serving.start_worker(**mailing)
    load = Load(serving, ledger, kinds=("invite",), threads=2)
    with load.running():
        wait_until("they are invited", lambda: len(load.operations) >= MAILS, seconds=60)
    wait_until("it met the fault", lambda: _has_failed(serving, ledger.prefix), seconds=60)
    sink.behave()
    proxy.heal()
    healed = time.monotonic()
    quiesce(serving, seconds=60)
    line.recovery_seconds = time.monotonic() - healed
    line.take(judge(serving, ledger.path))
    if way in ("refuses", "is-busy"):
        assert line.mails_again == 0
    assert max(sink.received.values()) <= 8


def _has_failed(house, prefix: str) -> bool:
    """Whether an attempt ended without success, as the mail's row tells administrators."""
    (row,) = house.ask(
        "SELECT count(*) FROM kernel_mail WHERE recipient LIKE %s AND error <> ''", [f"{prefix}-%"]
    )
    return bool(row[0])


def test_f11_a_mail_that_never_went_out_is_shown_and_can_be_sent_again(serving, ledger, line):
    line.criterion = "dead after 8 attempts, state 'failed' with the reason; resend delivers"
    serving.sink.answer = "550 No such mailbox"
    serving.start_beat()
    serving.start_worker(**QUICK_PAUSES)
    load = Load(serving, ledger, kinds=("invite",), threads=1)
    with load.running():
        wait_until("somebody is invited", lambda: load.operations, seconds=30)
    operation = load.operations[0]
    address = f"{operation.id}@example.com"

    def mails() -> list[tuple[str, str]]:
        found = "SELECT state, error FROM kernel_mail WHERE recipient = %s ORDER BY created_at"
        return [(state, error) for state, error in serving.ask(found, [address])]

    wait_until(
        "it is undelivered", lambda: [state for state, _ in mails()] == ["failed"], seconds=60
    )
    assert "550" in mails()[0][1]
    (job,) = serving.ask(
        "SELECT job.state, job.attempts FROM kernel_job job JOIN kernel_mail mail "
        "ON job.unique_key = 'kernel.mail.send:' || mail.id WHERE recipient = %s", [address]
    )  # fmt: skip
    assert job == ("dead", 8)
    serving.sink.behave()
    caller = Caller(serving)
    status, found, _ = caller.send("GET", "invitations")
    (invitation,) = [row["id"] for row in found["data"] if row["email"] == address]
    status, _, _ = caller.send("POST", f"invitations/{invitation}/resend")
    caller.close()
    assert status == 200
    wait_until(
        "it is sent", lambda: [state for state, _ in mails()] == ["failed", "sent"], seconds=60
    )
    assert address in serving.sink.recipients
    serving.manage("jobs", "--retry", "all")
    wait_until("no job is dead", lambda: _dead(serving) == 0, seconds=60)
    line.acked = len(load.operations)


def _dead(house) -> int:
    (row,) = house.ask("SELECT count(*) FROM kernel_job WHERE state <> 'done'")
    return int(row[0])
