"""Texts have a table of their own by now: Users' rows are as wide as others again."""

from django.db import migrations


def as_usual(_apps, schema_editor):
    """Treat long rows as PostgreSQL does."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE identity_scimuser RESET (toast_tuple_target)")


def keep_in_the_row(_apps, schema_editor):
    """Let rows of up to 8 KB stay as they are (PostgreSQL)."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE identity_scimuser SET (toast_tuple_target = 8160)")


class Migration(migrations.Migration):

    dependencies = [("identity", "0014_scimtext_walls")]

    operations = [
        migrations.RemoveField(model_name="scimuser", name="written"),
        migrations.RunPython(as_usual, keep_in_the_row),
    ]
