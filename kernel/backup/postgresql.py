"""PostgreSQL: `pg_dump` of an exported snapshot, and its load in one transaction.

The clients are taken from PATH or from where Debian keeps them beside each server.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psycopg
from django.db import connection

from kernel.backup.archive import Digest
from kernel.backup.refusal import Refusal
from kernel.database.walls import SETTING

DATA = "database.dump"
_PLACES = (Path("/usr/lib/postgresql"), Path("/opt/homebrew/opt"), Path("/usr/local/opt"))

_EMPTY = """
DO $$
DECLARE thing record;
BEGIN
    FOR thing IN
        SELECT oid::regclass AS name, CASE relkind WHEN 'v' THEN 'VIEW'
            WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
        FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
          AND NOT EXISTS (
            SELECT FROM pg_depend
            WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
              AND deptype IN ('e', 'i', 'a')
          )
    LOOP
        EXECUTE format('DROP %s IF EXISTS %s CASCADE', thing.kind, thing.name);
    END LOOP;
    FOR thing IN
        SELECT oid::regprocedure AS name FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
          AND NOT EXISTS (
            SELECT FROM pg_depend
            WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
          )
    LOOP
        EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', thing.name);
    END LOOP;
END $$;
"""
"""Drops what stands in the schema, except what extensions brought."""


@contextmanager
def snapshot() -> Iterator[tuple[Any, str]]:
    """Yield a cursor that sees all rows of one moment, and the name by which others see them."""
    known = connection.settings_dict
    parameters = {
        "dbname": known["NAME"],
        "user": known["USER"],
        "password": known["PASSWORD"],
        "host": known["HOST"],
        "port": known["PORT"],
    }
    given = {name: value for name, value in parameters.items() if value}
    with psycopg.connect(**given, connect_timeout=10, autocommit=True) as holder:
        holder.execute("SET statement_timeout = 0")
        holder.execute("SET idle_in_transaction_session_timeout = 0")
        holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        holder.execute("SELECT set_config(%s, '*', true)", [SETTING])
        with holder.cursor() as cursor:
            cursor.execute("SELECT pg_export_snapshot()")
            (name,) = cursor.fetchone() or ("",)
            yield cursor, name


def dump(snapshot_name: str, target: Digest) -> None:
    """Let pg_dump write what the snapshot sees; raise `Refusal` if it fails."""
    command = [
        str(client("pg_dump")), "--format=custom", "--no-owner", "--no-privileges",
        "--lock-wait-timeout=30s", f"--snapshot={snapshot_name}",
        # The owner is behind the walls as well where they are forced; the setting opens them.
        "--enable-row-security",
    ]  # fmt: skip
    environment = {**_environment(), "PGOPTIONS": f"-c {SETTING}=*"}
    with subprocess.Popen(  # noqa: S603 - the command is ours
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        target.copy_from(_piped(process.stdout))
        said = _piped(process.stderr).read().decode(errors="replace")
    if process.returncode:
        raise Refusal(f"pg_dump failed: {said.strip()}")


def load(path: Path, *, replaces: bool) -> None:
    """Load a dump in one transaction, which first drops what is there if it `replaces`."""
    restore = [
        str(client("pg_restore")), "--no-owner", "--no-privileges", "--exit-on-error",
        "--file=-", str(path),
    ]  # fmt: skip
    psql = [
        str(client("psql")), "--no-psqlrc", "--quiet", "--single-transaction",
        "--set=ON_ERROR_STOP=1", f"--command={_EMPTY if replaces else 'SELECT'}", "--file=-",
    ]  # fmt: skip
    with (
        subprocess.Popen(  # noqa: S603 - the command is ours
            restore, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as reading,
        subprocess.Popen(  # noqa: S603 - the command is ours
            psql,
            env={**_environment(), "PGOPTIONS": "-c client_min_messages=warning"},
            stdin=reading.stdout,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as writing,
    ):
        _piped(reading.stdout).close()
        failure = _piped(writing.stderr).read().decode(errors="replace")
        damage = _piped(reading.stderr).read().decode(errors="replace")
    if reading.returncode or writing.returncode:
        raise Refusal(f"The load failed and was rolled back: {(damage or failure).strip()}")


def others_connected() -> int:
    """Return how many other clients are connected to this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


def client(name: str) -> Path:
    """Return the client program that fits the server best: as old as it may be, not older."""
    found: dict[int, Path] = {}
    for path in _candidates(name):
        version = _version(path)
        if version is not None:
            found.setdefault(version, path)
    needed = _server_version()
    fitting = [version for version in found if version >= needed]
    if fitting:
        return found[min(fitting)]
    if found:
        raise Refusal(
            f"{name} is of version {max(found)}, the server of version {needed}: a client older "
            f"than the server cannot read it. Install postgresql-client-{needed}."
        )
    raise Refusal(
        f"{name} is not installed: it is neither on PATH nor under {_PLACES[0]}. "
        f"On Debian and Ubuntu: apt-get install postgresql-client-{needed}."
    )


def _candidates(name: str) -> Iterator[Path]:
    on_path = shutil.which(name)
    if on_path:
        yield Path(on_path)
    for place in _PLACES:
        yield from sorted(place.glob(f"*/bin/{name}"))


def _version(path: Path) -> int | None:
    try:
        said = subprocess.run(  # noqa: S603 - asks a client for its version
            [str(path), "--version"], capture_output=True, text=True, check=True, timeout=20
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\b(\d+)(?:\.\d+|beta|rc|devel)", said)
    return int(found.group(1)) if found else None


def _server_version() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        return int(cursor.fetchone()[0]) // 10_000


def _environment() -> dict[str, str]:
    """Return the environment by which the clients find the default connection's database."""
    known = connection.settings_dict
    values = {
        "PGDATABASE": known["NAME"],
        "PGUSER": known["USER"],
        "PGPASSWORD": known["PASSWORD"],
        "PGHOST": known["HOST"],
        "PGPORT": str(known["PORT"] or ""),
    }
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PG")},
        **{name: value for name, value in values.items() if value},
    }


def _piped(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # noqa: S101 - it was asked for
    return stream
