"""Failure 19: processes are told to end, one after the other, and nobody notices."""

import http.client
import os
import signal
import threading
from collections.abc import Iterator

import psycopg
import pytest

from tests.chaos.house import House, free_port, wait_until
from tests.chaos.ledger import Ledger
from tests.chaos.row import Clients, Row, request, two_in_a_row
from tests.chaos.verdict import judge, percentile, quiesce

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]


@pytest.fixture
def row(shared_house) -> Iterator[Row]:
    with two_in_a_row(shared_house) as made:
        yield made


def test_processes_are_replaced_one_by_one_and_no_request_fails(row, line, whole, tmp_path):
    rounds = 20 if whole else 2
    line.name = f"19 {rounds} rolling restarts"
    line.criterion = "0 failed requests, 0 doubled jobs, exit status 0"
    house, statuses = row.house, []
    house.start_beat()
    worker = house.start_worker()
    with Clients(house, Ledger(tmp_path / "ledger")) as clients:
        for number in range(rounds):
            port = row.ports[number % 2]
            statuses.append(row.end(port))
            if number % 4 == 1:
                worker.send_signal(signal.SIGTERM)
                statuses.append(worker.wait(60))
                worker = house.start_worker()
            row.start(port)
    assert statuses == [0] * len(statuses)
    assert clients.failures == []
    quiesce(house, seconds=180)
    line.extra = {
        "requests": len(clients.seconds),
        "p99 ms": round(percentile(clients.seconds, 0.99) * 1000),
        "worst ms": round(max(clients.seconds) * 1000),
    }
    line.take(judge(house, clients.ledger.path))
    assert line.mails_again == 0


def test_a_request_under_way_is_finished_and_the_next_is_not_accepted(row, line):
    line.name = "19 a request under way at SIGTERM"
    line.criterion = "answered; /readyz 503 at once; nothing accepted after the delay; exit 0"
    house, (port, _) = row.house, row.ports
    house.web_port = port
    path = f"/api/v1/organizations/{house.slug}"
    answers: list[int] = []

    def rename() -> None:
        answers.append(request(house, "PATCH", path, {"name": "Renamed"})[0])

    with psycopg.connect(house.database_url) as holder:
        holder.execute("SELECT 1 FROM orgs_organization FOR UPDATE")
        asking = threading.Thread(target=rename)
        asking.start()
        wait_until("the request waits", lambda: waits_for_lock(house), seconds=30)
        process = row.processes.pop(port)
        process.send_signal(signal.SIGTERM)
        wait_until("it says so", lambda: house.ready()[0] == 503, seconds=5)
        assert house.ready()[1]["checks"]["serving"]["status"] == "failed"
        wait_until("nothing is accepted", lambda: not accepts(port), seconds=20)
        assert process.poll() is None
        assert not answers
    asking.join(30)
    assert answers == [200]
    assert process.wait(30) == 0


def test_a_second_signal_ends_it_now(row, line):
    line.name = "19 a second SIGTERM"
    line.criterion = "ended at once, whatever is under way"
    house, (port, _) = row.house, row.ports
    house.web_port = port
    process = row.processes.pop(port)

    def rename() -> None:
        path = f"/api/v1/organizations/{house.slug}"
        with pytest.raises((OSError, http.client.HTTPException)):
            request(house, "PATCH", path, {"name": "Again"})

    with psycopg.connect(house.database_url) as holder:
        holder.execute("SELECT 1 FROM orgs_organization FOR UPDATE")
        asking = threading.Thread(target=rename)
        asking.start()
        wait_until("the request waits", lambda: waits_for_lock(house), seconds=30)
        process.send_signal(signal.SIGTERM)
        wait_until("it drains", lambda: house.ready()[0] == 503, seconds=5)
        process.send_signal(signal.SIGTERM)
        # The lock's time-out is five seconds: whoever waited for the request needs longer.
        assert process.wait(4) == 0
    asking.join(30)


def test_a_worker_that_ends_leaves_no_row_leased(row, line):
    line.name = "19 a worker that ends"
    line.criterion = "the job at hand is finished, no lease is left, exit 0"
    house = row.house
    house.sink.may_answer.clear()
    house.start_beat()
    worker = house.start_worker(STEWARD_JOB_LEASE_SECONDS="60")
    house.invite(f"lease{free_port()}@example.com")
    assert house.sink.in_hand.wait(40)
    os.kill(worker.pid, signal.SIGTERM)
    house.sink.may_answer.set()
    assert worker.wait(60) == 0
    leased = house.ask("SELECT count(*) FROM kernel_job WHERE lease_until > now()")
    assert leased == [(0,)]
    assert house.sink.duplicates == 0


def waits_for_lock(house: House) -> bool:
    """Whether some connection to the installation's database waits for a lock."""
    rows = house.ask(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(rows[0][0])


def accepts(port: int) -> bool:
    """Whether a new connection gets an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
