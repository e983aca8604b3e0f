"""What must always be true of keys and sessions; read by `manage.py check_invariants`."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from identity.directory import written
from identity.models import (
    APIKey,
    Directory,
    ProvisioningConnection,
    SCIMGroup,
    SCIMText,
    SCIMUser,
    UserSession,
)
from kernel.ids import encode
from kernel.rule import Rule
from kernel.wiring import Violation
from orgs.models import Membership, Team

Rows = QuerySet[Any, Any]
Moment = dt.datetime
RuleRows = Callable[[Moment], Rows]


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


def _directories_counting_wrong(counted: type[SCIMUser] | type[SCIMGroup], kept: str) -> RuleRows:
    def rows(_moment: Moment) -> Rows:
        held = counted.objects.system_all().filter(organization_id=OuterRef("organization_id"))
        number = held.order_by().values("organization_id").annotate(n=Count("pk")).values("n")
        actual = Coalesce(Subquery(number, output_field=IntegerField()), 0)
        return Directory.objects.system_all().annotate(actual=actual).exclude(**{kept: F("actual")})

    return rows


def _in_a_directory() -> Exists:
    opened = Directory.objects.system_all().filter(organization_id=OuterRef("organization_id"))
    return Exists(opened)


def _members_not_shown(_moment: Moment) -> Rows:
    members = Membership.objects.system_all().present().filter(_in_a_directory())
    return members.filter(scim_user__isnull=True)


def _teams_not_shown(_moment: Moment) -> Rows:
    return Team.objects.system_all().filter(_in_a_directory(), scim_group__isnull=True)


def _shown_after_the_end(_moment: Moment) -> Rows:
    ended = Membership.Status.REMOVED
    return SCIMUser.objects.system_all().filter(membership__status=ended)


def _shown_otherwise(_moment: Moment) -> Rows:
    active = Q(membership__status=Membership.Status.ACTIVE)
    users = SCIMUser.objects.system_all().filter(membership__isnull=False)
    return users.filter(Q(active, is_active=False) | Q(~active, is_active=True))


def _without_a_text(_moment: Moment) -> Rows:
    mine = SCIMText.objects.system_all().filter(
        user=OuterRef("pk"), organization_id=OuterRef("organization_id")
    )
    return SCIMUser.objects.system_all().filter(~Exists(mine))


def _managed_by_nobody(_moment: Moment) -> Rows:
    provider = ProvisioningConnection.objects.system_all().filter(
        organization_id=OuterRef("organization_id")
    )
    return Membership.objects.system_all().filter(~Exists(provider), is_managed=True)


_KEY, _PERSON = "organization {organization_id}, stw_{key_id}", "user {user_id}"
_ORGANIZATION = "organization {organization_id}"
_MEMBER = "organization {organization_id}, user {user_id}"

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
    Rule(
        "a_directory_counts_its_users",
        _directories_counting_wrong(SCIMUser, "users"),
        _ORGANIZATION,
        "{users} kept, {actual} there",
    ),
    Rule(
        "a_directory_counts_its_groups",
        _directories_counting_wrong(SCIMGroup, "groups"),
        _ORGANIZATION,
        "{groups} kept, {actual} there",
    ),
    Rule("every_member_is_a_scim_user", _members_not_shown, _MEMBER, "no User"),
    Rule("every_team_is_a_scim_group", _teams_not_shown, _ORGANIZATION, "team {id} is no Group"),
    Rule("nobody_removed_is_a_scim_user", _shown_after_the_end, _ORGANIZATION, "User {id}"),
    Rule(
        "a_scim_user_is_active_as_the_member_is",
        _shown_otherwise,
        _ORGANIZATION,
        "User {id}: active is {is_active}",
    ),
    Rule("every_scim_user_is_in_the_list", _without_a_text, _ORGANIZATION, "User {id} has no text"),
    Rule("whoever_is_managed_has_a_provider", _managed_by_nobody, _MEMBER, "no connection"),
)


def texts_tell_what_the_rows_do() -> Iterator[Violation]:
    """Each User's kept text is what would be written now."""
    for directory in Directory.objects.system_all().order_by("pk"):
        for pk in written.stale(directory):
            where = f"organization {directory.pk}, {encode(SCIMUser.wire_prefix, pk)}"
            yield Violation("a_user_is_answered_as_it_is", where, "the text is of before a change")
