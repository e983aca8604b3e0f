"""Encrypted columns: sealed in the database, bound to their row, opened when read."""

import pytest
from django.core import serializers
from django.core.exceptions import FieldError
from django.db import connection, models
from django.db.models.functions import Lower
from django.test.utils import isolate_apps

from kernel.clock import now
from kernel.crypto.fields import EncryptedTextField, Sealed
from kernel.crypto.keyring import Unreadable, is_sealed, new_key
from kernel.ids import uuid7
from kernel.mail.models import Mail

pytestmark = pytest.mark.django_db


def put(text="a secret", html=""):
    key = uuid7()
    return Mail.objects.create(
        template="t",
        recipient="a@b.c",
        message_id=key.hex,
        text=text,
        html=html,
        created_at=now(),
    )


def stored(mail):
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM kernel_mail WHERE message_id = %s", [mail.message_id])
        return cursor.fetchone()[0]


def test_the_database_holds_a_blob_and_the_model_the_text():
    mail = put()
    assert is_sealed(stored(mail))
    assert "secret" not in stored(mail)
    assert Mail.objects.get(pk=mail.pk).text == "a secret"
    assert mail.text == "a secret"


def test_empty_stays_empty():
    assert stored(put("")) == ""


def test_a_blob_is_opened_at_the_first_read_only():
    loaded = Mail.objects.get(pk=put().pk)
    assert isinstance(loaded.__dict__["text"], Sealed)
    assert repr(loaded.__dict__["text"]) == "<sealed>"
    assert loaded.text == "a secret"
    assert loaded.__dict__["text"] == "a secret"
    assert isinstance(Mail.text, object)


def test_an_unread_value_is_saved_as_it_is():
    mail = put()
    before = stored(mail)
    Mail.objects.get(pk=mail.pk).save()
    assert stored(mail) == before


def test_an_unread_value_of_an_old_key_moves_to_the_new_one(settings):
    mail = put()
    before = stored(mail)
    settings.STEWARD_ENCRYPTION_KEYS = [new_key(), *settings.STEWARD_ENCRYPTION_KEYS]
    Mail.objects.get(pk=mail.pk).save()
    assert stored(mail) != before
    assert Mail.objects.get(pk=mail.pk).text == "a secret"


def test_a_blob_copied_to_another_row_does_not_open():
    left, right = put("left"), put("right")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE kernel_mail SET text = %s WHERE message_id = %s",
            [stored(left), right.message_id],
        )
    with pytest.raises(Unreadable):
        _ = Mail.objects.get(pk=right.pk).text


def test_a_blob_copied_to_another_column_does_not_open():
    mail = put()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE kernel_mail SET html = text")
    with pytest.raises(Unreadable):
        _ = Mail.objects.get(pk=mail.pk).html


def test_many_rows_are_sealed_at_once():
    rows = [
        Mail(
            template="t",
            recipient="a@b.c",
            message_id=f"m{n}",
            text=f"text {n}",
            created_at=now(),
        )
        for n in range(3)
    ]
    Mail.objects.bulk_create(rows)
    assert {mail.text for mail in Mail.objects.all()} == {"text 0", "text 1", "text 2"}
    assert all(is_sealed(stored(mail)) for mail in rows)


def test_writes_that_know_no_row_are_refused():
    mail = put()
    with pytest.raises(TypeError, match=r"save\(\)"):
        Mail.objects.update(text="plain")
    mail.text = "plain"
    with pytest.raises(TypeError, match=r"save\(\)"):
        Mail.objects.bulk_update([mail], ["text"])


@pytest.mark.parametrize("lookup", ["text", "text__exact", "text__icontains", "text__in"])
def test_a_search_in_what_is_sealed_is_refused(lookup):
    with pytest.raises(FieldError, match="sealed"):
        Mail.objects.filter(**{lookup: "a secret"}).first()


def test_transforms_are_refused_and_null_can_be_asked_for():
    with pytest.raises(FieldError, match="sealed"):
        Mail.objects.filter(text__lower=Lower("text")).first()
    put()
    assert Mail.objects.filter(text__isnull=False).count() == 1


def test_values_and_dumps_hold_the_blob():
    mail = put()
    assert is_sealed(Mail.objects.values_list("text", flat=True).get())
    dumped = serializers.serialize("json", [Mail.objects.get(pk=mail.pk), put("")])
    assert "a secret" not in dumped


@isolate_apps("kernel")
def test_a_key_made_by_the_database_is_refused_by_the_checks():
    class Numbered(models.Model):  # noqa: DJ008 - it lives for a moment
        secret = EncryptedTextField()

        class Meta:
            app_label = "kernel"

    class Named(models.Model):  # noqa: DJ008 - it lives for a moment
        id = models.UUIDField(primary_key=True)
        secret = EncryptedTextField()

        class Meta:
            app_label = "kernel"

    assert [error.id for error in Numbered._meta.get_field("secret").check()] == ["kernel.E001"]
    assert Named._meta.get_field("secret").check() == []
    with pytest.raises(ValueError, match="bound to its row"):
        Named._meta.get_field("secret").pre_save(Named(secret="x"), add=True)
