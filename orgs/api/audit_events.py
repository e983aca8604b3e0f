"""The audit trail: who did what to what, from where, with which difference."""

import uuid
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api.fields import WireId
from kernel.events.models import Event
from kernel.ids import encode
from kernel.principal import PrincipalKind
from orgs import queries
from orgs.doors.api import OrganizationView
from orgs.models import ServiceAccount, User
from orgs.permissions import Permission

_PREFIXES = {
    str(PrincipalKind.USER): User.wire_prefix,
    str(PrincipalKind.SERVICE_ACCOUNT): ServiceAccount.wire_prefix,
}


class EventShape(serializers.Serializer[Event]):
    id = WireId("evt", source="pk")
    sequence = serializers.IntegerField(help_text="Its place in the organization's chain.")
    occurred_at = serializers.DateTimeField()
    type = serializers.CharField()
    actor = serializers.SerializerMethodField()
    credential = serializers.SerializerMethodField()
    on_behalf_of = serializers.CharField()
    ip = serializers.CharField()
    user_agent = serializers.CharField()
    request_id = serializers.CharField()
    target = serializers.SerializerMethodField()
    changes = serializers.DictField()
    hash = serializers.CharField(help_text="The chain's link: SHA-256 over this and all before.")

    def get_actor(self, event: Event) -> dict[str, str]:
        """Return who acted: kind, id and name at that time."""
        return {"kind": event.actor_kind, "id": _actor_id(event), "name": event.actor_label}

    def get_credential(self, event: Event) -> dict[str, str]:
        """Return through what: its kind and public id."""
        return {"kind": event.credential_kind, "id": event.credential_id}

    def get_target(self, event: Event) -> dict[str, str]:
        """Return what it was done to: kind, id and name at that time."""
        return {"kind": event.target_kind, "id": event.target_id, "name": event.target_label}


def _actor_id(event: Event) -> str:
    """Return the id as other endpoints show it; empty where nobody in particular acted."""
    prefix = _PREFIXES.get(event.actor_kind)
    return encode(prefix, uuid.UUID(event.actor_id)) if prefix and event.actor_id else ""


class EventFilters(serializers.Serializer[Any]):
    type = serializers.CharField(
        required=False, max_length=100, help_text="A type, or how types begin: `orgs.member.`."
    )
    actor = serializers.CharField(required=False, max_length=200, help_text="An id or a name.")
    target = serializers.CharField(required=False, max_length=200, help_text="An id or a name.")
    since = serializers.DateTimeField(required=False, help_text="Included.")
    until = serializers.DateTimeField(required=False, help_text="Not included.")
    q = serializers.CharField(
        required=False, max_length=100, help_text="Part of a type, an actor's or target's name."
    )


class AuditEventsView(OrganizationView):
    """The audit trail of an organization."""

    noun = "audit_events"
    is_list = True
    page_order = "-sequence"
    representation = EventShape
    parameters = {"GET": EventFilters}
    permissions = {"GET": Permission.AUDIT_READ}

    def get(self, request: Request, **_url: str) -> Response:
        """List events, newest first."""
        query = dict(self.query)
        found = queries.events_of(
            self.organization,
            type_prefix=query.pop("type", ""),
            text=query.pop("q", ""),
            **query,
        )
        return self.page(found)


class AuditEventView(OrganizationView):
    """One event."""

    noun = "audit_events"
    representation = EventShape
    permissions = {"GET": Permission.AUDIT_READ}

    def get(self, request: Request, **_url: str) -> Response:
        """Show an event."""
        return self.one(Event.objects.of(self.organization).pick(self.kwargs["event"]))
