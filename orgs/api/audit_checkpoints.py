"""Signed checkpoints of the audit trail: what an outsider can hold against its keeper."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api.fields import WireId
from kernel.crypto.signing import signing_ring
from kernel.events.checkpoints import Statement
from kernel.events.models import Checkpoint
from orgs.doors.api import OrganizationView
from orgs.permissions import Permission


class CheckpointShape(serializers.Serializer[Checkpoint]):
    id = WireId("chk", source="pk")
    sequence = serializers.IntegerField(help_text="How far the chain went.")
    hash = serializers.CharField(help_text="The link of the event at that place.")
    made_at = serializers.DateTimeField()
    statement = serializers.SerializerMethodField(help_text="Exactly the text that is signed.")
    signature = serializers.CharField(help_text="Ed25519 over the statement, in hexadecimal.")
    key_id = serializers.CharField(help_text="The first 8 digits of the SHA-256 of the key.")
    public_key = serializers.SerializerMethodField(
        help_text="The key that verifies it, in base64; empty if it is no longer known here."
    )

    def get_statement(self, row: Checkpoint) -> str:
        """Return what is signed: JSON with sorted keys and without white space."""
        return Statement.of(row).text

    def get_public_key(self, row: Checkpoint) -> str:
        """Return the public half of the key that signed it."""
        return signing_ring().public_keys.get(row.key_id, "")


class AuditCheckpointsView(OrganizationView):
    """The signed checkpoints of an organization's audit trail."""

    noun = "audit_checkpoints"
    is_list = True
    page_order = "-id"
    representation = CheckpointShape
    permissions = {"GET": Permission.AUDIT_READ}

    def get(self, request: Request, **_url: str) -> Response:
        """List checkpoints, newest first."""
        return self.page(Checkpoint.objects.of(self.organization))
