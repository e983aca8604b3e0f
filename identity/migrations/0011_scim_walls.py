"""The second wall around what is known over SCIM (docs/adr/0008)."""

from django.db import migrations

from kernel.database.walls import Wall


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("identity", "0010_verifieddomain")]

    operations = [
        Wall("identity_directory"),
        Wall("identity_scimuser"),
        Wall("identity_scimemail"),
        Wall("identity_scimgroup"),
        Wall("identity_provisioningconnection"),
        Wall("identity_provisionedaccount"),
        Wall("identity_verifieddomain"),
        Wall("identity_provisioningentry"),
    ]
