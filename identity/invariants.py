"""What must always be true of keys; read by `manage.py check_invariants`."""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef, Q

from identity.models import APIKey, UserSession
from kernel.clock import now
from kernel.wiring import Violation
from orgs.models import Membership


def ended_principals_hold_no_live_credential() -> Iterator[Violation]:
    """No living key of a person who left, of a deleted organization, of an ended account."""
    member_there = Membership.objects.system_all().active().filter(
        user_id=OuterRef("user_id"), organization_id=OuterRef("organization_id")
    )
    living = APIKey.objects.system_all().live(now())
    orphaned = living.filter(
        Q(user__isnull=False, organization__isnull=False) & ~Exists(member_there)
    )
    for key in orphaned[:100]:
        yield Violation(
            "no_live_key_of_a_removed_principal",
            f"organization {key.organization_id}, {key.prefix}",
            f"user {key.user_id} is no active member",
        )
    for key in living.filter(organization__deletion_requested_at__isnull=False)[:100]:
        yield Violation(
            "no_live_key_of_an_organization_being_deleted",
            f"organization {key.organization_id}",
            key.prefix,
        )
    inactive = UserSession.objects.filter(user__is_active=False)
    for session in inactive[:100]:
        yield Violation("no_session_of_an_inactive_person", f"user {session.user_id}", "a session")
