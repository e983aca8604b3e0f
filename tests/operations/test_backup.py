"""A backup made under load becomes a working installation on an empty machine.

As an operator would do it: two commands, another folder, another database. The figures of
`make drill` come from here, with more members and events.
"""

import json
import os
import re
import sqlite3
import time
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.operations.installation import Installation, installed, signs_in
from tests.operations.load import Load

KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
MEMBERS = int(os.environ.get("STEWARD_DRILL_MEMBERS", "30"))
EVENTS = int(os.environ.get("STEWARD_DRILL_EVENTS", "300"))
PASSWORD = "a long enough passphrase of the drill"


def seconds(text: str) -> str:
    """Return the seconds that a command says it took."""
    return re.findall(r"([\d.]+) s\.", text)[-1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_backup_under_load_is_restored_on_an_empty_machine(kind, tmp_path, record_property):
    file, key_file = tmp_path / "one.backup", tmp_path / "keys.env"
    with installed(kind, tmp_path / "first") as first:
        first.manage("migrate", "-v0")
        facts = json.loads(
            first.run("tests.operations.seed", str(MEMBERS), str(EVENTS), PASSWORD)
        )
        web = first.start_web()
        with Load(web.port, facts["api_key"], facts["organization"]) as load:
            before_rate = load.wait_for(60)
            certain, count, started = set(load.acknowledged), load.requests, time.monotonic()
            said = first.manage("backup", str(file), "--keys", str(key_file))
            rate = (load.requests - count) / (time.monotonic() - started)
            assert load.requests > count
            load.wait_for(30)
        assert load.failures == []
    made = re.search(r"(\d+) rows in (\d+) tables", said)
    assert made
    with installed(kind, tmp_path / "second") as second:
        restored = second.manage(
            "restore", str(file), "--keys", str(key_file), "--end-sessions"
        )
        assert f"Restored {made.group(1)} rows" in restored
        assert "all links hold" in restored
        assert "invariants hold" in restored
        there = {name for (name,) in ask(second, "SELECT name FROM orgs_entity")}
        assert certain <= there
        # The end of what was acknowledged came after the backup.
        assert not load.acknowledged.keys() <= there
        web = second.start_web()
        web.wait_until_ready()
        for name in ("api_key", "member_key"):
            assert web.call(facts[name], "GET", "/api/v1/me")["kind"] == "user"
        assert signs_in(web.port, facts["email"], PASSWORD)
        path = f"/api/v1/organizations/{facts['organization']}/teams"
        team = {"name": "after-the-restore", "display_name": ""}
        assert web.call(facts["api_key"], "POST", path, team)
        second.verify()
    record_property(
        f"backup_{kind}",
        f"{seconds(said)} s, {file.stat().st_size / 1e6:.1f} MB, {made.group(1)} rows; "
        f"requests {before_rate:.0f}/s before, {rate:.0f}/s during",
    )
    record_property(f"restore_{kind}", f"{seconds(restored)} s with migration and verification")


@pytest.fixture(scope="module", params=KINDS)
def backup(request, tmp_path_factory):
    """Yield an installation with a demo organization, its backup and its key file."""
    folder = tmp_path_factory.mktemp("backup")
    with installed(request.param, folder / "installation") as installation:
        installation.manage("migrate", "-v0")
        installation.manage("seed_demo")
        file, key_file = folder / "one.backup", folder / "keys.env"
        installation.manage("backup", str(file), "--keys", str(key_file))
        yield installation, file, key_file


def ask(installation: Installation, statement: str) -> list[tuple[Any, ...]]:
    """Run one statement on the installation's database and keep its effect."""
    if installation.database_url:
        with psycopg.connect(installation.database_url) as database:
            cursor = database.execute(statement)
            return cursor.fetchall() if cursor.description else []
    with closing(sqlite3.connect(installation.folder / "steward.sqlite3")) as database, database:
        return database.execute(statement).fetchall()


def is_refused(target: Installation, file: Path, *options: str, typed: str = "") -> str:
    """Restore, which must be refused in one sentence; return it."""
    done = target.command("restore", str(file), *options, typed=typed)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_the_backup_holds_no_secret_and_only_its_owner_reads_it(backup):
    installation, file, key_file = backup
    secrets = json.loads((installation.folder / "secrets.json").read_text())
    with zipfile.ZipFile(file) as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    values = [secrets["secret_key"], *secrets["key_peppers"], *secrets["encryption_keys"]]
    for secret in (*values, *secrets["checkpoint_keys"]):
        assert secret.encode() not in content
        assert secret in key_file.read_text()
    assert {path.stat().st_mode & 0o777 for path in (file, key_file)} == {0o600}


def test_what_is_there_is_replaced_once_its_name_was_typed_and_the_service_stopped(backup):
    installation, file, _ = backup
    web = installation.start_web()
    web.wait_until_ready()
    assert "Stop the service first" in is_refused(installation, file, "--force")
    web.terminate()
    changed = "UPDATE orgs_user SET display_name = 'changed'"
    counted = "SELECT count(*) FROM orgs_user WHERE display_name = 'changed'"
    ask(installation, changed)
    name = (
        installation.database_url.rpartition("/")[2]
        or str(installation.folder / "steward.sqlite3")
    )
    said = installation.manage("restore", str(file), "--force", typed=f"{name}\n")
    assert "invariants hold" in said
    assert ask(installation, counted) == [(0,)]
