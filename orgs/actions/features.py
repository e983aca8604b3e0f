"""Beta features: what exists, and who switched what. The nearest choice wins.

Instance → organization → team → user; `orgs.queries.features_of` says what holds.
"""

from typing import Any

from django.db import transaction

from kernel.errors import Denied, Missing
from kernel.events import Target, record
from kernel.principal import Principal
from orgs import access
from orgs.actions import members, teams
from orgs.models import FeatureChoice, FeatureFlag, Organization, Team, User
from orgs.permissions import Permission


@transaction.atomic
def define(
    *, actor: Principal, name: str, title: str, description: str = "", is_on: bool = False
) -> FeatureFlag:
    """Make a feature known and set the instance's default (operator only)."""
    if not actor.is_system:
        raise Denied("Features are defined by the operator of the instance.")
    before = FeatureFlag.objects.filter(name=name).first()
    flag, _ = FeatureFlag.objects.update_or_create(
        name=name, defaults={"title": title, "description": description, "is_on": is_on}
    )
    if before is None or before.is_on != is_on:
        change = [before.is_on if before else None, is_on]
        _record(actor, None, flag, where="the instance", change=change)
    return flag


@transaction.atomic
def switch(
    *, actor: Principal, organization: Organization, flag: str, is_on: bool | None
) -> FeatureFlag:
    """Choose for an organization; None takes the choice back, so that the default holds.

    Raises `Missing` for a feature that is not defined.
    """
    access.require(actor, Permission.FEATURE_MANAGE, organization)
    members.lock(organization)
    found = _flag(flag)
    before = _choose(found, is_on=is_on, organization=organization)
    if before != is_on:
        _record(actor, organization, found, where=str(organization), change=[before, is_on])
    return found


@transaction.atomic
def switch_for_team(
    *,
    actor: Principal,
    organization: Organization,
    team: Team,
    flag: str,
    is_on: bool | None,
) -> FeatureFlag:
    """Choose for a team, over its organization's choice; None takes it back."""
    access.require(actor, Permission.FEATURE_MANAGE, team)
    members.lock(organization)
    team = teams.lock(organization, team)
    found = _flag(flag)
    before = _choose(found, is_on=is_on, team=team)
    if before != is_on:
        _record(actor, organization, found, where=f"team {team.name}", change=[before, is_on])
    return found


@transaction.atomic
def switch_for_user(
    *, actor: Principal, user: User, flag: str, is_on: bool | None
) -> FeatureFlag:
    """Choose for oneself, over every other choice; None takes it back."""
    access.require_oneself(actor, user.pk)
    found = _flag(flag)
    before = _choose(found, is_on=is_on, user=user)
    if before != is_on:
        _record(actor, None, found, where=f"user {user.username}", change=[before, is_on])
    return found


def _flag(name: str) -> FeatureFlag:
    # No database takes NUL in a comparison, so nothing has such a name.
    found = None if "\x00" in name else FeatureFlag.objects.filter(name=name).first()
    if found is None:
        raise Missing
    return found


def _choose(flag: FeatureFlag, *, is_on: bool | None, **holder: Any) -> bool | None:
    """Store a choice of one holder (organization, team or user), or drop it.

    Returns the choice before.
    """
    rows = FeatureChoice.objects.filter(flag=flag, **holder)
    choice = rows.first()
    if is_on is None:
        rows.delete()
    else:
        FeatureChoice.objects.update_or_create(flag=flag, **holder, defaults={"is_on": is_on})
    return choice.is_on if choice else None


def _record(
    actor: Principal,
    organization: Organization | None,
    flag: FeatureFlag,
    *,
    where: str,
    change: list[bool | None],
) -> None:
    record(
        type="orgs.feature.switched",
        actor=actor,
        organization=organization,
        target=Target(kind="feature", id=flag.name, label=flag.title),
        changes={"for": where, "is_on": change},
    )
