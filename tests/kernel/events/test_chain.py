"""The chain shows every manipulation that does not rewrite it to its end."""

import pytest
from django.db import transaction
from django.db.models import F

from kernel.events import Target, record
from kernel.events.chain import link, verify
from kernel.events.models import ChainHead, Event
from kernel.ids import uuid7
from kernel.wiring import Wiring

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.spoils("chains are broken here in every way"),
]


@pytest.fixture
def chain(rewire, person):
    """An organization with six events."""
    rewire(Wiring(events={"test.happened": ""}))
    organization = uuid7()
    for number in range(6):
        with transaction.atomic():
            record(
                type="test.happened",
                actor=person,
                organization=organization,
                target=Target("thing", f"thing_{number}"),
                changes={"number": [None, number]},
            )
    return organization


def breaks(chain):
    return [(gap.sequence, gap.what) for gap in verify(chain)]


def rows(chain):
    return Event.objects.of(chain).order_by("sequence")


def test_an_untouched_chain_holds(chain):
    assert breaks(chain) == []


def test_an_empty_chain_holds():
    assert breaks(uuid7()) == []


@pytest.mark.parametrize(
    "column",
    ["type", "actor_id", "actor_label", "credential_id", "ip", "request_id", "target_id",
     "changes"],
)  # fmt: skip
@pytest.mark.usefixtures("behind_its_back")
def test_an_edited_column_is_located(chain, column):
    value = {"number": [None, 99]} if column == "changes" else "other"
    rows(chain).filter(sequence=3).update(**{column: value})
    assert breaks(chain) == [(3, "its content was changed")]


@pytest.mark.usefixtures("behind_its_back")
def test_an_edited_time_is_located(chain):
    import datetime as dt

    rows(chain).filter(sequence=2).update(occurred_at=F("occurred_at") + dt.timedelta(seconds=1))
    assert breaks(chain) == [(2, "its content was changed")]


@pytest.mark.usefixtures("behind_its_back")
def test_an_edit_with_a_new_hash_breaks_the_next_link(chain):
    event = rows(chain).get(sequence=3)
    event.ip = "198.51.100.9"
    rows(chain).filter(sequence=3).update(ip=event.ip, hash=link(event))
    assert breaks(chain) == [(4, "it does not continue the event before")]


@pytest.mark.usefixtures("behind_its_back")
def test_a_deleted_event_is_located(chain):
    rows(chain).filter(sequence__in=[3, 4]).delete()
    assert breaks(chain) == [(3, "events 3 to 4 are missing")]


@pytest.mark.usefixtures("behind_its_back")
def test_a_deleted_event_whose_numbers_were_closed_up_is_located(chain):
    rows(chain).filter(sequence=3).delete()
    for event in rows(chain).filter(sequence__gt=3):
        rows(chain).filter(pk=event.pk).update(sequence=event.sequence - 1)
    ChainHead.objects.filter(pk=chain).update(sequence=5)
    found = breaks(chain)
    assert found[0] == (3, "it does not continue the event before")


def forged(chain, sequence, previous):
    event = Event(
        organization_id=chain,
        sequence=sequence,
        occurred_at=previous.occurred_at,
        type="test.happened",
        actor_kind="user",
        previous_hash=previous.hash,
    )
    event.hash = link(event)
    return event


@pytest.mark.usefixtures("behind_its_back")
def test_an_inserted_event_is_located(chain):
    for event in rows(chain).filter(sequence__gt=3).order_by("-sequence"):
        rows(chain).filter(pk=event.pk).update(sequence=event.sequence + 1)
    forged(chain, 4, rows(chain).get(sequence=3)).save(force_insert=True)
    ChainHead.objects.filter(pk=chain).update(sequence=7)
    found = breaks(chain)
    assert (5, "it does not continue the event before") in found
    assert all(sequence >= 5 for sequence, _ in found)


def test_an_event_appended_past_the_head_is_located(chain):
    forged(chain, 7, rows(chain).get(sequence=6)).save(force_insert=True)
    assert breaks(chain) == [(7, "events stand beyond the chain's head")]


@pytest.mark.usefixtures("behind_its_back")
def test_reordered_events_are_located(chain):
    three, four = rows(chain).get(sequence=3), rows(chain).get(sequence=4)
    rows(chain).filter(pk=three.pk).update(sequence=99)
    rows(chain).filter(pk=four.pk).update(sequence=3)
    rows(chain).filter(pk=three.pk).update(sequence=4)
    found = breaks(chain)
    assert found[0][0] == 3
    assert {sequence for sequence, _ in found} == {3, 4, 5}


@pytest.mark.usefixtures("behind_its_back")
def test_a_cut_tail_is_located(chain):
    rows(chain).filter(sequence__gte=5).delete()
    assert breaks(chain) == [(5, "events 5 to 6 were cut off")]


@pytest.mark.usefixtures("behind_its_back")
def test_a_chain_of_which_only_the_head_is_left_is_located(chain):
    rows(chain).delete()
    assert breaks(chain) == [(1, "events 1 to 6 were cut off")]


@pytest.mark.usefixtures("behind_its_back")
def test_an_exchanged_last_event_is_located(chain):
    last = rows(chain).get(sequence=6)
    last.actor_label = "eve"
    rows(chain).filter(pk=last.pk).update(actor_label="eve", hash=link(last))
    assert breaks(chain) == [(6, "the last event is not the one written last")]


def test_a_lost_head_is_located(chain):
    ChainHead.objects.filter(pk=chain).delete()
    assert breaks(chain) == [(6, "events stand beyond the chain's head")]


@pytest.mark.usefixtures("behind_its_back")
def test_one_break_does_not_hide_the_next(chain):
    rows(chain).filter(sequence=2).update(ip="x")
    rows(chain).filter(sequence=5).update(ip="x")
    assert [sequence for sequence, _ in breaks(chain)] == [2, 5]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_walk_beside_appends_finds_no_break(chain, person, in_threads):
    written = []

    def append():
        for _ in range(60):
            with transaction.atomic():
                record(
                    type="test.happened",
                    actor=person,
                    organization=chain,
                    target=Target("thing", "thing_9"),
                )
        written.append(True)

    def walk():
        found = []
        while not written:
            found += breaks(chain)
        return found

    assert in_threads(append, walk) == [None, []]
