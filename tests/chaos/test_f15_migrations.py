"""Failure 15: a migration is killed, and another is started beside it."""

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from tests.chaos.house import ROOT, House, built, kill_nine

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

MIGRATE = [sys.executable, "manage.py", "migrate", "-v1"]


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[House]:
    """An installation whose database is empty."""
    with built(tmp_path_factory.mktemp("migrated")) as made:
        yield made


def test_a_migration_that_is_killed_anywhere_is_finished_by_the_next(house, line, whole):
    kills = 20 if whole else 2
    line.name = f"15 migrate killed at {kills} moments"
    line.criterion = "each next one goes on; the schema is that of an undisturbed one"
    chance = random.Random(kills)
    as_owner = {"DATABASE_URL": house.database_url}
    moments = sorted(chance.uniform(0, 0.95) for _ in range(kills))
    total, survived = migrations(), 0
    for share in moments:
        process = house.start(MIGRATE, "migrate", **as_owner)
        reached = max(int(share * total), applied(house))
        while process.poll() is None and applied(house) < reached:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.05))
        survived += process.poll() is not None
        kill_nine(process)
        assert "Traceback" not in house.log("migrate"), house.log("migrate")
    house.manage("migrate", "-v0", **as_owner)
    assert applied(house) == total
    line.extra = {"kills": kills - survived, "migrations": total}
    assert survived < kills / 2, "hardly any was killed while it ran"
    assert schema(house.database_url) == schema_of_an_undisturbed_one(house)
    house.manage("migrate", "--check", **as_owner)


def test_two_migrations_at_once_take_turns(house, line):
    line.name = "15 two migrations at once"
    line.criterion = "one waits and says so; both succeed"
    with fresh_database(house) as url:
        both = [
            subprocess.Popen(
                MIGRATE,
                cwd=ROOT,
                env={**house.environment, "DATABASE_URL": url},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(2)
        ]
        outputs = [process.communicate(timeout=240)[0] for process in both]
        assert [process.returncode for process in both] == [0, 0], outputs
        waited = [output for output in outputs if "waiting for its end" in output]
        idle = [output for output in outputs if "No migrations to apply" in output]
        assert len(waited) == len(idle) == 1, outputs
        assert waited == idle


def test_a_migration_on_sqlite_that_is_killed_is_finished_by_the_next(
    tmp_path, house, line, whole
):
    kills = 20 if whole else 3
    line.name = f"15 migrate killed at {kills} moments: SQLite"
    line.criterion = "each next one goes on, and the file is whole"
    environment = {"DATABASE_URL": "", "STEWARD_DATA_DIR": str(tmp_path)}
    path, total = tmp_path / "steward.sqlite3", migrations()
    chance = random.Random(kills)
    for share in sorted(chance.uniform(0, 0.95) for _ in range(kills)):
        process = house.start(MIGRATE, "migrate-sqlite", **environment)
        while process.poll() is None and applied_in_file(path) < share * total:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.05))
        kill_nine(process)
    done = house.start(MIGRATE, "migrate-sqlite", **environment)
    assert done.wait(240) == 0, house.log("migrate-sqlite")
    assert applied_in_file(path) == total
    line.extra = {"kills": kills}


def migrations() -> int:
    """Return how many migrations this code has."""
    return len(MigrationLoader(None, ignore_no_migrations=True).graph.nodes)


def applied(house: House) -> int:
    """Return how many migrations the database went through."""
    try:
        return int(house.ask("SELECT count(*) FROM django_migrations")[0][0])
    except psycopg.errors.UndefinedTable:
        return 0


def applied_in_file(path: Path) -> int:
    """Return the same of a SQLite file."""
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1)) as database:
            return int(database.execute("SELECT count(*) FROM django_migrations").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def schema(url: str) -> list[Any]:
    """Return every column, constraint, index, trigger and policy of a database."""
    parts = (
        "SELECT table_name, column_name, data_type, is_nullable, column_default "
        "FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated "
        "FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) "
        "FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT tablename, policyname, qual FROM pg_policies WHERE schemaname = 'public'",
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
        "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid",
    )
    with psycopg.connect(url) as connection:
        return [sorted(connection.execute(part).fetchall(), key=repr) for part in parts]


def schema_of_an_undisturbed_one(house: House) -> list[Any]:
    """Migrate an empty database in one go and return its schema."""
    with fresh_database(house) as url:
        subprocess.run(
            [*MIGRATE[:-1], "-v0"], cwd=ROOT, env={**house.environment, "DATABASE_URL": url},
            check=True, timeout=240,
        )  # fmt: skip
        return schema(url)


@contextmanager
def fresh_database(house: House) -> Iterator[str]:
    """Give a block a database beside the house's, by its URL."""
    name = f"{house.database_url.rpartition('/')[2]}_beside"

    def do(statement: str) -> None:
        with psycopg.connect(house.database_url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))

    do("CREATE DATABASE {}")
    try:
        yield f"{house.database_url.rpartition('/')[0]}/{name}"
    finally:
        do("DROP DATABASE {} WITH (FORCE)")
