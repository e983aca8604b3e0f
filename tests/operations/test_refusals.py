"""What does not fit is refused in one sentence, before anything changes."""

import io
import json
import zipfile

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from kernel.backup import postgresql, sqlite
from kernel.backup.refusal import Refusal
from kernel.crypto.keyring import new_key
from kernel.events.models import ChainHead
from kernel.ids import uuid7

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(settings, tmp_path):
    """Back this database up; restores may work in an empty folder from here on."""
    made = tmp_path / "one.backup"
    call_command("backup", str(made), keys=tmp_path / "keys.env", stdout=io.StringIO())
    settings.STEWARD_DATA_DIR = tmp_path / "data"
    return made


@pytest.fixture
def is_refused(settings, file):
    """Restore and return the sentence of the refusal; nothing may have changed."""
    head = ChainHead.objects.create(organization_id=uuid7(), sequence=0)

    def restore(path=file, **options):
        with pytest.raises(CommandError) as refused:
            call_command("restore", str(path), stdout=io.StringIO(), **{"force": True, **options})
        assert ChainHead.objects.filter(pk=head.pk).exists()
        assert not any(file.parent.joinpath("data").glob("*"))
        return str(refused.value)

    return restore


def altered(file, **changes):
    """Write a backup whose manifest says something else."""
    target = file.with_name("altered.backup")
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            if name == "manifest.json":
                content = json.dumps({**json.loads(content), **changes}).encode()
            copy.writestr(name, content)
    return target


def test_what_is_no_whole_backup_is_refused(file, is_refused):
    content = file.read_bytes()
    middle = len(content) // 3
    cases = {
        "cut off": content[:-100],
        "damaged": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "is no backup": b"something else",
    }
    for word, changed in cases.items():
        wrong = file.with_name("wrong.backup")
        wrong.write_bytes(changed)
        assert word in is_refused(wrong)
    assert "There is no file" in is_refused(file.with_name("absent.backup"))


def test_another_zip_file_is_refused(file, is_refused):
    wrong = file.with_name("wrong.zip")
    with zipfile.ZipFile(wrong, "w") as archive:
        archive.writestr("letter.txt", "Dear operator")
    assert "has no manifest.json" in is_refused(wrong)


def test_a_backup_of_something_newer_or_else_is_refused(file, is_refused):
    with zipfile.ZipFile(file) as archive:
        migrations = json.loads(archive.read("manifest.json"))["migrations"]
    cases = {
        "reads up to 1": {"format": 2},
        "kernel.9999_later": {"migrations": [*migrations, "kernel.9999_later"]},
        "was made on mysql": {"database": "mysql"},
        "cannot be read": {"rows": "many"},
        "another digest": {"data_sha256": "0" * 64},
    }
    for word, changes in cases.items():
        assert word in is_refused(altered(file, **changes))


@pytest.mark.django_db(transaction=True)
def test_a_database_that_holds_something_needs_force_and_its_name(
    file, is_refused, monkeypatch
):
    assert "is not empty" in is_refused(force=False)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    # Connections of this very run would be refused before the question.
    monkeypatch.setattr(postgresql, "others_connected", lambda: 0)
    monkeypatch.setattr(sqlite, "require_unused", lambda _path: None)
    assert "not confirmed" in is_refused()


def test_a_backup_overwrites_nothing(file):
    content = file.read_bytes()
    with pytest.raises(CommandError, match="never overwrites"):
        call_command("backup", str(file), stdout=io.StringIO())
    assert file.read_bytes() == content


def test_missing_keys_are_named(file, settings, is_refused):
    ids = json.loads(zipfile.ZipFile(file).read("manifest.json"))["keys"]
    settings.STEWARD_ENCRYPTION_KEYS = [new_key()]
    settings.STEWARD_KEY_PEPPERS = ["another-pepper-" + "p" * 40]
    said = is_refused()
    assert f"encryption key {ids['encryption'][0]} (STEWARD_ENCRYPTION_KEYS)" in said
    assert f"pepper {ids['peppers'][0]} (STEWARD_KEY_PEPPERS)" in said
    assert "checkpoint key" not in said
    half = file.with_name("half.env")
    half.write_text(file.with_name("keys.env").read_text().replace("STEWARD_KEY_PEPPERS", "X"))
    assert "STEWARD_KEY_PEPPERS is not in it" in is_refused(keys=half)
    assert "cannot be read" in is_refused(keys=file.with_name("absent.env"))


def test_a_key_that_an_environment_file_cannot_carry_is_not_written(settings, tmp_path):
    settings.SECRET_KEY = "it's " + "s" * 40
    with pytest.raises(CommandError, match="SECRET_KEY holds a character"):
        call_command("backup", str(tmp_path / "b"), keys=tmp_path / "keys.env")
    assert not any(tmp_path.glob("*"))


def test_a_backup_needs_its_folder(tmp_path):
    with pytest.raises(CommandError, match="does not exist"):
        call_command("backup", str(tmp_path / "absent" / "b"), stdout=io.StringIO())


@pytest.mark.postgresql
def test_a_client_that_is_missing_or_older_than_the_server_is_named(monkeypatch, tmp_path):
    if connection.vendor != "postgresql":
        pytest.fail("marked postgresql, run on something else")
    monkeypatch.setattr(postgresql, "_PLACES", (tmp_path / "nowhere",))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refusal, match="pg_dump is not installed"):
        postgresql.client("pg_dump")
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    old.chmod(0o755)
    with pytest.raises(Refusal, match="older than the server"):
        postgresql.client("pg_dump")
    with pytest.raises(CommandError, match="older than the server"):
        call_command("backup", str(tmp_path / "b"), stdout=io.StringIO())
    assert not (tmp_path / "b").exists()
