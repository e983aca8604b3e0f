"""The job row."""

from django.db import models

from kernel.tenancy import Identified

MAX_ATTEMPTS = 8


class Job(Identified):
    """Something to be done once it is due."""

    wire_prefix = "job"

    class State(models.TextChoices):
        """Where a job stands."""

        DUE = "due"
        RUNNING = "running"
        DONE = "done"
        DEAD = "dead"

    kind = models.CharField(max_length=100)
    payload = models.JSONField(default=dict)
    organization_id = models.UUIDField(null=True, blank=True)
    request_id = models.CharField(max_length=64, null=True, blank=True)
    unique_key = models.CharField(max_length=200, null=True, blank=True, unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.DUE)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                name="job_waiting_by_due",
                condition=models.Q(state__in=["due", "running"]),
            ),
            models.Index(fields=["state", "done_at"], name="job_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.state})"
