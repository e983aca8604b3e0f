"""The tenant."""

import datetime as dt
import uuid

from django.db import models
from django.db.models import Q

from kernel.clock import now
from kernel.tenancy import Identified, Versioned


class OrganizationQuerySet(models.QuerySet["Organization"]):
    """Look-ups of organizations; each is reached through somebody's membership."""

    def of_user(self, user_id: uuid.UUID) -> "OrganizationQuerySet":
        """Return the organizations in which a user is an active member."""
        return self.filter(memberships__user_id=user_id, memberships__status="active")

    def system_to_purge(self, moment: dt.datetime) -> "OrganizationQuerySet":
        """Return organizations whose grace has ended; for the purge job alone."""
        return self.filter(purge_at__lte=moment)


class Organization(Identified, Versioned):
    """A tenant with its policies.

    `owner_count` is kept by conditional updates, with a check constraint beneath:
    it is what makes the last-owner rule hold under concurrency. Policies named
    `enforces_…` take the matching team setting out of the teams' hands.
    """

    wire_prefix = "org"

    class SeatPolicy(models.TextChoices):
        """What happens when somebody needs a full seat and none is free."""

        REFUSE = "refuse", "Refuse, and say so"
        VIEWER = "viewer", "Give a viewer seat instead"

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    is_demo = models.BooleanField(default=False)
    owner_count = models.PositiveIntegerField(default=0)
    member_count = models.PositiveIntegerField(default=0)
    team_count = models.PositiveIntegerField(default=0)
    seat_policy = models.CharField(
        max_length=10, choices=SeatPolicy, default=SeatPolicy.REFUSE
    )
    allows_member_teams = models.BooleanField(default=False)
    allows_public_projects = models.BooleanField(default=True)
    allows_api_key_creation = models.BooleanField(default=True)
    saves_code_by_default = models.BooleanField(default=False)
    enforces_hidden_teams = models.BooleanField(default=False)
    enforces_private_projects = models.BooleanField(default=False)
    enforces_invitation_control = models.BooleanField(default=False)
    enforces_no_public_reports = models.BooleanField(default=False)
    enforces_no_self_join = models.BooleanField(default=False)
    enforces_code_saving_off = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)
    deletion_requested_at = models.DateTimeField(null=True, blank=True)
    deletion_requested_by = models.CharField(max_length=200, blank=True)
    purge_at = models.DateTimeField(null=True, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="organization_being_deleted_has_a_purge_time",
                condition=Q(deletion_requested_at__isnull=True, purge_at__isnull=True)
                | Q(deletion_requested_at__isnull=False, purge_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["purge_at"],
                name="organization_by_purge",
                condition=Q(purge_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_being_deleted(self) -> bool:
        """Whether deletion was asked for and the grace runs."""
        return self.deletion_requested_at is not None
