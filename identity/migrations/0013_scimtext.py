"""The text of each User as it goes out, in a narrow table of its own: pages read nothing else.

PostgreSQL would compress rows of more than 2 KB and put parts of them elsewhere; a page of a
hundred would take all of them together again.
"""

import django.db.models.deletion
from django.db import migrations, models


def keep_in_the_row(_apps, schema_editor):
    """Let rows of up to 8 KB stay as they are (PostgreSQL)."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE identity_scimtext SET (toast_tuple_target = 8160)")


def as_usual(_apps, schema_editor):
    """Treat long rows as PostgreSQL does."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE identity_scimtext RESET (toast_tuple_target)")


class Migration(migrations.Migration):

    dependencies = [("identity", "0012_scimuser_written")]

    operations = [
        migrations.CreateModel(
            name="SCIMText",
            fields=[
                ("user", models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name="text", serialize=False, to="identity.scimuser")),
                ("turn", models.PositiveIntegerField(db_default=0, default=0)),
                ("text", models.TextField(blank=True, db_default="", default="")),
                ("organization", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="orgs.organization")),
            ],
        ),
        migrations.AddConstraint(
            model_name="scimtext",
            constraint=models.UniqueConstraint(fields=("organization", "user"), name="scim_text_list"),
        ),
        migrations.RunPython(keep_in_the_row, as_usual),
        migrations.RunSQL(
            "INSERT INTO identity_scimtext (user_id, organization_id) "
            "SELECT id, organization_id FROM identity_scimuser",
            migrations.RunSQL.noop,
        ),
    ]
