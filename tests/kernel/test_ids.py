"""Identifiers: in order of their making, typed on the wire."""

import threading
import uuid

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import Missing
from kernel.ids import decode, encode, uuid7


def test_ids_sort_by_when_they_were_made():
    made = [uuid7() for _ in range(10_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_are_of_version_seven():
    made = uuid7()
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_a_clock_that_goes_back_does_not_mix_the_order():
    before = uuid7()
    with time_machine.travel(0):
        assert uuid7() > before


def test_threads_make_different_ids():
    made: list[uuid.UUID] = []
    threads = [
        threading.Thread(target=lambda: made.extend([uuid7() for _ in range(2000)]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 16_000


@given(st.uuids())
def test_a_wire_id_leads_back(value):
    assert decode("org", encode("org", value)) == value
    assert decode("org", str(value)) == value


@pytest.mark.parametrize("text", ["", "org_", "org_xyz", "team_" + "0" * 32, "org_org_" + "0" * 32])
def test_an_id_that_cannot_be_is_missing(text):
    with pytest.raises(Missing):
        decode("org", text)
