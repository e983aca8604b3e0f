"""Refuse migrations that would stop a running service or the release before.

Every migration after the released ones is written as PostgreSQL's SQL and read by squawk
(locks, rewrites, what older code could not live with); each must go back as well. A finding
that is right for its place is accepted in `dev/migrations.toml` with its reason. Needs a
PostgreSQL server, in which nothing is changed.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.db.migrations import CreateModel
from django.db.migrations.loader import MigrationLoader
from django.db.models import ForeignKey

ROOT = Path(__file__).resolve().parent.parent
SQUAWK = ROOT / ".venv" / "bin" / "squawk"
EXCLUDED = (
    # The migrate command sets them.
    "require-timeout-settings",
    "require-lock-timeout",
    "require-statement-timeout",
    # Matters of taste, or of SQL that people write: Django decides here.
    "prefer-text-field",
    "prefer-robust-stmts",
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "ban-char-field",
)


@dataclass(frozen=True)
class Finding:
    """What a migration does wrong, and where."""

    migration: str
    rule: str
    message: str


def main() -> int:
    """Lint what is new; print findings and return the exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    sys.path.insert(0, str(ROOT))
    django.setup()
    if not settings.USES_POSTGRESQL:
        print("No PostgreSQL answers: migrations were not linted.")
        return int(bool(os.environ.get("CI")))
    told = tomllib.loads((ROOT / "dev" / "migrations.toml").read_text())
    accepted = {
        (migration, rule) for migration, rules in told["accepted"].items() for rule in rules
    }
    connection.settings_dict["NAME"] = "postgres"
    loader = MigrationLoader(None)
    ours = [key for key in loader.disk_migrations if (ROOT / key[0] / "migrations").is_dir()]
    new = sorted(key for key in ours if ".".join(key) not in told["released"])
    used, wrong = set(), []
    for key in new:
        state = loader.project_state(key, at_end=False)
        for finding in findings(loader.disk_migrations[key], state):
            if (finding.migration, finding.rule) in accepted:
                used.add((finding.migration, finding.rule))
            else:
                wrong.append(finding)
    for finding in wrong:
        print(f"{finding.migration}: {finding.rule}: {finding.message}")
    unused = accepted - used
    for migration, rule in sorted(unused):
        print(f"dev/migrations.toml accepts {rule} of {migration}, which is not found.")
    print(f"{len(new)} migrations read, {len(wrong)} findings, {len(used)} accepted.")
    return int(bool(wrong or unused))


def findings(migration: Any, state: Any) -> Iterator[Finding]:
    """Yield what is wrong with one migration that begins in a state."""
    name = f"{migration.app_label}.{migration.name}"
    for operation in migration.operations:
        if not operation.reversible:
            yield Finding(name, "not-reversible", f"{operation.describe()} cannot go back.")
    yield from _renames(name, migration)
    yield from _locks_out_of_turn(name, migration)
    statements = sql_of(migration, state)
    for rule, message in squawk(statements, is_in_transaction=migration.atomic):
        yield Finding(name, rule, message)


def _renames(name: str, migration: Any) -> Iterator[Finding]:
    """Yield renames by Django's operations, which the release before could not follow."""
    for operation in migration.operations:
        if type(operation).__name__ in ("RenameField", "RenameModel", "AlterModelTable"):
            yield Finding(
                name, "renames", f"{operation.describe()}: add the new one, fill it, drop later."
            )


def _locks_out_of_turn(name: str, migration: Any) -> Iterator[Finding]:
    """Yield tables that lock the organizations before what hangs on them.

    A foreign key locks the table that it points at, in the order of the fields. Requests change
    an organization's row last; the other way round the two wait for each other in a circle.
    """
    for operation in migration.operations:
        if not isinstance(operation, CreateModel):
            continue
        points_at = [
            str(field.remote_field.model).lower()
            for _, field in operation.fields
            if isinstance(field, ForeignKey)
        ]
        if "orgs.organization" in points_at[:-1]:
            yield Finding(name, "locks-out-of-turn", f"{operation.describe()}: organization last.")


def sql_of(migration: Any, state: Any) -> list[str]:
    """Return the statements that Django would send."""
    with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
        migration.apply(state, editor, collect_sql=True)
    return [str(statement) for statement in editor.collected_sql]


def squawk(statements: list[str], *, is_in_transaction: bool) -> Iterator[tuple[str, str]]:
    """Yield squawk's rules that statements break, with what it says."""
    text = "\n".join(line for line in statements if not line.startswith("--"))
    if not text.strip():
        return
    done = subprocess.run(
        [
            str(SQUAWK), "--reporter", "json", "--pg-version", "14", "--stdin-filepath", "sql",
            *(["--assume-in-transaction"] if is_in_transaction else []),
            *(word for rule in EXCLUDED for word in ("--exclude", rule)),
        ],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not done.stdout.strip():
        raise RuntimeError(f"squawk said nothing: {done.stderr}")
    for found in json.loads(done.stdout):
        yield found["rule_name"], f"{found['message']} {found.get('help') or ''}".strip()


if __name__ == "__main__":
    sys.exit(main())
