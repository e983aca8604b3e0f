"""Signed checkpoints and the verdict on each chain; no event and no checkpoint is truncated."""

import uuid

from django.db import migrations, models

import kernel.ids

_POSTGRESQL = (
    """
    CREATE TRIGGER kernel_event_is_not_truncated BEFORE TRUNCATE ON kernel_event
    FOR EACH STATEMENT EXECUTE FUNCTION kernel_event_is_append_only()
    """,
    """
    CREATE FUNCTION kernel_checkpoint_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'kernel_checkpoint is append-only' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER kernel_checkpoint_is_append_only BEFORE UPDATE OR DELETE ON kernel_checkpoint
    FOR EACH ROW EXECUTE FUNCTION kernel_checkpoint_is_append_only()
    """,
    """
    CREATE TRIGGER kernel_checkpoint_is_not_truncated BEFORE TRUNCATE ON kernel_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION kernel_checkpoint_is_append_only()
    """,
)
_POSTGRESQL_BACK = (
    "DROP TRIGGER kernel_event_is_not_truncated ON kernel_event",
    "DROP TRIGGER kernel_checkpoint_is_not_truncated ON kernel_checkpoint",
    "DROP TRIGGER kernel_checkpoint_is_append_only ON kernel_checkpoint",
    "DROP FUNCTION kernel_checkpoint_is_append_only()",
)
_SQLITE = (
    """
    CREATE TRIGGER kernel_checkpoint_is_not_updated BEFORE UPDATE ON kernel_checkpoint
    BEGIN SELECT RAISE(ABORT, 'kernel_checkpoint is append-only'); END
    """,
    """
    CREATE TRIGGER kernel_checkpoint_is_not_deleted BEFORE DELETE ON kernel_checkpoint
    BEGIN SELECT RAISE(ABORT, 'kernel_checkpoint is append-only'); END
    """,
)
_SQLITE_BACK = (
    "DROP TRIGGER kernel_checkpoint_is_not_updated",
    "DROP TRIGGER kernel_checkpoint_is_not_deleted",
)


def forbid(_apps, schema_editor):
    """Create the triggers."""
    _run(schema_editor, _POSTGRESQL, _SQLITE)


def permit(_apps, schema_editor):
    """Drop the triggers."""
    _run(schema_editor, _POSTGRESQL_BACK, _SQLITE_BACK)


def _run(schema_editor, postgresql, sqlite):
    statements = postgresql if schema_editor.connection.vendor == "postgresql" else sqlite
    for statement in statements:
        schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [("kernel", "0002_events_are_append_only")]

    operations = [
        # Nullable and without a default: SQLite adds it in place, so that the table keeps
        # its triggers, and PostgreSQL rewrites nothing.
        migrations.AddField(
            model_name="event",
            name="follow_ups",
            field=models.TextField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="ChainVerdict",
            fields=[
                ("organization_id", models.UUIDField(primary_key=True, serialize=False)),
                ("verified_at", models.DateTimeField()),
                ("sequence", models.BigIntegerField(default=0)),
                ("broken_at", models.BigIntegerField(blank=True, null=True)),
                ("finding", models.CharField(blank=True, max_length=400)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("broken_at__isnull", False)),
                        fields=["organization_id"],
                        name="chain_verdict_broken",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "organization_id",
                    models.UUIDField(default=uuid.UUID("00000000-0000-0000-0000-000000000000")),
                ),
                ("sequence", models.BigIntegerField()),
                ("hash", models.CharField(max_length=64)),
                ("made_at", models.DateTimeField()),
                ("key_id", models.CharField(max_length=8)),
                ("signature", models.CharField(max_length=128)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization_id", "sequence", "hash"),
                        name="place_of_a_chain_is_signed_once",
                    )
                ],
            },
        ),
        migrations.RunPython(forbid, permit),
    ]
