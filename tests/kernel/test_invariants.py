"""What must always be true, and how it shows when it is not."""

import datetime as dt

import pytest

from kernel import invariants
from kernel.clock import now
from kernel.events import Target, record
from kernel.events.models import INSTANCE_CHAIN, ChainHead
from kernel.jobs.models import Job
from kernel.mail.models import Mail
from kernel.wiring import Reactions, Violation, Wiring

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.spoils("most tests here plant what their check is there to find"),
]


def late_and_dead():
    timely = [rule for rule in invariants.RULES if rule.of_a_running_system]
    return [found for rule in timely for found in rule()]


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
        invariants.no_mail_is_stuck,
        *invariants.RULES,
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


def test_a_head_that_is_not_the_last_event_shows():
    ChainHead.objects.filter(pk=INSTANCE_CHAIN).update(hash="0" * 64)
    (found,) = invariants.RULES[0]()
    assert found.rule == "chain_head_is_the_last_event"
    assert str(INSTANCE_CHAIN) in found.where


def test_an_event_of_before_a_reaction_was_wired_expects_no_row(rewire, person):
    """The day after an upgrade that wires a reaction is a day like any other."""
    rewire(
        Wiring(
            events={"test.quiet": ""},
            reactions={"test.quiet": Reactions(after=("new_reaction",))},
        )
    )
    assert list(invariants.every_reaction_has_its_row()) == []
    event = record(
        type="test.quiet", actor=person, organization=None, target=Target("thing", "thing_2")
    )
    assert event.follow_ups == "new_reaction"
    Job.objects.get(kind="new_reaction").delete()
    (found,) = invariants.every_reaction_has_its_row()
    assert found.where == f"new_reaction:{event.pk}"


@pytest.mark.parametrize(
    ("state", "job", "is_stuck"),
    [("queued", None, True), ("queued", "due", False), ("queued", "dead", True),
     ("sent", None, False)],
)  # fmt: skip
def test_a_mail_that_no_job_will_send_shows(state, job, is_stuck):
    mail = Mail.objects.create(
        template="t",
        recipient="a@example.com",
        message_id="<1@x>",
        state=state,
        created_at=now() - dt.timedelta(hours=1),
    )
    if job:
        Job.objects.create(
            kind="kernel.mail.send",
            unique_key=f"kernel.mail.send:{mail.pk}",
            state=job,
            due_at=now(),
            created_at=now(),
        )
    assert [v.rule for v in invariants.no_mail_is_stuck()] == ["no_mail_is_stuck"] * is_stuck


def test_a_lost_job_row_shows():
    lost = Job.objects.get(kind="hook")
    lost.delete()
    (found,) = invariants.every_reaction_has_its_row()
    assert (found.where, found.found) == (lost.unique_key, "no job row")


@pytest.mark.parametrize("state", ["due", "running"])
def test_a_row_that_waits_too_long_shows(state):
    late = now() - dt.timedelta(minutes=20)
    Job.objects.filter(kind="mail").update(due_at=late, state=state)
    (found,) = late_and_dead()
    assert found.rule == "no_outbox_row_older_than_its_limit"


def test_a_dead_row_shows():
    Job.objects.filter(kind="mail").update(state="dead", attempts=8)
    (found,) = late_and_dead()
    assert (found.rule, found.found) == ("no_job_is_dead", "mail after 8 attempts")
