from django.db import migrations, models


class Migration(migrations.Migration):

    # One table each, so that no lock is held while another is waited for.
    dependencies = [
        ('orgs', '0005_role_external_id'),
    ]

    operations = [
        migrations.AlterField(
            model_name='serviceaccount',
            name='kind',
            field=models.CharField(choices=[('built_in', 'Built-in (API keys)'), ('external', 'External (identity federation)'), ('scim', 'Provisioning (SCIM)')], default='built_in', max_length=10),
        ),
    ]
