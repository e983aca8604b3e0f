"""Projects: what a team owns in the platform, and who may see it."""

from django.db import models
from django.db.models import Q

from kernel.clock import now
from kernel.tenancy import Identified, TenantQuerySet, Versioned


class Project(Identified, Versioned):
    """A project of a team.

    Visibility decides who has which rights: `team`, the team by its members' roles;
    `restricted`, only the people named on it; `open`, everybody may read and
    contribute; `public`, everybody may read and the team may write.
    """

    wire_prefix = "proj"

    class Visibility(models.TextChoices):
        """Who the project is for."""

        TEAM = "team", "Team"
        RESTRICTED = "restricted", "Restricted"
        OPEN = "open", "Open"
        PUBLIC = "public", "Public"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="projects"
    )
    team = models.ForeignKey("orgs.Team", on_delete=models.CASCADE, related_name="projects")
    name = models.CharField(max_length=128)
    name_key = models.CharField(max_length=128)
    description = models.CharField(max_length=500, blank=True)
    visibility = models.CharField(
        max_length=12, choices=Visibility, default=Visibility.TEAM
    )
    created_by = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=now)

    objects = TenantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "name_key"], name="project_name_is_unique_in_its_team"
            )
        ]
        indexes = [models.Index(fields=["organization", "id"], name="project_list")]

    def __str__(self) -> str:
        return self.name


class ProjectCollaborator(models.Model):
    """A person or service account named on a restricted project."""

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="+"
    )
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="collaborators")
    membership = models.ForeignKey(
        "orgs.Membership", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    service_account = models.ForeignKey(
        "orgs.ServiceAccount", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    role = models.CharField(max_length=20, default="member")

    objects = TenantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="collaborator_is_a_member_or_a_service_account",
                condition=Q(membership__isnull=False, service_account__isnull=True)
                | Q(membership__isnull=True, service_account__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["project", "membership"],
                condition=Q(membership__isnull=False),
                name="member_is_named_on_a_project_once",
            ),
            models.UniqueConstraint(
                fields=["project", "service_account"],
                condition=Q(service_account__isnull=False),
                name="service_account_is_named_on_a_project_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} on {self.project_id}"
