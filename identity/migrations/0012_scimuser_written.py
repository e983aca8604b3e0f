"""The text of a User lies in its row, as it goes out.

PostgreSQL would compress rows of more than 2 KB and put parts of them elsewhere; a page of a
hundred would take all of them together again.
"""

from django.db import migrations, models


def keep_in_the_row(_apps, schema_editor):
    """Let rows of up to 8 KB stay as they are (PostgreSQL)."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE identity_scimuser SET (toast_tuple_target = 8160)")


def as_usual(_apps, schema_editor):
    """Treat long rows as PostgreSQL does."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE identity_scimuser RESET (toast_tuple_target)")


class Migration(migrations.Migration):

    dependencies = [("identity", "0011_scim_walls")]

    operations = [
        migrations.AddField(
            model_name="scimuser",
            name="written",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.RunPython(keep_in_the_row, as_usual),
    ]
