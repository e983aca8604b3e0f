from django.db import migrations, models


class Migration(migrations.Migration):

    # One table each, so that no lock is held while another is waited for.
    dependencies = [
        ('orgs', '0004_managed_teams'),
    ]

    operations = [
        migrations.AddField(
            model_name='role',
            name='external_id',
            field=models.CharField(blank=True, db_default='', default='', max_length=254),
        ),
    ]
