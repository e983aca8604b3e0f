"""What must always be true of keys and sessions; read by `manage.py check_invariants`."""

import datetime as dt
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from identity.models import APIKey, UserSession
from kernel.rule import Rule
from orgs.models import Membership

Rows = QuerySet[Any, Any]
Moment = dt.datetime


def _keys_of_ended(moment: Moment) -> Rows:
    there = Membership.objects.system_all().active().filter(
        user_id=OuterRef("user_id"), organization_id=OuterRef("organization_id")
    )
    mine = Q(user__isnull=False, organization__isnull=False)
    return APIKey.objects.system_all().live(moment).filter(mine & ~Exists(there))


def _keys_of_deleted(moment: Moment) -> Rows:
    living = APIKey.objects.system_all().live(moment)
    return living.filter(organization__deletion_requested_at__isnull=False)


def _keys_of_inactive(moment: Moment) -> Rows:
    return APIKey.objects.system_all().live(moment).filter(user__is_active=False)


def _sessions_of_inactive(_moment: Moment) -> Rows:
    rows: Rows = UserSession.objects.filter(user__is_active=False)
    return rows


def _overlaps_without_successor(_moment: Moment) -> Rows:
    return APIKey.objects.system_all().filter(ends_at__isnull=False, replaced_by__isnull=True)


_KEY, _PERSON = "organization {organization_id}, stw_{key_id}", "user {user_id}"

RULES: tuple[Rule, ...] = (
    Rule(
        "no_live_key_of_a_removed_principal",
        _keys_of_ended,
        _KEY,
        "user {user_id} is no active member",
    ),
    Rule(
        "no_live_key_of_an_organization_being_deleted", _keys_of_deleted, _KEY, "it still works"
    ),
    Rule("no_live_key_of_an_inactive_person", _keys_of_inactive, _KEY, "user {user_id}"),
    Rule("no_session_of_an_inactive_person", _sessions_of_inactive, _PERSON, "a session"),
    Rule(
        "a_rotated_key_has_a_successor",
        _overlaps_without_successor,
        _KEY,
        "it ends at {ends_at}",
    ),
)
