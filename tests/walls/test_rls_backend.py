"""The database backend tells the server the scope, in every kind of transaction there is."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.db.utils import ProgrammingError
from django.http import StreamingHttpResponse
from django.test import RequestFactory
from psycopg.pq import TransactionStatus

from kernel.database import scope
from kernel.database.middleware import ScopeMiddleware
from kernel.database.postgresql import base
from kernel.database.scope import NOWHERE, across, within
from orgs.models import Membership, Team
from tests.factories.orgs import TeamFactory
from tests.walls.backend import plainly, seen, status, told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

ALTERNATIONS = 2_000


@pytest.fixture
def in_request() -> Iterator[None]:
    """Run the test as a web request does: from nobody's rows, reads held together."""
    with scope.request():
        yield


# --- whose rows -----------------------------------------------------------------------------


def test_without_a_scope_no_row_shows_and_nothing_fails(two: Any, in_request: None) -> None:
    assert seen() == set()
    with transaction.atomic():
        assert seen() == set()
    with across("to have had a setting in a transaction once"):
        assert len(seen()) == 2
    assert seen() == set()


@pytest.mark.parametrize("holds", [False, True])
def test_a_scope_shows_its_own_rows_inside_and_outside_of_transactions(
    two: Any, holds: bool
) -> None:
    first, second = two
    with scope.request() if holds else across("the default of a command"):
        for organization in (first, second, first):
            with within(organization):
                assert seen() == {organization.pk}
                with transaction.atomic():
                    assert seen() == {organization.pk}
                    with within(second), transaction.atomic():
                        assert seen() == {second.pk}
                    assert seen() == {organization.pk}
        with across("both"):
            assert seen() == {first.pk, second.pk}


def test_a_rolled_back_savepoint_takes_nothing_of_the_scope_along(two: Any) -> None:
    first, second = two
    with within(first), transaction.atomic():
        assert seen() == {first.pk}
        with within(second):
            with suppress(LookupError), transaction.atomic():
                assert seen() == {second.pk}
                raise LookupError
            assert seen() == {second.pk}
        with within(second), suppress(LookupError), transaction.atomic():
            assert seen() == {second.pk}
            raise LookupError
        assert seen() == {first.pk}
        with pytest.raises(DatabaseError), transaction.atomic():
            connection.cursor().execute("SELECT 1/0")
        assert seen() == {first.pk}


def test_another_organization_s_rows_cannot_be_written(two: Any) -> None:
    first, second = two
    theirs = Team._base_manager.get(organization=second)
    with within(first):
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            Team(organization=second, name="planted").save(force_insert=True)
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            Team._base_manager.filter(organization=first).update(organization=second)
        assert Team._base_manager.filter(pk=theirs.pk).update(name="taken") == 0
        assert Team._base_manager.filter(pk=theirs.pk).delete()[0] == 0
    theirs.refresh_from_db()
    assert theirs.name != "taken"


def test_two_tenants_alternate_on_one_connection_and_never_see_each_other(two: Any) -> None:
    backend = connection.connection.info.backend_pid if connection.connection else None
    wrong = 0
    for turn in range(ALTERNATIONS):
        with scope.request():
            wrong += turn % 7 == 0 and seen() != set()
            scope.enter(two[turn % 2])
            if turn % 3 == 0:
                with transaction.atomic():
                    wrong += seen() != {two[turn % 2].pk}
            else:
                wrong += seen() != {two[turn % 2].pk}
    assert wrong == 0
    assert backend in (None, connection.connection.info.backend_pid)


def test_nothing_of_a_scope_stays_on_the_connection(two: Any) -> None:
    with scope.request():
        scope.enter(two[0])
        seen()
    assert status() == TransactionStatus.IDLE
    assert told() == ""
    with within(two[0]), transaction.atomic():
        seen()
        assert told() == str(two[0].pk)
    assert told() == ""


