"""Every kind of manipulation behind the log's back is located: organization, sequence, what.

Done as somebody who rules the database would: as its owner, with the triggers dropped.
"""

import base64
import datetime as dt
import io
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from kernel.crypto.signing import SigningRing, new_signing_key, signing_ring
from kernel.events import Target, checkpoints, record, verification
from kernel.events.chain import Mark, Walk, link
from kernel.events.models import ChainHead, ChainVerdict, Checkpoint, Event
from kernel.ids import encode, uuid7
from kernel.jobs.models import Job
from kernel.wiring import Reactions, Wiring
from tests.database import as_owner

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.spoils("chains are broken here in every way"),
]


@pytest.fixture
def append(rewire, person):
    """Append events to an organization's chain."""
    rewire(
        Wiring(
            events={"test.happened": ""},
            reactions={"test.happened": Reactions(after=("one", "two"))},
        )
    )

    def write(organization, count=1):
        for number in range(count):
            with transaction.atomic():
                record(
                    type="test.happened",
                    actor=person,
                    organization=organization,
                    target=Target("thing", f"thing_{number}", "a thing"),
                    changes={"number": [None, number], "größe": ["ä", "日本\n\"x\""]},
                )

    return write


@pytest.fixture
def file(settings, tmp_path):
    """The file of checkpoints outside of the database."""
    settings.STEWARD_CHECKPOINT_FILE = str(tmp_path / "kept" / "checkpoints.jsonl")
    return tmp_path / "kept" / "checkpoints.jsonl"


@pytest.fixture
def chain(append, file):
    """Twelve events with checkpoints after the fourth and the eighth; another chain beside it."""
    organization = uuid7()
    append(organization, 4)
    checkpoints.make()
    append(organization, 4)
    checkpoints.make()
    append(organization, 4)
    append(uuid7(), 3)
    return organization


def rows(chain):
    return Event.objects.of(chain).order_by("sequence")


def verify(*arguments):
    """Return the lines of broken places that the command prints; none if it is content."""
    out = io.StringIO()
    try:
        call_command("verify_audit_log", *arguments, stdout=out)
    except CommandError:
        return [line for line in out.getvalue().splitlines() if line.startswith("BROKEN")]
    assert "all links hold" in out.getvalue()
    return []


def at(chain, sequence, what):
    return f"BROKEN {chain} #{sequence}: {what}"


def rechain(chain, start):
    """Recompute every link from an event on, and the head, as a thorough forger would."""
    previous = rows(chain).filter(sequence=start - 1).first()
    linked = previous.hash if previous else ""
    for event in rows(chain).filter(sequence__gte=start):
        event.previous_hash = linked
        linked = link(event)
        rows(chain).filter(pk=event.pk).update(previous_hash=event.previous_hash, hash=linked)
        last = event.sequence
    ChainHead.objects.filter(pk=chain).update(sequence=last, hash=linked)


def test_an_honest_log_holds(chain, file):
    assert verify() == []
    assert verify("--from-checkpoint") == []
    assert verify("--org", encode("org", chain), "--checkpoints", str(file)) == []


def _one_byte(value):
    """Return a value that differs in its last place."""
    match value:
        case str():
            return value[:-1] + ("x" if value[-1:] != "x" else "y") if value else "x"
        case None:
            return "x"
        case dict():
            return {**value, "number": [None, 99]}
        case dt.datetime():
            return value + dt.timedelta(microseconds=1)
    return uuid7()


COLUMNS = sorted(
    field.attname
    for field in Event._meta.concrete_fields
    if field.attname not in ("sequence", "organization_id")
)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.usefixtures("behind_its_back")
def test_an_edit_of_any_column_is_located(chain, column):
    event = rows(chain).get(sequence=6)
    rows(chain).filter(pk=event.pk).update(**{column: _one_byte(getattr(event, column))})
    found = verify()
    assert at(chain, 6, "its content was changed") in found
    assert {int(line.split("#")[1].split(":")[0]) for line in found} <= {6, 7}


@pytest.mark.usefixtures("behind_its_back")
def test_an_edit_of_the_follow_ups_to_none_is_located(chain):
    rows(chain).filter(sequence=6).update(follow_ups=None)
    assert verify() == [at(chain, 6, "its content was changed")]


@pytest.mark.usefixtures("behind_its_back")
def test_an_event_that_was_moved_is_located(chain):
    rows(chain).filter(sequence=6).update(organization_id=uuid7())
    assert at(chain, 6, "events 6 to 6 are missing") in verify()
    assert verify("--org", encode("org", chain)) == [at(chain, 6, "events 6 to 6 are missing")]


