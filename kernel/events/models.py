"""Event rows, chained per organization, the head of each chain, and what vouches for it.

All carry ids without foreign keys: the trail outlives what it tells of.
"""

import uuid

from django.db import models

from kernel.tenancy import Identified, TenantQuerySet

INSTANCE_CHAIN = uuid.UUID(int=0)
"""The chain of events that belong to no organization (accounts, instance)."""


class EventQuerySet(TenantQuerySet["Event"]):
    """Reads of the log; the console and the API start with `.of(organization)`."""

    def newest_first(self) -> "EventQuerySet":
        """Order by position in the chain, last event first."""
        return self.order_by("-sequence")


class Event(Identified):
    """One change: who, through what, from where, did what, to what, with what difference.

    `follow_ups` names the kinds of job that got a row along with the event, with a space
    between: which reactions were wired when it was recorded. None where there were none.
    """

    wire_prefix = "evt"

    organization_id = models.UUIDField(default=INSTANCE_CHAIN)
    sequence = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    type = models.CharField(max_length=100)
    actor_kind = models.CharField(max_length=20)
    actor_id = models.CharField(max_length=64, blank=True)
    actor_label = models.CharField(max_length=200, blank=True)
    credential_kind = models.CharField(max_length=20, blank=True)
    credential_id = models.CharField(max_length=64, blank=True)
    on_behalf_of = models.CharField(max_length=200, blank=True)
    ip = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=400, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    target_kind = models.CharField(max_length=40, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    target_label = models.CharField(max_length=200, blank=True)
    changes = models.JSONField(default=dict, blank=True)
    follow_ups = models.TextField(null=True, blank=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "sequence"], name="event_sequence_has_no_twin"
            ),
        ]
        indexes = [
            models.Index(fields=["organization_id", "type", "-sequence"], name="event_by_type"),
            models.Index(
                fields=["organization_id", "actor_id", "-sequence"], name="event_by_actor"
            ),
            models.Index(
                fields=["organization_id", "target_id", "-sequence"], name="event_by_target"
            ),
            models.Index(fields=["organization_id", "occurred_at"], name="event_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.type} #{self.sequence}"


class ChainHead(models.Model):
    """The last link of an organization's chain; its row lock serializes appends."""

    organization_id = models.UUIDField(primary_key=True)
    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.organization_id} at {self.sequence}"


class CheckpointQuerySet(TenantQuerySet["Checkpoint"]):
    """Reads of checkpoints."""

    def in_order(self) -> "CheckpointQuerySet":
        """Order along the chain, then by time."""
        return self.order_by("sequence", "pk")


class Checkpoint(Identified):
    """A signed statement of where a chain stood at a time; appended, never changed.

    What is signed says `kernel.events.checkpoints.Statement`. Two of one sequence with
    different hashes may stand here: together they show that the chain was rewritten.
    """

    wire_prefix = "chk"

    organization_id = models.UUIDField(default=INSTANCE_CHAIN)
    sequence = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    key_id = models.CharField(max_length=8)
    signature = models.CharField(max_length=128)

    objects = CheckpointQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "sequence", "hash"],
                name="place_of_a_chain_is_signed_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} at {self.sequence}"


class ChainVerdict(models.Model):
    """What the last walk along an organization's chain found; a finding stays until it is mended.

    `sequence` is how far the chain was walked. `broken_at` is the place of the first
    break, and `finding` says what it is.
    """

    organization_id = models.UUIDField(primary_key=True)
    verified_at = models.DateTimeField()
    sequence = models.BigIntegerField(default=0)
    broken_at = models.BigIntegerField(null=True, blank=True)
    finding = models.CharField(max_length=400, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["organization_id"],
                name="chain_verdict_broken",
                condition=models.Q(broken_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization_id}: {self.finding or 'holds'}"

    @property
    def holds(self) -> bool:
        """Whether the walk found no break."""
        return self.broken_at is None
