"""What an organization looks like over SCIM: its members as Users, its teams as Groups.

The rows of an organization are made when SCIM is first asked about it (its `Directory`) and
kept by the events of members and teams from then on (`identity.directory_subscribers`). They
hold what memberships and teams have no column for, in the form in which it is looked for.
"""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from kernel.clock import now
from kernel.documents import DocumentField
from kernel.tenancy import Identified, TenantQuerySet, Versioned
from orgs.models import TeamRole

LONGEST_NAME = 254


class Directory(models.Model):
    """An organization that is known over SCIM, and how many Users and Groups it has.

    The numbers are kept in the transactions that make and end rows: lists tell a total, and
    counting a hundred thousand rows for each page would cost more than the page.
    `names_mark` is another one after each change of a Group's or a team's name: what processes
    remember of names is of one mark.
    """

    organization = models.OneToOneField(
        "orgs.Organization", on_delete=models.CASCADE, primary_key=True, related_name="directory"
    )
    users = models.PositiveIntegerField(default=0)
    groups = models.PositiveIntegerField(default=0)
    names_mark = models.UUIDField(default=uuid.uuid4)
    opened_at = models.DateTimeField(default=now)

    objects = TenantQuerySet.as_manager()

    def __str__(self) -> str:
        return f"directory of {self.organization_id}"


class SCIMUserQuerySet(TenantQuerySet["SCIMUser"]):
    """Reads of Users."""

    def named(self, user_name_key: str) -> "SCIMUserQuerySet":
        """Return the User with a casefolded userName."""
        return self.filter(user_name_key=user_name_key)


class SCIMUser(Identified, Versioned):
    """A member as SCIM's User.

    `resource` holds what was given, under canonical names; `search` the same, casefolded
    where case does not count. userName and externalId have columns alone. Without a
    `membership` the person has still to accept the `invitation`.
    """

    wire_prefix = "scu"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    membership = models.OneToOneField(
        "orgs.Membership",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="scim_user",
    )
    invitation = models.OneToOneField(
        "orgs.Invitation",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="scim_user",
    )
    user_name = models.CharField(max_length=LONGEST_NAME)
    user_name_key = models.CharField(max_length=LONGEST_NAME)
    external_id = models.CharField(max_length=LONGEST_NAME, blank=True)
    is_active = models.BooleanField(default=True)
    is_managed = models.BooleanField(default=False)
    resource = DocumentField(default=dict)
    search = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=now)
    modified_at = models.DateTimeField(default=now)

    objects = SCIMUserQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user_name_key"], name="scim_user_name_is_unique"
            ),
            models.UniqueConstraint(
                fields=["organization", "external_id"],
                condition=~Q(external_id=""),
                name="scim_user_external_id_is_unique",
            ),
        ]
        indexes = [models.Index(fields=["organization", "id"], name="scim_user_list")]

    def __str__(self) -> str:
        return self.user_name

    @property
    def display_name(self) -> str:
        """Return what to call the person."""
        found: Any = self.resource.get("displayName")
        return found or self.user_name


class SCIMText(models.Model):
    """A User as it is answered (`identity.directory.written`), empty since its last change.

    Each User has one, made with it. `turn` counts the changes, so that a text of before one is
    not kept after it. In a table of its own, of which a page reads a tenth of the blocks.
    """

    user = models.OneToOneField(
        SCIMUser, on_delete=models.CASCADE, primary_key=True, related_name="text"
    )
    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    turn = models.PositiveIntegerField(default=0, db_default=0)
    text = models.TextField(blank=True, default="", db_default="")

    objects = TenantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="scim_text_list")
        ]

    def __str__(self) -> str:
        return self.text


class SCIMEmail(models.Model):
    """An address of a User, casefolded: by which it is found without reading all."""

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    user = models.ForeignKey(SCIMUser, on_delete=models.CASCADE, related_name="emails")
    value_key = models.CharField(max_length=LONGEST_NAME)

    objects = TenantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "value_key", "user"], name="scim_email_by_value"
            )
        ]

    def __str__(self) -> str:
        return self.value_key


class SCIMGroup(Identified, Versioned):
    """A team as SCIM's Group. Whoever is put into it gets `role` there (group mapping)."""

    wire_prefix = "scg"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    team = models.OneToOneField(
        "orgs.Team", on_delete=models.CASCADE, related_name="scim_group"
    )
    display_name = models.CharField(max_length=LONGEST_NAME)
    display_name_key = models.CharField(max_length=LONGEST_NAME)
    external_id = models.CharField(max_length=LONGEST_NAME, blank=True)
    is_managed = models.BooleanField(default=False)
    role = models.CharField(max_length=20, choices=TeamRole, default=TeamRole.MEMBER)
    custom_role = models.ForeignKey(
        "orgs.Role", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=now)
    modified_at = models.DateTimeField(default=now)

    objects = TenantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "display_name_key"], name="scim_group_name_is_unique"
            ),
            models.UniqueConstraint(
                fields=["organization", "external_id"],
                condition=~Q(external_id=""),
                name="scim_group_external_id_is_unique",
            ),
        ]
        indexes = [models.Index(fields=["organization", "id"], name="scim_group_list")]

    def __str__(self) -> str:
        return self.display_name
