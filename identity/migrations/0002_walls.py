"""The second wall around keys (docs/adr/0008).

A personal key belongs to no organization, so no organization's requests see it.
"""

from django.db import migrations

from kernel.database.walls import Wall


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("identity", "0001_initial")]

    operations = [Wall("identity_apikey")]