@pytest.mark.usefixtures("behind_its_back")
def test_a_deletion_in_the_middle_is_located(chain):
    rows(chain).filter(sequence__in=[6, 7]).delete()
    assert verify() == [at(chain, 6, "events 6 to 7 are missing")]


@pytest.mark.usefixtures("behind_its_back")
def test_an_insertion_is_located(chain):
    for event in rows(chain).filter(sequence__gt=6).order_by("-sequence"):
        rows(chain).filter(pk=event.pk).update(sequence=event.sequence + 1)
    forged = rows(chain).get(sequence=6)
    forged.pk, forged.sequence, forged.actor_label = uuid7(), 7, "mallory"
    forged.previous_hash = forged.hash
    forged.hash = link(forged)
    forged.save(force_insert=True)
    ChainHead.objects.filter(pk=chain).update(sequence=13)
    found = verify()
    assert at(chain, 8, "it does not continue the event before") in found
    assert any("to 8 were rewritten" in line and f"{chain} #5:" in line for line in found)


@pytest.mark.usefixtures("behind_its_back")
def test_reordered_events_are_located(chain):
    six, seven = rows(chain).get(sequence=6), rows(chain).get(sequence=7)
    rows(chain).filter(pk=six.pk).update(sequence=99)
    rows(chain).filter(pk=seven.pk).update(sequence=6)
    rows(chain).filter(pk=six.pk).update(sequence=7)
    found = verify()
    assert at(chain, 6, "it does not continue the event before") in found
    assert at(chain, 7, "its content was changed") in found


@pytest.mark.usefixtures("behind_its_back")
def test_a_cut_end_is_located_by_the_head(chain):
    rows(chain).filter(sequence__gt=10).delete()
    assert verify() == [at(chain, 11, "events 11 to 12 were cut off")]


@pytest.mark.parametrize("known_by", ["table", "file"])
@pytest.mark.usefixtures("behind_its_back")
def test_a_cut_end_with_a_head_to_match_is_located_by_a_checkpoint(chain, file, known_by):
    rows(chain).filter(sequence__gt=6).delete()
    last = rows(chain).last()
    ChainHead.objects.filter(pk=chain).update(sequence=6, hash=last.hash)
    if known_by == "table":
        file.unlink()
    else:
        Checkpoint.objects.all().delete()
    (found,) = verify()
    assert found.startswith(at(chain, 7, "events 7 to 8 were cut off: the checkpoint of "))


@pytest.mark.parametrize(
    ("edited", "first", "last"), [(2, 1, 4), (4, 1, 4), (6, 5, 8)], ids=["early", "at", "between"]
)
@pytest.mark.usefixtures("behind_its_back")
def test_a_chain_made_anew_is_located_between_two_checkpoints(chain, edited, first, last):
    rows(chain).filter(sequence=edited).update(actor_label="nobody")
    rechain(chain, edited)
    (found,) = verify()
    assert found.startswith(at(chain, first, f"events {first} to {last} were rewritten"))


@pytest.mark.usefixtures("behind_its_back")
def test_a_whole_chain_that_was_deleted_is_located(chain):
    for model in (Event, ChainHead, Checkpoint):
        model.objects.filter(organization_id=chain).delete()
    (found,) = verify()
    assert found.startswith(at(chain, 1, "events 1 to 8 were cut off: the checkpoint of "))


@pytest.mark.usefixtures("behind_its_back")
def test_an_old_backup_in_its_place_is_located_by_the_file(chain, append, file):
    """The whole database as it was at event 4, checkpoints included, then honest use."""
    old = rows(chain).get(sequence=4)
    rows(chain).filter(sequence__gt=4).delete()
    Checkpoint.objects.filter(organization_id=chain, sequence__gt=4).delete()
    ChainHead.objects.filter(pk=chain).update(sequence=4, hash=old.hash)
    (found,) = verify()
    assert found.startswith(at(chain, 5, "events 5 to 8 were cut off: the checkpoint of "))
    append(chain, 6)
    (found,) = verify()
    assert found.startswith(at(chain, 5, "events 5 to 8 were rewritten"))


