"""The second wall around every tenant's rows (docs/adr/0008).

Table by table, each in a transaction of its own: none is locked while another is waited for.
"""

from django.db import migrations

from kernel.database.walls import Wall

# A choice hangs on an organization, on a team or on a person, and carries that id alone.
# A team's is seen by whoever sees the team; a person's holds a feature's name and no more,
# and each of the person's organizations asks for it.
_OF_TEAM_OR_PERSON = (
    "organization_id IS NULL AND "
    "(team_id IS NULL OR EXISTS (SELECT 1 FROM orgs_team WHERE orgs_team.id = team_id))"
)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("orgs", "0001_initial")]

    operations = [
        Wall("orgs_organization", column="id"),
        Wall("orgs_accessrequest"),
        Wall("orgs_entitlement"),
        Wall("orgs_grant"),
        Wall("orgs_invitation"),
        Wall("orgs_invitationteam"),
        Wall("orgs_membership"),
        Wall("orgs_project"),
        Wall("orgs_projectcollaborator"),
        Wall("orgs_restriction"),
        Wall("orgs_role"),
        Wall("orgs_seatpool"),
        Wall("orgs_serviceaccount"),
        Wall("orgs_team"),
        Wall("orgs_teammembership"),
        Wall("orgs_featurechoice", also=_OF_TEAM_OR_PERSON),
    ]
