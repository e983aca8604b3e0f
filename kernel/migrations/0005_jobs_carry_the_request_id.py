"""A job carries the id of the request that caused it, so that its logs and mails can tell."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("kernel", "0004_walls")]

    operations = [
        # Nullable: code of the release before inserts rows without it.
        migrations.AddField(
            model_name="job",
            name="request_id",
            field=models.CharField(blank=True, max_length=64, null=True),
        ),
    ]
