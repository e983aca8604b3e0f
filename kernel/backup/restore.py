"""Put a backup in place of an empty database: check, load, migrate, verify.

Whatever can be refused is refused before the database is touched. SQLite is restored into
a file beside its place, which it takes only when everything is verified; PostgreSQL loads
in one transaction.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection

from kernel.backup import keys, postgresql, sqlite
from kernel.backup.archive import Opened, reading
from kernel.backup.manifest import Manifest, applied_migrations, require_known_migrations
from kernel.backup.refusal import Refusal
from kernel.events.models import ChainHead


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator asked for; `confirm` gets the name of what would be replaced."""

    key_file: Path | None
    ends_sessions: bool
    replaces: bool
    confirm: Callable[[str], bool]
    say: Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """What was restored, and what the operator should know of it."""

    manifest: Manifest
    findings: list[str]
    kept: Path | None = None
    secrets: Path | None = None


def restore(path: Path, wishes: Wishes) -> Outcome:
    """Restore a backup; raise `Refusal` where nothing was changed."""
    say = wishes.say
    with (
        reading(path) as opened,
        tempfile.TemporaryDirectory(dir=_work_folder(), prefix=".restore-") as folder,
    ):
        manifest = opened.manifest
        say(
            f"Backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC, release {manifest.release}, "
            f"{manifest.database}, {manifest.total_rows} rows in {len(manifest.rows)} tables."
        )
        _require_fitting(manifest)
        _require_keys(manifest, wishes)
        data = _extracted(opened, Path(folder), say)
        _require_free_place(wishes)
        if connection.vendor == "postgresql":
            return _into_postgresql(manifest, data, wishes)
        return _into_sqlite(manifest, data, wishes)


def is_empty() -> bool:
    """Whether the database has no table at all."""
    return not connection.introspection.table_names()


def _work_folder() -> Path:
    folder: Path = settings.STEWARD_DATA_DIR
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _require_fitting(manifest: Manifest) -> None:
    if manifest.database != connection.vendor:
        raise Refusal(
            f"The backup was made on {manifest.database}; this installation runs on "
            f"{connection.vendor} (DATABASE_URL)."
        )
    require_known_migrations(manifest)


def _require_keys(manifest: Manifest, wishes: Wishes) -> None:
    if wishes.key_file is not None:
        keys.take(keys.read(wishes.key_file))
    there = keys.installed_ids()
    lacking = keys.missing(manifest.keys, there)
    if lacking:
        raise Refusal(
            "Without these keys the data would be of no use: "
            + "; ".join(lacking)
            + ". Give the key file of this backup with --keys."
        )
    # ast-grep-ignore: compare-digest-for-secrets - these are the ids of secrets
    if there.secret != manifest.keys.secret:
        wishes.say("SECRET_KEY is another one: people have to sign in again.")


def _extracted(opened: Opened, folder: Path, say: Callable[[str], None]) -> Path:
    is_postgresql = connection.vendor == "postgresql"
    name = postgresql.DATA if is_postgresql else sqlite.DATA
    say("Checking the backup's data …")
    data = folder / name
    opened.extract(name, data)
    if is_postgresql:
        for program in ("pg_restore", "psql"):
            postgresql.client(program)
    else:
        sqlite.require_whole(data)
    return data


def _require_free_place(wishes: Wishes) -> None:
    """Refuse a database that holds something, unless the operator means it, or is in use."""
    name = str(connection.settings_dict["NAME"])
    empty = is_empty()
    if not empty and not wishes.replaces:
        raise Refusal(
            f"The database {name} is not empty. Restore into a new one, or use --force to "
            "replace what is there."
        )
    if connection.vendor == "postgresql":
        others = postgresql.others_connected()
        if others:
            raise Refusal(
                f"{others} other connection(s) to {name} are open. Stop the service first."
            )
    else:
        connection.close()
        sqlite.require_unused(Path(name))
    if not empty and not wishes.confirm(name):
        raise Refusal("The name was not confirmed; nothing was changed.")


def _into_postgresql(manifest: Manifest, data: Path, wishes: Wishes) -> Outcome:
    wishes.say("Loading …")
    postgresql.load(data, replaces=not is_empty())
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("ANALYZE")
    findings = _complete(manifest, wishes)
    return Outcome(manifest, findings, secrets=_keep_secrets(wishes))


def _into_sqlite(manifest: Manifest, data: Path, wishes: Wishes) -> Outcome:
    place = Path(str(connection.settings_dict["NAME"]))
    keeps = not is_empty()
    with sqlite.pointed_at(data):
        findings = _complete(manifest, wishes)
    kept = sqlite.put_in_place(data, place, keeps=keeps)
    return Outcome(manifest, findings, kept=kept, secrets=_keep_secrets(wishes))


def _complete(manifest: Manifest, wishes: Wishes) -> list[str]:
    """Migrate and verify what was loaded; return what is not as it should be."""
    findings = list(_differences(manifest))
    behind = set(applied_migrations())
    wishes.say("Migrating …")
    call_command("migrate", interactive=False, verbosity=0)
    gone_through = len(set(applied_migrations()) - behind)
    wishes.say(f"{gone_through} migration(s) of later releases were applied.")
    if wishes.ends_sessions:
        count, _ = Session.objects.all().delete()
        wishes.say(f"{count} session(s) ended.")
    for command, what in (
        ("verify_audit_log", "Verifying the audit chains …"),
        ("check_invariants", "Checking the invariants …"),
    ):
        wishes.say(what)
        try:
            call_command(command)
        except CommandError as error:
            findings.append(str(error))
    return findings


def _differences(manifest: Manifest) -> Iterator[str]:
    """Compare what was loaded with what the manifest counted when the backup was made."""
    with connection.cursor() as cursor:
        # Names come out of the file: only those that the database itself gives go into SQL.
        present = set(connection.introspection.table_names(cursor))
        for table, expected in manifest.rows.items():
            if table not in present:
                yield f"The table {table!r} of the backup is not there."
                continue
            counted = f"SELECT count(*) FROM {connection.ops.quote_name(table)}"  # noqa: S608 - a table, quoted # nosec B608
            cursor.execute(counted)
            (found,) = cursor.fetchone()
            if found != expected:
                yield f"{table} has {found} rows, the backup had {expected}."
    heads = {
        organization.hex: (sequence, link)
        for organization, sequence, link in ChainHead.objects.values_list(
            "organization_id", "sequence", "hash"
        )
    }
    for organization, head in manifest.heads.items():
        if heads.get(organization) != (head.sequence, head.hash):
            yield f"The audit chain of {organization} does not end where it did."


def _keep_secrets(wishes: Wishes) -> Path | None:
    (settings.STEWARD_DATA_DIR / "started").touch()
    return keys.install() if wishes.key_file is not None else None
