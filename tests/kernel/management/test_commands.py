"""The commands say what they found and exit accordingly."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from kernel.clock import now
from kernel.events import Target, record
from kernel.events.models import ChainHead
from kernel.ids import encode, uuid7
from kernel.jobs.models import Job
from kernel.wiring import Violation, Wiring

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.spoils("the commands are there to find what is planted here"),
]


def run(*arguments):
    """Return what a command prints and, if it fails, its last word."""
    out = io.StringIO()
    try:
        call_command(*arguments, stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), None


def fine():
    return iter(())


def broken():
    yield Violation("a_rule", "here", "two of one")


def test_invariants_that_hold(rewire):
    rewire(Wiring(invariants=(fine, fine)))
    assert run("check_invariants") == ("All 2 invariants hold.\n", None)
    text, failure = run("check_invariants", "--json")
    assert (json.loads(text), failure) == (
        {"checks": 2, "left_out": 0, "violations": []},
        None,
    )


def test_invariants_that_the_time_did_not_suffice_for(rewire):
    rewire(Wiring(invariants=(fine, fine, fine)))
    text, failure = run("check_invariants", "--json", "--seconds", "-1")
    assert json.loads(text) == {"checks": 0, "left_out": 3, "violations": []}
    assert failure == "The time was over: 3 of 3 checks did not run."


def endless():
    while True:
        yield Violation("a_rule", "here", "again")


def test_findings_are_bounded(rewire):
    rewire(Wiring(invariants=(endless,)))
    assert run("check_invariants")[0].count("BROKEN") == 101


def test_invariants_that_do_not_hold(rewire):
    rewire(Wiring(invariants=(fine, broken)))
    text, failure = run("check_invariants")
    assert text == "BROKEN a_rule: here: two of one\n"
    assert failure.startswith("1 of the")
    text, failure = run("check_invariants", "--json")
    assert json.loads(text)["violations"] == [
        {"rule": "a_rule", "where": "here", "found": "two of one"}
    ]
    assert failure


@pytest.fixture
def chains(rewire, person):
    rewire(Wiring(events={"test.happened": ""}))
    organizations = [uuid7(), uuid7()]
    for organization in (*organizations, organizations[0]):
        record(
            type="test.happened",
            actor=person,
            organization=organization,
            target=Target("thing", "thing_1"),
        )
    return organizations


def test_an_audit_log_that_holds(chains):
    assert run("verify_audit_log") == (
        "3 events in 2 chain(s): all links hold, and all 0 checkpoint(s) lie on them.\n",
        None,
    )
    one = encode("org", chains[0])
    assert run("verify_audit_log", "--org", one)[0].startswith("2 events in 1 chain")


def test_an_audit_log_that_was_tampered_with(chains):
    ChainHead.objects.filter(pk=chains[0]).update(sequence=5)
    text, failure = run("verify_audit_log")
    assert text == f"BROKEN {chains[0]} #3: events 3 to 5 were cut off\n"
    assert failure == "The audit log was tampered with: 1 break(s)."
    assert run("verify_audit_log", "--org", encode("org", chains[1]))[1] is None


def test_an_organization_is_named_by_its_id():
    assert run("verify_audit_log", "--org", "acme")[1].startswith("Give the id as org_")


def put(state, **more):
    return Job.objects.create(
        kind="test", state=state, due_at=now(), created_at=now(), attempts=8, **more
    )


def test_jobs_are_counted_and_the_dead_listed():
    put("due")
    put("due")
    dead = put("dead", last_error="Traceback: no")
    text, failure = run("jobs")
    assert text.split() == ["dead", "1", "due", "2"]
    text, failure = run("jobs", "--dead")
    assert f"{dead.wire_id} test\nTraceback: no" in text
    assert failure is None


def test_one_or_all_of_the_dead_get_another_life():
    one, _, _ = put("dead"), put("dead"), put("dead")
    assert "1 job(s) are due again" in run("jobs", "--retry", one.wire_id)[0]
    one.refresh_from_db()
    assert (one.state, one.attempts) == ("due", 0)
    assert "2 job(s) are due again" in run("jobs", "--retry", "all")[0]
    assert "0 job(s) are due again" in run("jobs", "--retry", one.wire_id)[0]
    assert run("jobs", "--retry", "first")[1].startswith("Give the id as job_")
