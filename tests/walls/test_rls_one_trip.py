"""A prepared statement and all that is said around it go to the server in one round trip."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import (
    DataError,
    IntegrityError,
    InternalError,
    OperationalError,
    connection,
    transaction,
)
from psycopg.pq import PipelineStatus, TransactionStatus

from kernel.database import scope
from kernel.database.postgresql import base, cursors
from kernel.database.scope import across, within
from tests.walls.backend import plainly, status, told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

OFTEN = 7
"""So often a statement is run, the driver has prepared it."""


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Return what forbids every round trip that is not a statement's own."""

    def refused(*_: Any, **__: Any) -> Any:
        raise AssertionError("a round trip of its own")

    def forbid() -> None:
        monkeypatch.setattr(base.DatabaseWrapper, "_say", refused)
        monkeypatch.setattr(cursors, "said", refused)

    yield forbid
    monkeypatch.undo()


def ask(statement: str, *values: Any) -> list[Any]:
    """Return the first column of what a statement finds."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [row[0] for row in cursor.fetchall()] if cursor.description else []


def owners() -> set[Any]:
    """Return whose teams show, by a statement that is always the same."""
    return set(ask("SELECT organization_id FROM orgs_team"))


def prepare(statement: str, *values: Any) -> None:
    """Run a statement until the driver has prepared it."""
    with across("to be prepared"):
        for _ in range(OFTEN):
            ask(statement, *values)


def test_a_request_s_reads_take_a_trip_each_and_leave_nothing_open(two: Any, alone: Any) -> None:
    prepare("SELECT organization_id FROM orgs_team")
    alone()
    with scope.request():
        for organization in (*two, *two):
            scope.enter(organization)
            assert owners() == {organization.pk}
            assert status() == TransactionStatus.IDLE
            assert told() == ""
        with across("both"):
            assert owners() == {two[0].pk, two[1].pk}


def test_elsewhere_as_well(two: Any, alone: Any) -> None:
    prepare("SELECT organization_id FROM orgs_team")
    alone()
    with within(two[1]):
        assert owners() == {two[1].pk}
        assert status() == TransactionStatus.IDLE


def test_in_a_transaction_each_change_of_scope_goes_with_the_next_statement(two: Any) -> None:
    first, second = two
    prepare("SELECT organization_id FROM orgs_team")
    with within(first), transaction.atomic():
        assert owners() == {first.pk}
        assert status() == TransactionStatus.INTRANS
        for _ in range(3):
            with within(second):
                assert owners() == {second.pk}
                assert told() == str(second.pk)
            assert owners() == {first.pk}
    assert status() == TransactionStatus.IDLE


@pytest.mark.parametrize("holds", [True, False])
def test_an_error_is_the_statement_s_and_the_next_one_works(two: Any, holds: bool) -> None:
    statement = "SELECT 1 / %s::int FROM orgs_team"
    prepare(statement, 1)
    with scope.request() if holds else across("as a command"), within(two[0]):
        for _ in range(2):
            with pytest.raises(DataError, match="zero"):
                ask(statement, 0)
            assert status() == TransactionStatus.IDLE
            assert connection.connection.pgconn.pipeline_status == PipelineStatus.OFF
            assert ask(statement, 1) == [1]


def test_an_error_in_a_transaction_undoes_it(two: Any) -> None:
    statement = "SELECT 1 / %s::int FROM orgs_team"
    prepare(statement, 1)
    with within(two[0]):
        with pytest.raises(DataError), transaction.atomic():
            ask(statement, 0)
        assert status() == TransactionStatus.IDLE
        with transaction.atomic():
            ask(statement, 1)
            with pytest.raises(DataError), transaction.atomic(), within(two[1]):
                ask(statement, 0)
            assert owners() == {two[0].pk}


def test_a_write_outside_of_a_transaction_is_durable_with_its_trip(two: Any, alone: Any) -> None:
    statement = "UPDATE orgs_team SET member_count = %s"
    prepare(statement, 0)
    alone()
    with scope.request():
        scope.enter(two[0])
        ask(statement, 43)
        assert status() == TransactionStatus.IDLE
    with psycopg.connect(**plainly()) as other:
        found = other.execute(
            "SELECT organization_id FROM orgs_team WHERE member_count = 43"
        ).fetchall()
    assert found == [(two[0].pk,)]
    with across("to leave it as it was"):
        ask(statement, 0)


def test_what_only_the_end_of_the_transaction_refuses_is_told(two: Any) -> None:
    """Foreign keys are checked at COMMIT, which comes after the statement has succeeded."""
    statement = "UPDATE orgs_team SET organization_id = %s WHERE organization_id = %s"
    nobody = "00000000-0000-4000-8000-000000000000"
    prepare(statement, nobody, nobody)
    with across("to break a foreign key"):
        with pytest.raises(IntegrityError, match="foreign key"):
            ask(statement, nobody, str(two[0].pk))
        assert status() == TransactionStatus.IDLE
        assert owners() == {two[0].pk, two[1].pk}


def test_a_connection_that_dies_under_way_is_not_used_again(two: Any) -> None:
    prepare("SELECT pg_sleep(%s) FROM orgs_team", 0)
    victim = connection.connection.info.backend_pid

    def kill() -> None:
        with psycopg.connect(**plainly()) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [victim])

    timer = threading.Timer(0.5, kill)
    timer.start()
    with within(two[0]):
        with pytest.raises(OperationalError):
            ask("SELECT pg_sleep(%s) FROM orgs_team", 8)
        timer.join()
        assert not connection.is_usable()
        connection.close()
        assert owners() == {two[0].pk}


def test_whoever_answered_lately_is_not_asked_again(two: Any, alone: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(base, "_LATELY_SECONDS", 60.0)
    prepare("SELECT organization_id FROM orgs_team")
    connection.close_if_unusable_or_obsolete()
    alone()
    with scope.request():
        scope.enter(two[0])
        assert owners() == {two[0].pk}


def test_whoever_was_silent_for_a_while_is_asked(two: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(base, "_LATELY_SECONDS", 0.05)
    asked: list[bytes] = []
    say = base.DatabaseWrapper._say

    def noted(self: Any, command: bytes, **options: Any) -> None:
        asked.append(command)
        say(self, command, **options)

    prepare("SELECT organization_id FROM orgs_team")
    connection.close_if_unusable_or_obsolete()
    time.sleep(0.1)
    monkeypatch.setattr(base.DatabaseWrapper, "_say", noted)
    with scope.request():
        scope.enter(two[0])
        assert owners() == {two[0].pk}
    assert asked == [f"BEGIN;SET LOCAL steward.organization = '{two[0].pk}'".encode(), b"COMMIT"]


def test_a_driver_that_works_otherwise_is_noticed_at_once(two: Any, monkeypatch: Any) -> None:
    """Its inside is not ours: were the scope not told, a page would silently be empty."""
    with monkeypatch.context() as other:
        other.delattr(cursors._Telling, "_maybe_prepare_gen")
        with within(two[0]), pytest.raises(InternalError, match="not told"):
            owners()