def test_threads_have_scopes_of_their_own(two: Any) -> None:
    found: dict[str, Any] = {}
    inside = threading.Barrier(2)

    def look(number: int) -> None:
        try:
            with scope.request():
                scope.enter(two[number])
                inside.wait(10)
                found[str(number)] = seen()
        finally:
            connection.close()

    threads = [threading.Thread(target=look, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == {"0": {two[0].pk}, "1": {two[1].pk}}


def test_a_process_that_serves_shows_nothing_to_code_that_does_not_say_whose(
    two: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(scope, "_default", NOWHERE)
    assert seen() == set()
    with within(two[0]):
        assert seen() == {two[0].pk}


def test_only_a_request_is_walled_in_for_good(two: Any) -> None:
    with pytest.raises(RuntimeError):
        scope.enter(two[0])
    with pytest.raises(TypeError), within("' OR true"):
        pass
    with pytest.raises(ValueError, match="why"):
        across("")


# --- transactions of reads ------------------------------------------------------------------


def test_reads_of_a_request_share_a_transaction_that_ends_with_it(two: Any) -> None:
    with scope.request():
        scope.enter(two[0])
        seen()
        assert status() == TransactionStatus.INTRANS
        seen()
        assert connection.get_autocommit()
    assert status() == TransactionStatus.IDLE


def test_a_read_elsewhere_leaves_no_transaction_open(two: Any) -> None:
    with within(two[0]):
        assert seen()
        assert status() == TransactionStatus.IDLE


def test_a_write_outside_of_a_transaction_is_durable_at_once(two: Any, in_request: None) -> None:
    scope.enter(two[0])
    assert seen()
    Team._base_manager.filter(organization=two[0]).update(member_count=41)
    assert status() == TransactionStatus.IDLE
    with psycopg.connect(**plainly()) as other:
        rows = other.execute("SELECT count(*) FROM orgs_team WHERE member_count = 41").fetchone()
    assert rows == (1,)
    Team._base_manager.filter(organization=two[0]).update(member_count=0)


def test_atomic_takes_the_reads_over_and_ends_them(two: Any, in_request: None) -> None:
    scope.enter(two[0])
    assert seen()
    done: list[str] = []
    with transaction.atomic():
        Team._base_manager.filter(organization=two[0]).update(is_hidden=True)
        transaction.on_commit(lambda: done.append(status().name))
    assert done == ["IDLE"]
    with suppress(LookupError), transaction.atomic():
        Team._base_manager.filter(organization=two[0]).update(is_hidden=False)
        raise LookupError
    assert Team._base_manager.get(organization=two[0]).is_hidden
    with transaction.atomic(durable=True):
        assert seen() == {two[0].pk}


def test_an_error_ends_the_reads_and_the_next_works(two: Any, in_request: None) -> None:
    scope.enter(two[0])
    assert seen()
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT 1/0")
    assert status() == TransactionStatus.IDLE
    assert seen() == {two[0].pk}
    with pytest.raises(IntegrityError):
        Membership._base_manager.create(
            organization=two[0], user=Membership._base_manager.first().user
        )
    assert seen() == {two[0].pk}


def test_locks_still_ask_for_a_transaction(two: Any, in_request: None) -> None:
    scope.enter(two[0])
    assert seen()
    with pytest.raises(TransactionManagementError):
        list(Team._base_manager.select_for_update())
    with transaction.atomic():
        assert len(Team._base_manager.select_for_update()) == 1


def test_what_cannot_run_in_a_transaction_still_runs(two: Any, in_request: None) -> None:
    scope.enter(two[0])
    assert seen()
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert status() == TransactionStatus.IDLE
        cursor.execute("DISCARD PLANS")
    assert seen() == {two[0].pk}


@pytest.mark.parametrize(
    "statement",
    [
        "-- why\nSELECT organization_id FROM orgs_team",
        "/* why */ (SELECT organization_id FROM orgs_team)",
        "WITH t AS (SELECT organization_id FROM orgs_team) SELECT * FROM t",
        " select organization_id from orgs_team",
    ],
)
def test_a_statement_of_rows_is_known_by_its_first_word(two: Any, statement: str) -> None:
    with within(two[0]), connection.cursor() as cursor:
        cursor.execute(statement)
        assert {row[0] for row in cursor.fetchall()} == {two[0].pk}


def test_copy_sees_and_brings_its_scope_s_rows(two: Any) -> None:
    with within(two[1]), connection.cursor() as cursor:
        with cursor.copy("COPY (SELECT organization_id FROM orgs_team) TO STDOUT") as copy:
            lines = b"".join(copy).decode().split()
        assert lines == [str(two[1].pk)]
    assert status() == TransactionStatus.IDLE


@pytest.mark.parametrize("binds_on_server", [True, False])
def test_a_server_side_cursor_keeps_the_scope_that_it_was_opened_in(
    two: Any, binds_on_server: bool, monkeypatch: Any
) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "server_side_binding", binds_on_server)
    connection.close()
    first, second = two
    for _ in range(5):
        TeamFactory(organization=first)
    try:
        for block in (transaction.atomic, lambda: across("autocommit")):
            with block():
                with within(first):
                    rows = Team._base_manager.order_by("pk").iterator(chunk_size=2)
                    found = [next(rows)]
                with within(second):
                    assert seen() == {second.pk}
                    found += list(rows)
                    assert seen() == {second.pk}
            assert {team.organization_id for team in found} == {first.pk}
            assert len(found) == 6
    finally:
        connection.close()


# --- connections ----------------------------------------------------------------------------


@pytest.mark.parametrize("lately", [0.0, 60.0])
def test_a_connection_that_died_between_requests_is_replaced(
    two: Any, lately: float, monkeypatch: Any
) -> None:
    """The request's first BEGIN asks, or the socket tells: no trip more, and no error."""
    monkeypatch.setattr(base, "_LATELY_SECONDS", lately)
    seen()
    died = connection.connection.info.backend_pid
    with psycopg.connect(**plainly()) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [died])
    connection.close_if_unusable_or_obsolete()
    with scope.request():
        scope.enter(two[0])
        assert seen() == {two[0].pk}
        assert connection.connection.info.backend_pid != died


def test_a_connection_that_dies_after_its_reads_hurts_nobody(two: Any) -> None:
    with scope.request():
        scope.enter(two[0])
        seen()
        with psycopg.connect(**plainly()) as other:
            other.execute(
                "SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid]
            )
    assert seen() == {two[0].pk, two[1].pk}


def test_closing_in_the_middle_of_reads_is_clean(two: Any, in_request: None) -> None:
    scope.enter(two[0])
    seen()
    connection.close()
    assert seen() == {two[0].pk}


def test_the_backend_s_own_statements_are_not_the_application_s(
    two: Any, django_assert_num_queries: Any, in_request: None
) -> None:
    with django_assert_num_queries(2):
        scope.enter(two[0])
        seen()
        scope.enter(two[1])
        seen()


def test_what_is_streamed_is_made_in_the_request_s_scope(two: Any) -> None:
    def answer(_request: Any) -> StreamingHttpResponse:
        scope.enter(two[0])
        return StreamingHttpResponse(f"{seen() == {two[0].pk}}" for _ in range(2))

    response: Any = ScopeMiddleware(answer)(RequestFactory().get("/"))
    assert len(seen()) == 2
    assert b"".join(response.streaming_content) == b"TrueTrue"
    assert status() == TransactionStatus.IDLE
