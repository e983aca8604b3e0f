"""Events are appended, never changed or deleted: the database itself refuses it.

A superuser who drops the triggers is caught by `verify_audit_log`.
"""

from django.db import migrations

_POSTGRESQL = (
    """
    CREATE FUNCTION kernel_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'kernel_event is append-only' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER kernel_event_is_append_only BEFORE UPDATE OR DELETE ON kernel_event
    FOR EACH ROW EXECUTE FUNCTION kernel_event_is_append_only()
    """,
)
_POSTGRESQL_BACK = (
    "DROP TRIGGER kernel_event_is_append_only ON kernel_event",
    "DROP FUNCTION kernel_event_is_append_only()",
)
_SQLITE = (
    """
    CREATE TRIGGER kernel_event_is_not_updated BEFORE UPDATE ON kernel_event
    BEGIN SELECT RAISE(ABORT, 'kernel_event is append-only'); END
    """,
    """
    CREATE TRIGGER kernel_event_is_not_deleted BEFORE DELETE ON kernel_event
    BEGIN SELECT RAISE(ABORT, 'kernel_event is append-only'); END
    """,
)
_SQLITE_BACK = (
    "DROP TRIGGER kernel_event_is_not_updated",
    "DROP TRIGGER kernel_event_is_not_deleted",
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

    dependencies = [("kernel", "0001_initial")]

    operations = [migrations.RunPython(forbid, permit)]
