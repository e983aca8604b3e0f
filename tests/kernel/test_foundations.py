"""Small things that everything stands on: checks, errors, principals, tenancy."""

import pytest
from django.core.checks import run_checks

from kernel.api.caller import caller_key, origin_of, principal_of
from kernel.errors import BadParameter, Denied, DomainError, Invalid, Missing, Stale
from kernel.events.models import Event
from kernel.ids import uuid7
from kernel.jobs.models import Job
from kernel.principal import Credential, CredentialKind, Origin, Principal, PrincipalKind
from kernel.tenancy import Identified, Versioned
from kernel.wiring import wiring


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("SECRET_KEY", "short", "kernel.E010"),
        ("STEWARD_KEY_PEPPERS", [], "kernel.E011"),
        ("STEWARD_KEY_PEPPERS", ["p" * 40, "short"], "kernel.E011"),
        ("STEWARD_ENCRYPTION_KEYS", [], "kernel.E012"),
        ("STEWARD_ENCRYPTION_KEYS", ["c2hvcnQ="], "kernel.E012"),
        ("STEWARD_ENCRYPTION_KEYS", ["not base64"], "kernel.E012"),
        ("STEWARD_CHECKPOINT_KEYS", [], "kernel.E013"),
        ("STEWARD_CHECKPOINT_KEYS", ["c2hvcnQ="], "kernel.E013"),
        ("STEWARD_CHECKPOINT_KEYS", ["public:" + "A" * 43 + "="], "kernel.E013"),
    ],
)
def test_weak_secrets_are_refused_at_start(settings, name, value, code):
    setattr(settings, name, value)
    found = run_checks(tags=["security"])
    assert [check.id for check in found if check.id.startswith("kernel.")] == [code]


def test_strong_secrets_pass():
    assert not [c for c in run_checks(tags=["security"]) if c.id.startswith("kernel.")]


def test_an_error_without_words_says_its_title():
    assert str(DomainError()) == DomainError.title
    assert Missing().detail == "There is nothing here that you can see."
    assert DomainError("Because.", limit=5).extra == {"limit": 5}
    assert Denied(reason="role viewer lacks it").detail == "role viewer lacks it"
    assert Denied("No.").reason == "No."
    assert BadParameter("No.").extra == {}
    assert Invalid.field("name", "No.", code="taken").errors == [
        {"pointer": "/name", "code": "taken", "detail": "No."}
    ]


def test_principals_are_told_apart():
    key = uuid7()
    person = Principal(PrincipalKind.USER, key, "ada")
    assert person.key == f"user:{key}"
    assert person.is_user
    assert not person.is_system
    origin = Origin(ip="192.0.2.1")
    assert person.seen_from(origin).origin == origin
    assert person.seen_from(origin).id == key
    system = Principal.system("purge")
    assert (system.key, system.is_system) == ("system:purge", True)
    assert system.credential == Credential(CredentialKind.INTERNAL)
    assert Principal.anonymous().key == "anonymous:anonymous"


def test_a_request_tells_who_calls_from_where(rf):
    request = rf.get("/", REMOTE_ADDR="192.0.2.9")
    assert principal_of(request) == Principal.anonymous()
    assert origin_of(request) == Origin(ip="192.0.2.9")
    assert caller_key(request) == "anonymous:anonymous@192.0.2.9"
    assert origin_of(object()) == Origin()
    request.principal = Principal(PrincipalKind.USER, uuid7())
    request.origin = Origin(ip="192.0.2.1")
    assert caller_key(request) == request.principal.key
    assert origin_of(request).ip == "192.0.2.1"


@pytest.mark.django_db
def test_rows_are_read_through_their_organization():
    mine, other = uuid7(), uuid7()
    for organization in (mine, other):
        Event.objects.create(
            organization_id=organization,
            sequence=1,
            occurred_at="2026-01-01T00:00Z",
            type="x",
            actor_kind="user",
            hash="",
        )
    (row,) = Event.objects.of(mine)
    assert Event.objects.of(mine).pick(row.wire_id) == row
    with pytest.raises(Missing):
        Event.objects.of(other).pick(row.wire_id)
    with pytest.raises(Missing):
        Event.objects.of(mine).pick("evt_nonsense")
    assert Event.objects.system_all().count() == 2


def test_a_wire_id_names_its_kind():
    job = Job()
    assert job.wire_id == f"job_{job.pk.hex}"
    assert Identified.wire_prefix == "obj"


def test_a_change_counts_and_an_old_version_is_refused():
    class Row:
        version = 3
        saved: tuple[str, ...] = ()

        def save(self, *, update_fields):
            self.saved = tuple(update_fields)

    row = Row()
    Versioned.require_version(row, None)
    Versioned.require_version(row, 3)
    with pytest.raises(Stale) as caught:
        Versioned.require_version(row, 2)
    assert caught.value.extra == {"current_version": 3}
    Versioned.save_change(row, "name")
    assert (row.version, row.saved) == (4, ("name", "version"))


def test_the_wiring_knows_every_job_that_it_names():
    plan = wiring()
    named = {kind for reactions in plan.reactions.values() for kind in reactions.after}
    named |= {schedule.job for schedule in plan.schedules.values()}
    assert named <= set(plan.jobs)
    assert set(plan.reactions) <= set(plan.events)
