"""`migrate` beside traffic: it takes turns, and gives up a lock that others would wait behind."""

import signal
import subprocess
import sys

import psycopg
import pytest

from tests.operations.installation import ROOT, installed, wait_until

LAST = "0004_walls"
"""The migration before one that alters kernel_job."""


@pytest.mark.postgresql
def test_a_lock_that_is_not_to_be_had_is_tried_again_while_a_second_migrate_waits(tmp_path):
    with installed("postgresql", tmp_path) as installation:
        installation.manage("migrate", "-v0")
        installation.manage("migrate", "kernel", LAST, "-v0")
        plan = installation.manage("migrate", "--plan")
        assert "kernel.0005_jobs_carry_the_request_id: kernel_job (about" in plan
        assert "no reads, no writes meanwhile" in plan

        def start(name):
            with (tmp_path / name).open("w") as said:
                process = subprocess.Popen(
                    [sys.executable, "manage.py", "migrate", "--lock-timeout", "0.2"],
                    cwd=ROOT, env=installation.environment, stdout=said, stderr=said,
                )  # fmt: skip
            installation.running.append(process)
            return process, (tmp_path / name).read_text

        with psycopg.connect(installation.database_url) as somebody:
            somebody.execute("LOCK TABLE kernel_job IN ROW EXCLUSIVE MODE")
            first, first_says = start("first")
            wait_until("it gives up for now", lambda: "trying again" in first_says())
            assert "a table was locked by somebody else" in first_says()
            # Nobody waits behind a lock that is waited for.
            somebody.execute("SELECT 1 FROM kernel_job")
            second, second_says = start("second")
            wait_until("the second waits", lambda: "Another migration is running" in second_says())
        assert (first.wait(60), second.wait(60)) == (0, 0)
        assert "0005_jobs_carry_the_request_id... OK" in first_says()
        assert "No migrations to apply" in second_says()
        installation.running.clear()


@pytest.mark.postgresql
def test_a_constraint_that_waits_for_another_table_is_tried_again(tmp_path):
    """Django adds foreign keys as the transaction ends, where it undoes nothing by itself."""
    with installed("postgresql", tmp_path) as installation:
        installation.manage("migrate", "-v0")
        installation.manage("migrate", "identity", "0003_scim", "-v0")
        said = tmp_path / "said"
        with (
            psycopg.connect(installation.database_url) as somebody,
            said.open("w") as out,
        ):
            somebody.execute("LOCK TABLE orgs_organization IN ROW EXCLUSIVE MODE")
            process = subprocess.Popen(
                [sys.executable, "manage.py", "migrate", "--lock-timeout", "0.2"],
                cwd=ROOT, env=installation.environment, stdout=out, stderr=out,
            )  # fmt: skip
            installation.running.append(process)
            wait_until("it gives up for now", lambda: "trying again" in said.read_text())
        assert process.wait(60) == 0, said.read_text()
        assert "0004_provisionedaccount... OK" in said.read_text()
        installation.running.clear()


_KILLED_BEFORE_IT_IS_NOTED = """
import os, signal, sys
from django.core.management import execute_from_command_line
from django.db.migrations.recorder import MigrationRecorder

note = MigrationRecorder.record_applied

def killed(self, app, name):
    if (app, name) == ("auth", "0001_initial"):
        os.kill(os.getpid(), signal.SIGKILL)
    note(self, app, name)

MigrationRecorder.record_applied = killed
execute_from_command_line(["manage.py", "migrate", "-v0"])
"""


@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def test_whoever_is_killed_before_a_migration_is_noted_can_migrate_again(tmp_path, database):
    with installed(database, tmp_path) as installation:
        killed = subprocess.run(
            [sys.executable, "-c", _KILLED_BEFORE_IT_IS_NOTED],
            cwd=ROOT, env=installation.environment, check=False, timeout=120,
        )  # fmt: skip
        assert killed.returncode == -signal.SIGKILL
        installation.manage("migrate", "-v0")
        installation.manage("migrate", "--check", "-v0")
