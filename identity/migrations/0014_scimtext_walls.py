"""The second wall around Users' texts (docs/adr/0008)."""

from django.db import migrations

from kernel.database.walls import Wall


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("identity", "0013_scimtext")]

    operations = [Wall("identity_scimtext")]
