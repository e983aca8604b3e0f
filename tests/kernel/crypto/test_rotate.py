"""Rotation: everything moves to the first key, beside live writes, from any point on."""

import io
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from kernel.clock import now
from kernel.crypto.keyring import new_key
from kernel.crypto.rotate import count_remaining, rotate_all, sealed_fields
from kernel.mail.models import Mail

pytestmark = pytest.mark.django_db


def put(number):
    return Mail.objects.create(
        template="t",
        recipient="a@b.c",
        message_id=f"m{number}",
        text=f"text {number}",
        html="<p>",
        created_at=now(),
    )


@pytest.fixture
def old_rows(settings):
    """Ten mails on an old key, and a new one in front of it."""
    for number in range(10):
        put(number)
    old = settings.STEWARD_ENCRYPTION_KEYS
    settings.STEWARD_ENCRYPTION_KEYS = [new_key(), *old]
    return settings


def test_every_encrypted_column_is_known():
    assert {str(column) for column in sealed_fields()} >= {
        "kernel.Mail.text",
        "kernel.Mail.html",
        "kernel.IdempotencyKey.body",
    }


def test_after_a_rotation_the_old_key_is_not_needed(old_rows):
    assert count_remaining().remaining == 20
    progress = []
    report = rotate_all(batch_size=3, on_progress=lambda *seen: progress.append(seen))
    assert (report.rotated, report.remaining, report.failures) == (20, 0, [])
    assert ("kernel.Mail.text", 10) in progress
    old_rows.STEWARD_ENCRYPTION_KEYS = old_rows.STEWARD_ENCRYPTION_KEYS[:1]
    assert {mail.text for mail in Mail.objects.all()} == {f"text {n}" for n in range(10)}


def test_a_second_rotation_finds_nothing(old_rows):
    rotate_all()
    assert rotate_all().rotated == 0


def test_a_value_that_cannot_be_opened_is_listed_and_left(old_rows):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE kernel_mail SET html = text WHERE message_id = 'm3'")
    report = rotate_all(batch_size=1)
    assert (report.rotated, report.remaining, len(report.failures)) == (19, 1, 1)
    assert "kernel.Mail.html" in report.failures[0]


def test_the_command_reports_and_fails_if_something_remains(old_rows):
    out = io.StringIO()
    call_command("rotate_encryption_keys", "--dry-run", stdout=out)
    assert "20 values remain" in out.getvalue()
    call_command("rotate_encryption_keys", "--batch-size", "4", stdout=out)
    assert "20 values were sealed again" in out.getvalue()
    assert "0 values remain" in out.getvalue()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE kernel_mail SET html = text WHERE message_id = 'm3'")
    old_rows.STEWARD_ENCRYPTION_KEYS = [new_key(), *old_rows.STEWARD_ENCRYPTION_KEYS]
    err = io.StringIO()
    with pytest.raises(CommandError, match="1 values remain"):
        call_command("rotate_encryption_keys", stdout=out, stderr=err)
    assert "altered, or moved" in err.getvalue()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_writes_during_a_rotation_are_not_lost(old_rows, in_threads):
    ended = threading.Event()
    last = {}

    def write():
        rounds = 0
        while not ended.is_set() or rounds < 3:
            rounds += 1
            for number in range(10):
                mail = Mail.objects.get(message_id=f"m{number}")
                mail.text = last[number] = f"round {rounds} of {number}"
                mail.save(update_fields=["text"])
        return rounds

    def rotate():
        try:
            return [rotate_all(batch_size=2).remaining for _ in range(20)]
        finally:
            ended.set()

    rounds, remaining = in_threads(write, rotate)
    assert rounds >= 3
    assert remaining[-1] == 0
    assert {m.message_id: m.text for m in Mail.objects.all()} == {
        f"m{number}": text for number, text in last.items()
    }
