"""The second wall around the trail, the work and the mails of organizations (docs/adr/0008).

Events of the installation's own chain, and jobs and mails of no organization, are seen
across organizations only.
"""

from django.db import migrations

from kernel.database.walls import Wall


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("kernel", "0003_audit_checkpoints")]

    operations = [
        Wall("kernel_event"),
        Wall("kernel_chainhead"),
        Wall("kernel_checkpoint"),
        Wall("kernel_chainverdict"),
        Wall("kernel_job"),
        Wall("kernel_mail"),
    ]
