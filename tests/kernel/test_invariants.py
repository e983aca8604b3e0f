"""What must always be true, and how it shows when it is not."""

import datetime as dt

import pytest

from kernel import invariants
from kernel.clock import now
from kernel.events import Target, record
from kernel.events.models import INSTANCE_CHAIN, ChainHead
from kernel.jobs.models import Job
from kernel.wiring import Reactions, Violation, Wiring

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def plan(rewire, person):
    rewire(
        Wiring(
            events={"test.happened": "", "test.quiet": ""},
            reactions={
                "test.happened": Reactions(after=("mail", "hook")),
                "test.quiet": Reactions(within=(lambda _event: None,)),
            },
        )
    )
    for type_ in ("test.happened", "test.quiet"):
        record(type=type_, actor=person, organization=None, target=Target("thing", "thing_1"))


def test_all_holds_after_an_honest_change():
    for check in (
        invariants.chains_verify,
        invariants.every_reaction_has_its_row,
        invariants.nothing_is_overdue,
    ):
        assert list(check()) == []


def test_a_broken_chain_shows():
    ChainHead.objects.filter(pk=INSTANCE_CHAIN).update(sequence=9)
    (found,) = invariants.chains_verify()
    assert found == Violation(
        "audit_chain_verifies",
        f"organization {INSTANCE_CHAIN}, #3",
        "events 3 to 9 were cut off",
    )


def test_a_chain_without_a_head_shows():
    ChainHead.objects.all().delete()
    assert [v.rule for v in invariants.chains_verify()] == ["audit_chain_verifies"]


def test_a_lost_job_row_shows():
    lost = Job.objects.get(kind="hook")
    lost.delete()
    (found,) = invariants.every_reaction_has_its_row()
    assert (found.where, found.found) == (lost.unique_key, "no job row")


@pytest.mark.parametrize("state", ["due", "running"])
def test_a_row_that_waits_too_long_shows(state):
    late = now() - dt.timedelta(minutes=20)
    Job.objects.filter(kind="mail").update(due_at=late, state=state)
    (found,) = invariants.nothing_is_overdue()
    assert found.rule == "no_outbox_row_older_than_its_limit"


def test_a_dead_row_shows():
    Job.objects.filter(kind="mail").update(state="dead", attempts=8)
    (found,) = invariants.nothing_is_overdue()
    assert (found.rule, found.found) == ("no_job_is_dead", "mail after 8 attempts")