@pytest.mark.usefixtures("behind_its_back")
def test_a_checkpoint_made_anew_without_the_key_is_located(chain, settings, file):
    """Whoever rules the database can write a row, but not sign it."""
    rows(chain).filter(sequence=6).update(actor_label="nobody")
    rechain(chain, 6)
    file.unlink()
    Checkpoint.objects.filter(organization_id=chain, sequence=8).update(
        hash=rows(chain).get(sequence=8).hash
    )
    (found,) = verify()
    assert found.startswith(at(chain, 8, "the checkpoint of"))
    assert found.endswith("its signature is not valid")
    Checkpoint.objects.filter(organization_id=chain, sequence=8).update(key_id="00000000")
    (found,) = verify()
    assert found.endswith("its key 00000000 is not in STEWARD_CHECKPOINT_KEYS")


@pytest.mark.usefixtures("behind_its_back")
def test_a_walk_from_the_newest_checkpoint_sees_what_came_after(chain):
    rows(chain).filter(sequence=3).update(ip="x")
    assert verify("--from-checkpoint") == []
    rows(chain).filter(sequence=10).update(ip="x")
    assert verify("--from-checkpoint") == [at(chain, 10, "its content was changed")]
    rows(chain).filter(sequence=8).update(hash="0" * 64)
    assert verify("--from-checkpoint")[0].startswith(
        at(chain, 8, "the event is not the one of the checkpoint of ")
    )


# --- the database's own refusal -------------------------------------------------------------


@pytest.mark.parametrize("table", ["kernel_event", "kernel_checkpoint"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET hash = 'x'",
        "DELETE FROM {}",
        pytest.param("TRUNCATE {}", marks=pytest.mark.postgresql),
    ],
    ids=["update", "delete", "truncate"],
)
def test_not_even_the_owner_changes_what_was_appended(chain, table, statement):
    refused = pytest.raises(DatabaseError, match="append-only")
    with as_owner(), refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))


# --- checkpoints ----------------------------------------------------------------------------


def test_a_checkpoint_is_made_once_for_a_place(chain, append):
    made = checkpoints.make()
    assert sorted(row.sequence for row in made) == [3, 12]
    assert checkpoints.make() == []
    append(chain)
    assert [row.sequence for row in checkpoints.make([chain])] == [13]
    assert checkpoints.latest(chain).sequence == 13


def test_anybody_can_verify_a_checkpoint_with_the_public_key_alone(chain):
    statement = checkpoints.Statement.of(checkpoints.latest(chain))
    public = base64.b64decode(signing_ring().public_keys[statement.key_id])
    Ed25519PublicKey.from_public_bytes(public).verify(
        bytes.fromhex(statement.signature), statement.text.encode()
    )
    told = json.loads(statement.text)
    assert told["organization_id"] == str(chain)
    assert told["sequence"] == 8
    assert told["hash"] == rows(chain).get(sequence=8).hash
    assert told["kind"] == "steward-audit-checkpoint-1"


def test_the_file_holds_each_checkpoint_as_a_line(chain, file):
    found = list(checkpoints.read(file))
    assert [(s.organization_id, s.sequence) for s in found] == [(chain, 4), (chain, 8)]
    assert all(statement.is_genuine for statement in found)
    file.write_text(file.read_text() + '{"cut in the midd')
    assert len(list(checkpoints.read(file))) == 2
    file.write_text("not a checkpoint\n")
    with pytest.raises(ValueError, match="line 1 is not a checkpoint"):
        list(checkpoints.read(file))


def test_a_file_that_cannot_be_written_stops_no_checkpoint(chain, append, settings, tmp_path):
    settings.STEWARD_CHECKPOINT_FILE = str(tmp_path)
    append(chain)
    assert [row.sequence for row in checkpoints.make([chain])] == [13]


def test_the_command_prints_what_it_signed(chain, append):
    append(chain)
    out, told = io.StringIO(), io.StringIO()
    call_command(
        "checkpoint_audit_log", "--org", encode("org", chain), stdout=out, stderr=told
    )
    assert json.loads(out.getvalue())["sequence"] == 13
    assert told.getvalue() == "1 checkpoint(s) were made.\n"
    with pytest.raises(CommandError, match="org_"):
        call_command("checkpoint_audit_log", "--org", "acme")


def test_a_retired_key_verifies_and_signs_no_more(chain, append, settings):
    old = settings.STEWARD_CHECKPOINT_KEYS
    public = signing_ring().public_keys[signing_ring().primary_id]
    settings.STEWARD_CHECKPOINT_KEYS = [new_signing_key(), *old]
    append(chain)
    newer = checkpoints.make([chain])[0]
    assert newer.key_id != checkpoints.Checkpoint.objects.of(chain).first().key_id
    assert verify() == []
    settings.STEWARD_CHECKPOINT_KEYS = [settings.STEWARD_CHECKPOINT_KEYS[0], f"public:{public}"]
    assert verify() == []
    settings.STEWARD_CHECKPOINT_KEYS = [settings.STEWARD_CHECKPOINT_KEYS[0]]
    assert all("is not in STEWARD_CHECKPOINT_KEYS" in line for line in verify())


