"""Invitations into an organization."""

import datetime as dt

from django.db import models
from django.db.models import Q

from kernel.clock import now
from kernel.tenancy import Identified, TenantQuerySet
from orgs.models.membership import OrganizationRole
from orgs.models.seat import SeatType
from orgs.models.team import TeamRole


class InvitationQuerySet(TenantQuerySet["Invitation"]):
    """Reads of invitations."""

    def open(self) -> "InvitationQuerySet":
        """Return invitations that were neither accepted nor revoked."""
        return self.filter(accepted_at__isnull=True, revoked_at__isnull=True)

    def live(self, moment: dt.datetime) -> "InvitationQuerySet":
        """Return open invitations whose time has not passed."""
        return self.open().filter(expires_at__gt=moment)

    def in_state(self, state: str, moment: dt.datetime) -> "InvitationQuerySet":
        """Return invitations in a `state` (see `Invitation.State`) at a moment."""
        if state == Invitation.State.ACCEPTED:
            return self.filter(accepted_at__isnull=False)
        if state == Invitation.State.REVOKED:
            return self.filter(accepted_at__isnull=True, revoked_at__isnull=False)
        if state == Invitation.State.EXPIRED:
            return self.open().filter(expires_at__lte=moment)
        return self.live(moment)

    def system_with_digest(self, digests: list[str]) -> "InvitationQuerySet":
        """Find an invitation by its link: the link is what proves the right to see it."""
        return self.filter(token_digest__in=digests).select_related("organization")

    def system_live_for(self, address: str, moment: dt.datetime) -> "InvitationQuerySet":
        """Return what waits for the owner of an address, wherever they are invited."""
        return self.live(moment).filter(email=address.lower()).select_related("organization")

    def system_lapsed(self, moment: dt.datetime) -> "InvitationQuerySet":
        """Return open invitations whose time passed and whose lapse is not yet noted."""
        return self.open().filter(expires_at__lte=moment, lapse_noted=False)


class Invitation(Identified):
    """An offer of a membership to one address.

    The link's token is derived from the id, the generation and a server key, and
    stored as a digest: it can be shown again, and a copy of the table opens nothing.
    """

    wire_prefix = "inv"

    class State(models.TextChoices):
        """Where an invitation stands, derived from its times."""

        PENDING = "pending", "Pending"
        ACCEPTED = "accepted", "Accepted"
        REVOKED = "revoked", "Revoked"
        EXPIRED = "expired", "Expired"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="invitations"
    )
    email = models.EmailField(max_length=254)
    role = models.CharField(
        max_length=20, choices=OrganizationRole, default=OrganizationRole.MEMBER
    )
    custom_role = models.ForeignKey(
        "orgs.Role", on_delete=models.RESTRICT, null=True, blank=True, related_name="+"
    )
    seat = models.CharField(max_length=10, choices=SeatType, default=SeatType.FULL)
    token_digest = models.CharField(max_length=64, unique=True)
    generation = models.PositiveIntegerField(default=1)
    invited_by = models.CharField(max_length=200, blank=True)
    invited_by_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=now)
    sent_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    lapse_noted = models.BooleanField(default=False)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.CharField(max_length=64, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="address_has_one_open_invitation",
            )
        ]
        indexes = [
            models.Index(fields=["organization", "id"], name="invitation_list"),
            models.Index(
                fields=["organization", "invited_by_id"],
                name="invitation_open_by_inviter",
                condition=Q(accepted_at__isnull=True, revoked_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def state(self) -> str:
        """Return the state now, as one of `State`."""
        if self.accepted_at:
            return self.State.ACCEPTED
        if self.revoked_at:
            return self.State.REVOKED
        return self.State.EXPIRED if self.expires_at <= now() else self.State.PENDING

    @property
    def role_name(self) -> str:
        """Return the offered role's name for people."""
        return self.custom_role.name if self.custom_role else self.get_role_display()


class InvitationTeam(models.Model):
    """A team that the invitation leads into as well."""

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.CASCADE, related_name="+"
    )
    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="teams")
    team = models.ForeignKey("orgs.Team", on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=20, choices=TeamRole, default=TeamRole.MEMBER)

    objects = TenantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invitation", "team"], name="invitation_names_a_team_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.team_id} as {self.role}"
