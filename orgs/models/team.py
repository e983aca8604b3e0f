"""Teams and who is in them."""

from django.db import models
from django.db.models.functions import Upper

from kernel.clock import now
from kernel.tenancy import Identified, TenantQuerySet, Versioned


class TeamRole(models.TextChoices):
    """The built-in roles of a team."""

    ADMIN = "admin", "Admin"
    MEMBER = "member", "Member"
    VIEWER = "viewer", "Viewer"


class TeamQuerySet(TenantQuerySet["Team"]):
    """Reads of teams."""

    def named(self, name: str) -> "TeamQuerySet":
        """Return the team with this current name."""
        return self.filter(name__iexact=name)


class Team(Identified, Versioned):
    """A workspace of an organization; its name is an entity of the one namespace.

    Who is in it is an identity provider's to say where `is_managed` is set
    (`orgs.actions.managed`).
    """

    wire_prefix = "team"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="teams"
    )
    name = models.CharField(max_length=64, unique=True)
    display_name = models.CharField(max_length=120, blank=True)
    description = models.CharField(max_length=500, blank=True)
    is_hidden = models.BooleanField(default=False)
    keeps_new_projects_private = models.BooleanField(default=False)
    lets_members_invite = models.BooleanField(default=False)
    forbids_public_reports = models.BooleanField(default=False)
    allows_domain_join = models.BooleanField(default=False)
    saves_code = models.BooleanField(default=False)
    member_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=now)
    is_managed = models.BooleanField(default=False, db_default=False)

    objects = TeamQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "id"], name="team_of_organization"),
            models.Index(Upper("name"), name="team_by_name_in_any_case"),
        ]

    def __str__(self) -> str:
        return self.display_name or self.name


class TeamMembershipQuerySet(TenantQuerySet["TeamMembership"]):
    """Reads of team memberships."""

    def in_team(self, team: Team) -> "TeamMembershipQuerySet":
        """Return the memberships of one team."""
        return self.filter(team=team)


class TeamMembership(Identified, Versioned):
    """A member's place in a team. It hangs on the membership, so it ends with it."""

    wire_prefix = "tmem"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="+"
    )
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    membership = models.ForeignKey(
        "orgs.Membership", on_delete=models.CASCADE, related_name="team_memberships"
    )
    role = models.CharField(max_length=20, choices=TeamRole, default=TeamRole.MEMBER)
    custom_role = models.ForeignKey(
        "orgs.Role", on_delete=models.RESTRICT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=now)

    objects = TeamMembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "membership"], name="member_is_in_a_team_once"
            )
        ]
        indexes = [
            models.Index(fields=["organization", "team", "id"], name="team_membership_list")
        ]

    def __str__(self) -> str:
        return f"{self.membership} in {self.team}"

    @property
    def role_name(self) -> str:
        """Return the team role's name for people."""
        return self.custom_role.name if self.custom_role else self.role