def test_a_signature_of_another_text_or_form_is_none():
    ring = SigningRing([new_signing_key()])
    signature = ring.sign(b"this")
    assert ring.verifies(ring.primary_id, signature, b"this")
    for wrong in (ring.sign(b"that"), "zz", "", signature[:-2]):
        assert not ring.verifies(ring.primary_id, wrong, b"this")
    assert not ring.verifies("00000000", signature, b"this")


# --- the nightly walk -----------------------------------------------------------------------


def night(slot="2026-11-26T00:00:00+00:00"):
    """Run a pass to its end, as the jobs would; return how many jobs it took."""
    verification.verify_some(Job(kind=verification.JOB, payload={"slot": slot}))
    count = 1
    while job := Job.objects.filter(kind=verification.JOB, state="due").first():
        verification.verify_some(job)
        Job.objects.filter(pk=job.pk).update(state="done")
        count += 1
    return count


def test_a_pass_keeps_its_verdict_on_every_chain(chain):
    assert night() == 1
    assert verification.verdict_on(chain).holds
    assert verification.verdict_on(chain).sequence == 12
    assert ChainVerdict.objects.count() == 2
    assert verification.count_broken() == 0


def test_a_pass_hands_on_before_it_becomes_long(chain, monkeypatch):
    monkeypatch.setattr(verification, "_EVENTS_A_JOB", 3)
    monkeypatch.setattr("kernel.events.chain._AT_ONCE", 2)
    assert night() > 3
    assert verification.verdict_on(chain).sequence == 12
    monkeypatch.setattr(verification, "_CHAINS_A_JOB", 1)
    ChainVerdict.objects.all().delete()
    assert night("2026-11-27T00:00:00+00:00") > 3
    assert ChainVerdict.objects.count() == 2


def test_a_walk_that_ends_early_says_nothing_of_the_marks_beyond(chain, monkeypatch):
    monkeypatch.setattr("kernel.events.chain._AT_ONCE", 2)
    last = rows(chain).order_by("-sequence").values_list("sequence", "hash").first()
    walk = Walk(chain, marks=[Mark(*last, "a checkpoint")], at_most=4)
    assert list(walk) == []
    assert (walk.is_complete, walk.walked) == (False, 4)
    walk = Walk(chain, start=walk.reached, marks=[Mark(last[0] + 1, last[1], "a checkpoint")])
    assert "were cut off: a checkpoint saw" in next(iter(walk)).what
    assert walk.is_complete


@pytest.mark.usefixtures("behind_its_back")
def test_a_break_is_kept_until_it_is_mended(chain, monkeypatch):
    monkeypatch.setattr(verification, "_EVENTS_A_JOB", 3)
    monkeypatch.setattr("kernel.events.chain._AT_ONCE", 2)
    before = rows(chain).get(sequence=7).ip
    rows(chain).filter(sequence=7).update(ip="x")
    night()
    found = verification.verdict_on(chain)
    assert (found.broken_at, found.finding) == (7, "its content was changed")
    assert verification.is_broken(chain)
    assert verification.count_broken() == 1
    rows(chain).filter(sequence=7).update(ip=before)
    assert verify() == []
    assert not verification.is_broken(chain)


def test_the_quick_way_agrees_with_the_definition_for_any_text(append, person):
    """What JSON writes in several ways is written in one: both ways make the same link."""
    organization = uuid7()
    text = "".join(map(chr, (*range(1, 0x20), 0x22, 0x2F, 0x5C, 0x7F, 0x85, 0x2028, 0x1F600)))
    for changes in ({}, {"b": {"z": 1, "a": [True, None, 10**25, -3]}, "a": text}, {text: text}):
        with transaction.atomic():
            record(
                type="test.happened",
                actor=person,
                organization=organization,
                target=Target("thing", "thing_1", text.replace("\x00", "")),
                changes=changes,
            )
    assert rows(organization).exclude(follow_ups="one two").count() == 0
    assert list(checkpoints.known(organization)[1]) == []
    assert verify("--org", encode("org", organization)) == []
    assert rows(organization).count() == 3
