"""Make a backup of the running installation."""

import tempfile
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

from django.db import connection

from kernel.backup import keys, postgresql, sqlite
from kernel.backup.archive import Digest, add_manifest, appearing, writing
from kernel.backup.manifest import FORMAT, Head, Manifest, applied_migrations
from kernel.clock import now
from kernel.upgrade.release import RELEASE
from kernel.upgrade.turns import one_at_a_time


def make(path: Path, *, say: Callable[[str], None]) -> Manifest:
    """Write a backup to a new file and return its manifest; raise `Refusal`.

    What it holds is the state of one moment, however much is written meanwhile; only a
    migration waits for its end, and it for a migration's.
    """
    with (
        one_at_a_time(connection, on_wait=lambda: say("A migration is running; waiting for it.")),
        appearing(path) as draft,
    ):
        if connection.vendor == "postgresql":
            return _of_postgresql(draft)
        return _of_sqlite(draft)


def _of_postgresql(draft: Path) -> Manifest:
    # Found out before anything is written: the client may be missing or too old.
    postgresql.client("pg_dump")
    with postgresql.snapshot() as (cursor, name):
        tables = connection.introspection.table_names()
        rows, heads = _facts(cursor, tables)
        with writing(draft, postgresql.DATA, is_compressed=True) as digest:
            postgresql.dump(name, digest)
        return _finish(draft, digest, rows, heads)


def _of_sqlite(draft: Path) -> Manifest:
    with tempfile.TemporaryDirectory(dir=draft.parent, prefix=".backup-") as folder:
        copy = Path(folder) / sqlite.DATA
        sqlite.copy_to(copy)
        with closing(connect(copy)) as database, closing(database.cursor()) as cursor:
            tables = connection.introspection.table_names()
            rows, heads = _facts(cursor, tables)
        with (
            writing(draft, sqlite.DATA, is_compressed=False) as digest,
            copy.open("rb") as source,
        ):
            digest.copy_from(source)
    return _finish(draft, digest, rows, heads)


def _facts(cursor: Any, tables: Iterable[str]) -> tuple[dict[str, int], dict[str, Head]]:
    """Return the rows of each table and the end of each audit chain, of one moment."""
    rows = {}
    for table in sorted(tables):
        counted = f"SELECT count(*) FROM {connection.ops.quote_name(table)}"  # noqa: S608 - a table, quoted # nosec B608
        cursor.execute(counted)
        rows[table] = cursor.fetchone()[0]
    cursor.execute("SELECT organization_id, sequence, hash FROM kernel_chainhead")
    heads = {
        str(organization).replace("-", ""): Head(sequence, link)
        for organization, sequence, link in cursor.fetchall()
    }
    return rows, heads


def _finish(draft: Path, digest: Digest, rows: dict[str, int], heads: dict[str, Head]) -> Manifest:
    manifest = Manifest(
        format=FORMAT,
        release=RELEASE,
        made_at=now(),
        database=connection.vendor,
        migrations=applied_migrations(),
        rows=rows,
        heads=heads,
        keys=keys.installed_ids(),
        data_bytes=digest.size,
        data_sha256=digest.hexdigest,
    )
    add_manifest(draft, manifest)
    return manifest
