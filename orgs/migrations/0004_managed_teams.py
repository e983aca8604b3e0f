from django.db import migrations, models


class Migration(migrations.Migration):

    # One table each, so that no lock is held while another is waited for.
    dependencies = [
        ('orgs', '0003_managed_by_provisioning'),
    ]

    operations = [
        migrations.AddField(
            model_name='team',
            name='is_managed',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
