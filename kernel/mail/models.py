"""The mail row: one message to one address, with its delivery state."""

from django.db import models

from kernel.crypto.fields import EncryptedTextField
from kernel.tenancy import Identified


class Mail(Identified):
    """A message and how far it got."""

    wire_prefix = "mail"

    class State(models.TextChoices):
        """Delivery state, as admins see it."""

        QUEUED = "queued"
        SENT = "sent"
        FAILED = "failed"

    organization_id = models.UUIDField(null=True, blank=True, db_index=True)
    template = models.CharField(max_length=100)
    recipient = models.EmailField(max_length=254)
    subject = models.CharField(max_length=200)
    text = EncryptedTextField(blank=True)
    html = EncryptedTextField(blank=True)
    message_id = models.CharField(max_length=200, unique=True)
    about_kind = models.CharField(max_length=40, blank=True)
    about_id = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["about_id", "-created_at"], name="mail_by_subject")]

    def __str__(self) -> str:
        return f"{self.template} to {self.recipient}"
