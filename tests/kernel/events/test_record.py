"""Recording: one row per change, in its transaction, with what follows from it."""

import datetime as dt
import uuid

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from kernel.clock import now
from kernel.events import Target, record
from kernel.events.chain import verify
from kernel.events.models import INSTANCE_CHAIN, ChainHead, Event
from kernel.events.record import UnknownEvent
from kernel.ids import uuid7
from kernel.jobs.models import Job
from kernel.wiring import Reactions, Wiring
from tests.database import as_owner

THING = Target("thing", "thing_1", "A thing")
pytestmark = pytest.mark.django_db


@pytest.fixture
def seen(rewire):
    """A wiring with one event that has reactions of both kinds, and one without."""
    events: list[Event] = []
    rewire(
        Wiring(
            events={"test.happened": "It happened", "test.quiet": "Nothing follows"},
            reactions={"test.happened": Reactions(within=(events.append,), after=("a", "b"))},
        )
    )
    return events


def write(actor, organization=None, type_="test.happened", **changes):
    return record(
        type=type_, actor=actor, organization=organization, target=THING, changes=changes
    )


def test_an_event_says_who_did_what_from_where(seen, person):
    event = write(person, size=[1, 2])
    row = Event.objects.get(pk=event.pk)
    assert (row.actor_kind, row.actor_id, row.actor_label) == ("user", str(person.id), "ada")
    assert (row.credential_kind, row.credential_id) == ("api_key", "key_1")
    assert (row.ip, row.user_agent, row.request_id) == ("192.0.2.7", "curl/8", "req-12345678")
    assert (row.target_kind, row.target_id, row.target_label) == ("thing", "thing_1", "A thing")
    assert row.changes == {"size": [1, 2]}
    assert row.organization_id == INSTANCE_CHAIN
    assert str(row) == "test.happened #1"


def test_what_follows_is_in_the_same_transaction(seen, person):
    organization = uuid7()
    event = write(person, organization)
    assert seen == [event]
    jobs = Job.objects.filter(organization_id=organization)
    assert {job.kind: job.payload for job in jobs} == {
        "a": {"event": str(event.pk)},
        "b": {"event": str(event.pk)},
    }
    assert {job.unique_key for job in jobs} == {f"a:{event.pk}", f"b:{event.pk}"}


def test_an_event_without_reactions_enqueues_nothing(seen, person):
    write(person, type_="test.quiet")
    assert not Job.objects.exists()
    assert seen == []


def test_a_failing_reaction_takes_the_event_with_it(rewire, person):
    def refuse(_event):
        raise LookupError("no")

    rewire(
        Wiring(events={"test.happened": ""}, reactions={"test.happened": Reactions((refuse,))})
    )
    with pytest.raises(LookupError), transaction.atomic():
        write(person)
    assert not Event.objects.exists()
    assert not ChainHead.objects.exists()


def test_secrets_do_not_reach_the_trail(seen, person):
    event = write(person, password=["old", "new"], note="Bearer abcdefgh12345678")
    assert event.changes == {"password": "[redacted]", "note": "Bearer [redacted]"}


def test_values_of_any_type_come_back_as_they_were_linked(seen, person):
    write(
        person,
        when=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        ratio=1e22,
        nothing=float("nan"),
        key=uuid.UUID(int=1),
        words="Zoë ☃ “quoted”",
        deep={"z": 1, "a": [True, None, -3]},
    )
    row = Event.objects.get()
    assert row.changes["ratio"] == "1e+22"
    assert row.changes["nothing"] == "NaN"
    assert row.changes["when"] == "2026-01-01 00:00:00+00:00"
    assert list(verify()) == []


def test_long_texts_are_cut_to_their_columns(seen, person):
    from dataclasses import replace

    from kernel.principal import Origin

    loud = replace(person, label="x" * 999, origin=Origin(user_agent="y" * 999))
    event = write(loud)
    assert len(Event.objects.get(pk=event.pk).actor_label) == 200
    assert len(event.user_agent) == 400


def test_an_event_outside_of_the_catalogue_is_refused(seen, person):
    with pytest.raises(UnknownEvent, match=r"test\.unknown"):
        write(person, type_="test.unknown")


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_of_a_transaction_is_refused(seen, person):
    with pytest.raises(RuntimeError, match="transaction"):
        write(person)


def test_chains_of_organizations_are_apart(seen, person):
    left, right = uuid7(), uuid7()
    numbers = [write(person, o).sequence for o in (left, right, left)]
    assert numbers == [1, 1, 2]
    assert ChainHead.objects.get(pk=left).sequence == 2
    assert str(ChainHead.objects.get(pk=right)) == f"{right} at 1"
    assert [e.sequence for e in Event.objects.of(left).newest_first()] == [2, 1]


def test_a_target_is_described_by_its_row():
    job = Job(kind="x", state="due")
    assert Target.of(job) == Target("job", job.wire_id, "x (due)")


CHANGES = ["UPDATE kernel_event SET ip = ''", "DELETE FROM kernel_event"]


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_the_trail(seen, person, change):
    """Its owner is told by the trigger."""
    write(person)
    with (
        as_owner(),
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)
    assert Event.objects.count() == 1


@pytest.mark.postgresql
@pytest.mark.parametrize("change", CHANGES)
def test_the_services_role_may_not_even_ask_to_change_the_trail(seen, person, change):
    write(person)
    with (
        pytest.raises(ProgrammingError, match="permission denied for table kernel_event"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)
    assert Event.objects.count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_appends_at_the_same_time_make_one_chain(seen, person, in_threads):
    organization = uuid7()

    def append():
        for _ in range(10):
            with transaction.atomic():
                write(person, organization, "test.quiet")

    assert in_threads(*[append] * 8) == [None] * 8
    assert ChainHead.objects.get(pk=organization).sequence == 80
    assert list(verify(organization)) == []


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_reaction_takes_its_locks_before_the_head_is_locked(rewire, person, in_threads):
    """Whoever changes a row and records it locks row, then head; so must a reaction."""
    organization = uuid7()
    Job.objects.create(kind="row", due_at=now(), created_at=now())

    def lock_row(_event=None):
        Job.objects.select_for_update().get(kind="row")

    rewire(
        Wiring(
            events={"test.happened": "", "test.quiet": ""},
            reactions={"test.happened": Reactions(within=(lock_row,))},
        )
    )

    def by_reaction():
        for _ in range(30):
            with transaction.atomic():
                write(person, organization)

    def by_action():
        for _ in range(30):
            with transaction.atomic():
                lock_row()
                write(person, organization, "test.quiet")

    assert in_threads(by_reaction, by_action, by_reaction, by_action) == [None] * 4
    assert ChainHead.objects.get(pk=organization).sequence == 120
