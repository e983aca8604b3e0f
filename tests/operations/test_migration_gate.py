"""The gate of migrations catches what would stop a running service or the release before."""

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader

from dev.lint_migrations import findings, sql_of, squawk

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]


def found(*operations):
    """Lint a migration of these operations on top of ours; return the broken rules."""
    migration = migrations.Migration("0099_trial", "orgs")
    migration.operations = list(operations)
    state = MigrationLoader(None).project_state()
    return {finding.rule for finding in findings(migration, state)}


def note(**options):
    return migrations.AddField("team", "note", models.CharField(max_length=50, **options))


def place(*names):
    """Return a table that points at others, in this order."""
    keys = [
        (name.lower(), models.ForeignKey(f"orgs.{name}", on_delete=models.CASCADE))
        for name in names
    ]
    return migrations.CreateModel("trial", [("id", models.UUIDField(primary_key=True)), *keys])


BAD = {
    "organizations locked before what hangs on them": (
        place("Organization", "Team"), {"locks-out-of-turn"}
    ),
    "a column that must be filled": (note(), {"adding-required-field"}),
    "a default that is filled row by row": (
        migrations.RunSQL(
            "ALTER TABLE orgs_team ADD COLUMN seen timestamptz NOT NULL DEFAULT clock_timestamp()",
            "ALTER TABLE orgs_team DROP COLUMN seen",
        ),
        {"adding-field-with-default"},
    ),
    "a renamed column": (
        migrations.RenameField("team", "description", "about"), {"renames", "renaming-column"}
    ),
    "a renamed table": (
        migrations.AlterModelTable("team", "orgs_group"), {"renames", "renaming-table"}
    ),
    "a dropped column": (migrations.RemoveField("team", "description"), {"ban-drop-column"}),
    "a dropped table": (migrations.DeleteModel("featurechoice"), {"ban-drop-table"}),
    "another type": (
        migrations.AlterField("team", "version", models.BigIntegerField(default=1)),
        {"changing-column-type"},
    ),
    "an index that locks out writers": (
        migrations.AddIndex("team", models.Index(fields=["description"], name="trial")),
        {"require-concurrent-index-creation"},
    ),
    "a check that reads the table under lock": (
        migrations.AddConstraint(
            "team", models.CheckConstraint(condition=models.Q(version__gt=0), name="trial")
        ),
        {"constraint-missing-not-valid"},
    ),
    "no way back": (migrations.RunSQL("SELECT 1"), {"not-reversible"}),
}


@pytest.mark.parametrize("case", BAD)
def test_what_would_stop_the_service_is_found(case):
    operation, rules = BAD[case]
    assert rules <= found(operation)


def test_what_is_safe_passes():
    assert found(place("Team", "Organization")) == set()
    assert found(note(null=True)) == set()
    assert found(
        migrations.CreateModel("trial", [("id", models.UUIDField(primary_key=True))])
    ) == set()
    index = ["CREATE INDEX CONCURRENTLY trial ON orgs_team (description)"]
    assert list(squawk(index, is_in_transaction=False)) == []


def test_the_gate_reads_what_the_new_migrations_would_do():
    loader = MigrationLoader(None)
    key = ("kernel", "0003_audit_checkpoints")
    statements = sql_of(loader.disk_migrations[key], loader.project_state(key, at_end=False))
    assert any("kernel_checkpoint" in statement for statement in statements)
