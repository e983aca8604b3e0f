"""What the database undoes for another's sake is done again, wholly, and nothing else is."""

import sqlite3
import threading
from contextlib import closing

import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client

from kernel.events.models import ChainHead
from kernel.idempotency.models import IdempotencyKey
from kernel.ids import uuid7
from kernel.jobs.models import Job
from kernel.transient import ATTEMPTS, again_if_undone, was_undone
from tests.database import TO_OWNER

on_postgresql = pytest.mark.postgresql
in_real_transactions = pytest.mark.django_db(transaction=True)
numbers_heads = pytest.mark.spoils("heads of chains stand for any rows, without events")


class Circle:
    """Two transactions that meet: each holds one row and then wants the other's."""

    def __init__(self) -> None:
        self.rows = [ChainHead.objects.create(organization_id=uuid7()) for _ in range(2)]
        self.met = threading.Barrier(2)
        self.calls: list[int] = []

    def act(self, first: int) -> None:
        with transaction.atomic():
            self._hold(first)
            self.calls.append(first)
            if len(self.calls) <= 2:
                self.met.wait(30)
            self._hold(1 - first)
            ChainHead.objects.filter(pk=self.rows[first].pk).update(sequence=first + 7)

    def _hold(self, number: int) -> None:
        ChainHead.objects.select_for_update().get(pk=self.rows[number].pk)

    def outcome(self) -> list[int]:
        return [ChainHead.objects.get(pk=row.pk).sequence for row in self.rows]


@on_postgresql
@in_real_transactions
@numbers_heads
def test_whoever_was_taken_out_of_a_circle_begins_again_and_both_are_done(in_threads):
    circle = Circle()
    results = in_threads(
        lambda: again_if_undone(lambda: circle.act(0)),
        lambda: again_if_undone(lambda: circle.act(1)),
    )
    assert results == [None, None]
    assert circle.outcome() == [7, 8]
    assert len(circle.calls) == 3


@on_postgresql
@in_real_transactions
@numbers_heads
def test_without_it_one_of_them_fails(in_threads):
    circle = Circle()
    results = in_threads(lambda: circle.act(0), lambda: circle.act(1))
    (failure,) = [result for result in results if result is not None]
    assert was_undone(failure)


def undone() -> OperationalError:
    """Return the error of a SQLite database that somebody else writes to."""
    error = OperationalError("database is locked")
    error.__cause__ = locked()
    return error


def locked() -> sqlite3.OperationalError:
    """Provoke SQLite's own error with two connections."""
    url = "file:locked?mode=memory&cache=shared"
    with (
        closing(sqlite3.connect(url, uri=True, timeout=0, isolation_level=None)) as one,
        closing(sqlite3.connect(url, uri=True, timeout=0, isolation_level=None)) as other,
    ):
        one.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError) as caught:
            other.execute("BEGIN IMMEDIATE")
    return caught.value


def test_sqlites_refusal_of_a_second_writer_passes_by_itself():
    assert was_undone(undone())


@in_real_transactions
def test_there_are_four_attempts_with_growing_pauses_and_then_the_error():
    calls, pauses = [], []

    def act():
        calls.append(1)
        raise undone()

    with pytest.raises(OperationalError, match="locked"):
        again_if_undone(act, sleep=pauses.append)
    assert len(calls) == ATTEMPTS == 4
    assert len(pauses) == 3
    assert 0 < pauses[0] < pauses[2] < 2


@pytest.mark.django_db
def test_inside_a_transaction_nothing_is_repeated():
    calls = []

    def act():
        calls.append(1)
        raise undone()

    with transaction.atomic(), pytest.raises(OperationalError):
        again_if_undone(act)
    assert calls == [1]


@on_postgresql
@in_real_transactions
def test_a_lost_connection_is_not_repeated_because_what_it_asked_may_be_done():
    calls = []

    def act():
        calls.append(1)
        with connection.cursor() as cursor:
            # The connection was made by the owner, whom the service's role may not end.
            cursor.execute(TO_OWNER)
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(OperationalError, match="terminating connection"):
        again_if_undone(act)
    connection.close()
    assert calls == [1]


@on_postgresql
@in_real_transactions
@pytest.mark.urls("tests.kernel.throwaway")
def test_a_request_that_was_undone_is_answered_as_if_nothing_had_been(in_threads):
    """Also with an idempotency key: the effect and the remembered answer are there once."""
    rows = [ChainHead.objects.create(organization_id=uuid7()) for _ in range(2)]
    wanted = [str(row.pk) for row in rows]

    def post(order, key):
        return Client().post(
            "/api/circles",
            {"rows": order},
            content_type="application/json",
            headers={"authorization": "Bearer 1", "idempotency-key": key},
        )

    answers = in_threads(
        lambda: post(wanted, "one"), lambda: post(list(reversed(wanted)), "other")
    )
    assert [answer.status_code for answer in answers] == [201, 201]
    assert {answer.headers.get("Idempotent-Replayed") for answer in answers} == {None}
    assert Job.objects.filter(kind="circle").count() == 2
    assert IdempotencyKey.objects.count() == 2
    assert sorted(answer.json()["attempts"] for answer in answers) == [1, 2]
    again = post(wanted, "one")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == answers[0].json()


@pytest.mark.django_db
@pytest.mark.urls("tests.kernel.throwaway")
@pytest.mark.parametrize("path", ["/fails/db-busy", "/api/raw/db-busy"])
def test_a_page_that_the_database_failed_says_when_to_come_back(path):
    answer = Client(raise_request_exception=False).get(path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


@pytest.mark.django_db
@pytest.mark.urls("tests.kernel.throwaway")
def test_a_page_that_fails_for_another_reason_is_our_fault():
    assert Client(raise_request_exception=False).get("/fails/500").status_code == 500
