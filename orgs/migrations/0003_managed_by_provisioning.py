from django.db import migrations, models


class Migration(migrations.Migration):

    # One table each, so that no lock is held while another is waited for.
    dependencies = [
        ('orgs', '0002_walls'),
    ]

    operations = [
        migrations.AddField(
            model_name='membership',
            name='is_managed',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
