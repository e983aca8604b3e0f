"""A user's membership of an organization."""

import uuid

from django.db import models
from django.db.models import Q

from kernel.clock import now
from kernel.tenancy import Identified, TenantQuerySet, Versioned
from orgs.models.seat import SeatType


class OrganizationRole(models.TextChoices):
    """The built-in roles of an organization."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    BILLING_ADMIN = "billing_admin", "Billing admin"
    MEMBER = "member", "Member"
    VIEWER = "viewer", "Viewer"


_ROLE_NAMES = dict(OrganizationRole.choices)


class MembershipQuerySet(TenantQuerySet["Membership"]):
    """Reads of memberships."""

    def active(self) -> "MembershipQuerySet":
        """Return members who can work now."""
        return self.filter(status=Membership.Status.ACTIVE)

    def present(self) -> "MembershipQuerySet":
        """Return members who are active or deactivated, not those removed."""
        return self.exclude(status=Membership.Status.REMOVED)

    def with_user(self) -> "MembershipQuerySet":
        """Fetch the custom role along, and of the person what lists show."""
        return self.select_related("user", "custom_role").defer(
            "user__password", "user__last_login", "user__joined_at", "user__last_active_at",
            "user__theme", "user__is_instance_admin", "user__version",
        )  # fmt: skip

    def system_of_user(self, user_id: uuid.UUID) -> "MembershipQuerySet":
        """Return a person's memberships everywhere: for what the person does alone."""
        return self.filter(user_id=user_id)


class Membership(Identified, Versioned):
    """The relation; it also is what SCIM calls a User.

    An active membership holds one seat of its type (none for `none`); a deactivated
    one remembers the type and holds none. Whether the person is in is an identity
    provider's to say where `is_managed` is set (`orgs.actions.managed`).
    """

    wire_prefix = "mem"

    class Status(models.TextChoices):
        """Whether the member can work, may come back, or is gone."""

        ACTIVE = "active", "Active"
        DEACTIVATED = "deactivated", "Deactivated"
        REMOVED = "removed", "Removed"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="memberships"
    )
    user = models.ForeignKey("orgs.User", on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(
        max_length=20, choices=OrganizationRole, default=OrganizationRole.MEMBER
    )
    custom_role = models.ForeignKey(
        "orgs.Role", on_delete=models.RESTRICT, null=True, blank=True, related_name="+"
    )
    seat = models.CharField(max_length=10, choices=SeatType, default=SeatType.FULL)
    status = models.CharField(max_length=12, choices=Status, default=Status.ACTIVE)
    joined_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True, blank=True)
    last_active_at = models.DateTimeField(null=True, blank=True)
    is_managed = models.BooleanField(default=False, db_default=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user"], name="user_is_a_member_once"
            ),
            models.CheckConstraint(
                name="owner_role_is_never_customised",
                condition=~Q(role="owner") | Q(custom_role__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "id"], name="membership_list"),
            models.Index(fields=["organization", "status", "id"], name="membership_by_status"),
            models.Index(fields=["user", "status"], name="membership_of_user"),
        ]

    def __str__(self) -> str:
        return str(self.user)

    @property
    def is_active(self) -> bool:
        """Whether the member can work now."""
        return self.status == self.Status.ACTIVE

    @property
    def is_owner(self) -> bool:
        """Whether the member owns the organization (active or not)."""
        return self.role == OrganizationRole.OWNER

    @property
    def role_name(self) -> str:
        """Return the role's name for people."""
        # `get_role_display` makes the table of all names anew for each row.
        return self.custom_role.name if self.custom_role else _ROLE_NAMES[self.role]
