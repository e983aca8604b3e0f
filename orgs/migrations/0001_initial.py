import django.db.models.deletion
import django.db.models.functions.text
import kernel.clock
import kernel.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='FeatureFlag',
            fields=[
                ('name', models.SlugField(max_length=64, primary_key=True, serialize=False)),
                ('title', models.CharField(max_length=100)),
                ('description', models.CharField(blank=True, max_length=300)),
                ('is_on', models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name='PlatformPermission',
            fields=[
                ('name', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('description', models.CharField(max_length=200)),
                ('team_roles', models.JSONField(default=list)),
                ('is_read', models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('username', models.CharField(max_length=64, unique=True)),
                ('email', models.EmailField(blank=True, max_length=254)),
                ('display_name', models.CharField(blank=True, max_length=120)),
                ('is_active', models.BooleanField(default=True)),
                ('is_instance_admin', models.BooleanField(default=False)),
                ('theme', models.CharField(choices=[('system', 'System'), ('light', 'Light'), ('dark', 'Dark')], default='system', max_length=10)),
                ('joined_at', models.DateTimeField(default=kernel.clock.now)),
                ('last_active_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['email'], name='user_by_email'), models.Index(django.db.models.functions.text.Upper('username'), name='user_by_name_in_any_case'), models.Index(django.db.models.functions.text.Upper('email'), name='user_by_email_in_any_case')],
            },
        ),
        migrations.CreateModel(
            name='Organization',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('slug', models.SlugField(max_length=64, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('is_demo', models.BooleanField(default=False)),
                ('owner_count', models.PositiveIntegerField(default=0)),
                ('member_count', models.PositiveIntegerField(default=0)),
                ('team_count', models.PositiveIntegerField(default=0)),
                ('seat_policy', models.CharField(choices=[('refuse', 'Refuse, and say so'), ('viewer', 'Give a viewer seat instead')], default='refuse', max_length=10)),
                ('allows_member_teams', models.BooleanField(default=False)),
                ('allows_public_projects', models.BooleanField(default=True)),
                ('allows_api_key_creation', models.BooleanField(default=True)),
                ('saves_code_by_default', models.BooleanField(default=False)),
                ('enforces_hidden_teams', models.BooleanField(default=False)),
                ('enforces_private_projects', models.BooleanField(default=False)),
                ('enforces_invitation_control', models.BooleanField(default=False)),
                ('enforces_no_public_reports', models.BooleanField(default=False)),
                ('enforces_no_self_join', models.BooleanField(default=False)),
                ('enforces_code_saving_off', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(default=kernel.clock.now)),
                ('deletion_requested_at', models.DateTimeField(blank=True, null=True)),
                ('deletion_requested_by', models.CharField(blank=True, max_length=200)),
                ('purge_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('purge_at__isnull', False)), fields=['purge_at'], name='organization_by_purge')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('deletion_requested_at__isnull', True), ('purge_at__isnull', True)), models.Q(('deletion_requested_at__isnull', False), ('purge_at__isnull', False)), _connector='OR'), name='organization_being_deleted_has_a_purge_time')],
            },
        ),
        migrations.CreateModel(
            name='Project',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('name', models.CharField(max_length=128)),
                ('name_key', models.CharField(max_length=128)),
                ('description', models.CharField(blank=True, max_length=500)),
                ('visibility', models.CharField(choices=[('team', 'Team'), ('restricted', 'Restricted'), ('open', 'Open'), ('public', 'Public')], default='team', max_length=12)),
                ('created_by', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(default=kernel.clock.now)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='projects', to='orgs.organization')),
            ],
        ),
        migrations.CreateModel(
            name='Role',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('name', models.CharField(max_length=60)),
                ('name_key', models.CharField(max_length=60)),
                ('description', models.CharField(blank=True, max_length=300)),
                ('scope', models.CharField(choices=[('organization', 'Organization'), ('team', 'Team')], max_length=15)),
                ('inherits', models.CharField(max_length=20)),
                ('added', models.JSONField(blank=True, default=list)),
                ('removed', models.JSONField(blank=True, default=list)),
                ('created_at', models.DateTimeField(default=kernel.clock.now)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='roles', to='orgs.organization')),
            ],
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Admin'), ('billing_admin', 'Billing admin'), ('member', 'Member'), ('viewer', 'Viewer')], default='member', max_length=20)),
                ('seat', models.CharField(choices=[('full', 'Full'), ('viewer', 'Viewer'), ('none', 'No seat')], default='full', max_length=10)),
                ('status', models.CharField(choices=[('active', 'Active'), ('deactivated', 'Deactivated'), ('removed', 'Removed')], default='active', max_length=12)),
                ('joined_at', models.DateTimeField(default=kernel.clock.now)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('last_active_at', models.DateTimeField(blank=True, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='orgs.organization')),
                ('custom_role', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='+', to='orgs.role')),
            ],
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=254)),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Admin'), ('billing_admin', 'Billing admin'), ('member', 'Member'), ('viewer', 'Viewer')], default='member', max_length=20)),
                ('seat', models.CharField(choices=[('full', 'Full'), ('viewer', 'Viewer'), ('none', 'No seat')], default='full', max_length=10)),
                ('token_digest', models.CharField(max_length=64, unique=True)),
                ('generation', models.PositiveIntegerField(default=1)),
                ('invited_by', models.CharField(blank=True, max_length=200)),
                ('invited_by_id', models.CharField(blank=True, max_length=64)),
                ('created_at', models.DateTimeField(default=kernel.clock.now)),
                ('sent_at', models.DateTimeField(default=kernel.clock.now)),
                ('expires_at', models.DateTimeField()),
                ('lapse_noted', models.BooleanField(default=False)),
                ('accepted_at', models.DateTimeField(blank=True, null=True)),
                ('accepted_by', models.CharField(blank=True, max_length=64)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='orgs.organization')),
                ('custom_role', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='+', to='orgs.role')),
            ],
        ),
        migrations.CreateModel(
            name='SeatPool',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('seat', models.CharField(choices=[('full', 'Full'), ('viewer', 'Viewer'), ('none', 'No seat')], max_length=10)),
                ('limit', models.PositiveIntegerField(blank=True, null=True)),
                ('ceiling', models.PositiveIntegerField(blank=True, null=True)),
                ('used', models.PositiveIntegerField(default=0)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='seat_pools', to='orgs.organization')),
            ],
        ),
        migrations.CreateModel(
            name='ServiceAccount',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('name', models.CharField(max_length=64)),
                ('name_key', models.CharField(max_length=64)),
                ('description', models.CharField(blank=True, max_length=300)),
                ('kind', models.CharField(choices=[('built_in', 'Built-in (API keys)'), ('external', 'External (identity federation)')], default='built_in', max_length=10)),
                ('role', models.CharField(default='member', max_length=20)),
                ('created_by', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(default=kernel.clock.now)),
                ('disabled_at', models.DateTimeField(blank=True, null=True)),
                ('custom_role', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='+', to='orgs.role')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='service_accounts', to='orgs.organization')),
            ],
        ),
        migrations.CreateModel(
            name='ProjectCollaborator',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(default='member', max_length=20)),
                ('membership', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.membership')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organization')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='collaborators', to='orgs.project')),
                ('service_account', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.serviceaccount')),
            ],
        ),
        migrations.CreateModel(
            name='Team',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('name', models.CharField(max_length=64, unique=True)),
                ('display_name', models.CharField(blank=True, max_length=120)),
                ('description', models.CharField(blank=True, max_length=500)),
                ('is_hidden', models.BooleanField(default=False)),
                ('keeps_new_projects_private', models.BooleanField(default=False)),
                ('lets_members_invite', models.BooleanField(default=False)),
                ('forbids_public_reports', models.BooleanField(default=False)),
                ('allows_domain_join', models.BooleanField(default=False)),
                ('saves_code', models.BooleanField(default=False)),
                ('member_count', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField(default=kernel.clock.now)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='teams', to='orgs.organization')),
            ],
        ),
        migrations.AddField(
            model_name='serviceaccount',
            name='team',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='service_accounts', to='orgs.team'),
        ),
        migrations.AddField(
            model_name='project',
            name='team',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='projects', to='orgs.team'),
        ),
        migrations.CreateModel(
            name='InvitationTeam',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('admin', 'Admin'), ('member', 'Member'), ('viewer', 'Viewer')], default='member', max_length=20)),
                ('invitation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='teams', to='orgs.invitation')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organization')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.team')),
            ],
        ),
        migrations.CreateModel(
            name='Grant',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('role', models.CharField(max_length=20)),
                ('reason', models.CharField(max_length=300)),
                ('granted_by', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(default=kernel.clock.now)),
                ('until', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('membership', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='orgs.membership')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='orgs.organization')),
                ('custom_role', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='+', to='orgs.role')),
                ('service_account', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='orgs.serviceaccount')),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='orgs.team')),
            ],
        ),
        migrations.CreateModel(
            name='FeatureChoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_on', models.BooleanField()),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('flag', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='choices', to='orgs.featureflag')),
                ('organization', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organization')),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.team')),
            ],
        ),
        migrations.CreateModel(
            name='Entity',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=64)),
                ('name_key', models.CharField(max_length=64, unique=True)),
                ('alias_until', models.DateTimeField(blank=True, null=True)),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='entities', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='entities', to='orgs.team')),
            ],
        ),
        migrations.CreateModel(
            name='AccessRequest',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('team', 'Join a team'), ('role', 'A role'), ('access', 'Temporary access'), ('seat', 'A seat')], max_length=10)),
                ('wish', models.CharField(max_length=100)),
                ('role', models.CharField(blank=True, max_length=20)),
                ('seat', models.CharField(blank=True, max_length=10)),
                ('reason', models.CharField(max_length=300)),
                ('wanted_hours', models.PositiveIntegerField(blank=True, null=True)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('approved', 'Approved'), ('declined', 'Declined'), ('withdrawn', 'Withdrawn')], default='pending', max_length=10)),
                ('created_at', models.DateTimeField(default=kernel.clock.now)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('decided_by', models.CharField(blank=True, max_length=200)),
                ('answer', models.CharField(blank=True, max_length=300)),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='access_requests', to='orgs.membership')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='access_requests', to='orgs.organization')),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to='orgs.team')),
            ],
        ),
        migrations.CreateModel(
            name='TeamMembership',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1)),
                ('role', models.CharField(choices=[('admin', 'Admin'), ('member', 'Member'), ('viewer', 'Viewer')], default='member', max_length=20)),
                ('created_at', models.DateTimeField(default=kernel.clock.now)),
                ('custom_role', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='+', to='orgs.role')),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='team_memberships', to='orgs.membership')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orgs.organization')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='orgs.team')),
            ],
        ),
        migrations.CreateModel(
            name='Entitlement',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('source', models.CharField(choices=[('subscription', 'Subscription'), ('license', 'License'), ('manual', 'Manual'), ('academic', 'Academic')], max_length=20)),
                ('seats', models.JSONField(default=dict)),
                ('features', models.JSONField(default=list)),
                ('limits', models.JSONField(default=dict)),
                ('until', models.DateTimeField(blank=True, null=True)),
                ('lapse_noted', models.BooleanField(default=False)),
                ('updated_at', models.DateTimeField(default=kernel.clock.now)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='entitlements', to='orgs.organization')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('lapse_noted', False)), fields=['until'], name='entitlement_by_end')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'source'), name='source_grants_once_per_organization')],
            },
        ),
        migrations.CreateModel(
            name='Restriction',
            fields=[
                ('id', models.UUIDField(default=kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('suspended', 'Suspended'), ('read_only', 'Read-only'), ('over_quota', 'Over quota')], max_length=20)),
                ('subject', models.CharField(blank=True, max_length=100)),
                ('reason', models.CharField(max_length=500)),
                ('imposed_at', models.DateTimeField(default=kernel.clock.now)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='restrictions', to='orgs.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'kind', 'subject'), name='restriction_is_imposed_once')],
            },
        ),
        migrations.AddConstraint(
            model_name='role',
            constraint=models.UniqueConstraint(fields=('organization', 'scope', 'name_key'), name='role_name_is_unique_in_its_organization'),
        ),
        migrations.AddIndex(
            model_name='membership',
            index=models.Index(fields=['organization', 'id'], name='membership_list'),
        ),
        migrations.AddIndex(
            model_name='membership',
            index=models.Index(fields=['organization', 'status', 'id'], name='membership_by_status'),
        ),
        migrations.AddIndex(
            model_name='membership',
            index=models.Index(fields=['user', 'status'], name='membership_of_user'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('organization', 'user'), name='user_is_a_member_once'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('role', 'owner'), _negated=True), ('custom_role__isnull', True), _connector='OR'), name='owner_role_is_never_customised'),
        ),
        migrations.AddIndex(
            model_name='invitation',
            index=models.Index(fields=['organization', 'id'], name='invitation_list'),
        ),
        migrations.AddIndex(
            model_name='invitation',
            index=models.Index(condition=models.Q(('accepted_at__isnull', True), ('revoked_at__isnull', True)), fields=['organization', 'invited_by_id'], name='invitation_open_by_inviter'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.UniqueConstraint(condition=models.Q(('accepted_at__isnull', True), ('revoked_at__isnull', True)), fields=('organization', 'email'), name='address_has_one_open_invitation'),
        ),
        migrations.AddConstraint(
            model_name='seatpool',
            constraint=models.UniqueConstraint(fields=('organization', 'seat'), name='organization_has_one_pool_per_seat_type'),
        ),
        migrations.AddConstraint(
            model_name='seatpool',
            constraint=models.CheckConstraint(condition=models.Q(('ceiling__isnull', True), ('used__lte', models.F('ceiling')), _connector='OR'), name='seats_used_never_exceed_the_ceiling'),
        ),
        migrations.AddConstraint(
            model_name='seatpool',
            constraint=models.CheckConstraint(condition=models.Q(('used__gte', 0)), name='seats_used_is_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='projectcollaborator',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('membership__isnull', False), ('service_account__isnull', True)), models.Q(('membership__isnull', True), ('service_account__isnull', False)), _connector='OR'), name='collaborator_is_a_member_or_a_service_account'),
        ),
        migrations.AddConstraint(
            model_name='projectcollaborator',
            constraint=models.UniqueConstraint(condition=models.Q(('membership__isnull', False)), fields=('project', 'membership'), name='member_is_named_on_a_project_once'),
        ),
        migrations.AddConstraint(
            model_name='projectcollaborator',
            constraint=models.UniqueConstraint(condition=models.Q(('service_account__isnull', False)), fields=('project', 'service_account'), name='service_account_is_named_on_a_project_once'),
        ),
        migrations.AddIndex(
            model_name='team',
            index=models.Index(fields=['organization', 'id'], name='team_of_organization'),
        ),
        migrations.AddIndex(
            model_name='team',
            index=models.Index(django.db.models.functions.text.Upper('name'), name='team_by_name_in_any_case'),
        ),
        migrations.AddIndex(
            model_name='serviceaccount',
            index=models.Index(fields=['organization', 'id'], name='service_account_list'),
        ),
        migrations.AddConstraint(
            model_name='serviceaccount',
            constraint=models.UniqueConstraint(condition=models.Q(('team__isnull', False)), fields=('team', 'name_key'), name='service_account_name_is_unique_in_its_team'),
        ),
        migrations.AddConstraint(
            model_name='serviceaccount',
            constraint=models.UniqueConstraint(condition=models.Q(('team__isnull', True)), fields=('organization', 'name_key'), name='service_account_name_is_unique_in_its_organization'),
        ),
        migrations.AddIndex(
            model_name='project',
            index=models.Index(fields=['organization', 'id'], name='project_list'),
        ),
        migrations.AddConstraint(
            model_name='project',
            constraint=models.UniqueConstraint(fields=('team', 'name_key'), name='project_name_is_unique_in_its_team'),
        ),
        migrations.AddConstraint(
            model_name='invitationteam',
            constraint=models.UniqueConstraint(fields=('invitation', 'team'), name='invitation_names_a_team_once'),
        ),
        migrations.AddIndex(
            model_name='grant',
            index=models.Index(fields=['organization', 'id'], name='grant_list'),
        ),
        migrations.AddIndex(
            model_name='grant',
            index=models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['until'], name='grant_by_end'),
        ),
        migrations.AddConstraint(
            model_name='grant',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('membership__isnull', False), ('service_account__isnull', True)), models.Q(('membership__isnull', True), ('service_account__isnull', False)), _connector='OR'), name='grant_has_exactly_one_holder'),
        ),
        migrations.AddConstraint(
            model_name='featurechoice',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('organization__isnull', False), ('team__isnull', True), ('user__isnull', True)), models.Q(('organization__isnull', True), ('team__isnull', False), ('user__isnull', True)), models.Q(('organization__isnull', True), ('team__isnull', True), ('user__isnull', False)), _connector='OR'), name='feature_choice_is_made_at_one_level'),
        ),
        migrations.AddConstraint(
            model_name='featurechoice',
            constraint=models.UniqueConstraint(condition=models.Q(('organization__isnull', False)), fields=('flag', 'organization'), name='feature_is_chosen_once_per_organization'),
        ),
        migrations.AddConstraint(
            model_name='featurechoice',
            constraint=models.UniqueConstraint(condition=models.Q(('team__isnull', False)), fields=('flag', 'team'), name='feature_is_chosen_once_per_team'),
        ),
        migrations.AddConstraint(
            model_name='featurechoice',
            constraint=models.UniqueConstraint(condition=models.Q(('user__isnull', False)), fields=('flag', 'user'), name='feature_is_chosen_once_per_user'),
        ),
        migrations.AddConstraint(
            model_name='entity',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('team__isnull', True), ('user__isnull', False)), models.Q(('team__isnull', False), ('user__isnull', True)), _connector='OR'), name='entity_belongs_to_one_user_or_one_team'),
        ),
        migrations.AddConstraint(
            model_name='entity',
            constraint=models.UniqueConstraint(condition=models.Q(('alias_until__isnull', True)), fields=('user',), name='user_has_one_current_name'),
        ),
        migrations.AddConstraint(
            model_name='entity',
            constraint=models.UniqueConstraint(condition=models.Q(('alias_until__isnull', True)), fields=('team',), name='team_has_one_current_name'),
        ),
        migrations.AddIndex(
            model_name='accessrequest',
            index=models.Index(fields=['organization', 'state', 'id'], name='access_request_list'),
        ),
        migrations.AddConstraint(
            model_name='accessrequest',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'pending')), fields=('membership', 'wish'), name='member_asks_for_the_same_thing_once'),
        ),
        migrations.AddIndex(
            model_name='teammembership',
            index=models.Index(fields=['organization', 'team', 'id'], name='team_membership_list'),
        ),
        migrations.AddConstraint(
            model_name='teammembership',
            constraint=models.UniqueConstraint(fields=('team', 'membership'), name='member_is_in_a_team_once'),
        ),
    ]
