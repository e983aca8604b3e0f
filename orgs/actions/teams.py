"""Teams: create, rename, settings, delete, and who is in them."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from kernel.errors import Invalid, Missing
from kernel.events import Target, record
from kernel.principal import Principal
from orgs import access
from orgs.actions import endings, given_roles, managed, members, names
from orgs.errors import AlreadyMember, ConfirmationMismatch, NotActive, PolicyForbids
from orgs.models import (
    Membership,
    Organization,
    Project,
    Role,
    ServiceAccount,
    Team,
    TeamMembership,
    TeamRole,
)
from orgs.permissions import Permission
from orgs.queries import ENFORCEMENTS, effective_settings

EDITABLE = ("display_name", "description", *ENFORCEMENTS)


@transaction.atomic
def create(
    *,
    actor: Principal,
    organization: Organization,
    name: str,
    display_name: str = "",
    description: str = "",
    admin: Membership | None = None,
) -> Team:
    """Create a team; its first admin is `admin`, or else the acting member.

    A machine may create a team without a first admin. Raises `Invalid`, `NameTaken`,
    `NotActive`.
    """
    access.require(actor, Permission.TEAM_CREATE, organization)
    members.lock(organization)
    standing = access.standing_of(actor, organization)
    first = standing.member
    if admin is not None and admin != standing.member:
        access.require(actor, Permission.TEAM_MEMBER_MANAGE, organization)
        first = _active(organization, admin)
    team = _created(
        actor=actor,
        organization=organization,
        name=name,
        display_name=display_name,
        description=description,
        first=first,
    )
    if first is not None:
        place = _place(team, first, TeamRole.ADMIN, None)
        _record_place("orgs.team_member.added", actor, place, role=[None, place.role_name])
    return team


@transaction.atomic
def create_empty(
    *, actor: Principal, organization: Organization, name: str, display_name: str = ""
) -> Team:
    """Create a team that nobody is in, whoever acts. Raises `Invalid`, `NameTaken`."""
    access.require(actor, Permission.TEAM_CREATE, organization)
    members.lock(organization)
    return _created(actor=actor, organization=organization, name=name, display_name=display_name)


def _created(
    *,
    actor: Principal,
    organization: Organization,
    name: str,
    display_name: str,
    description: str = "",
    first: Membership | None = None,
) -> Team:
    team = Team(
        organization=organization,
        name=names.validate(name),
        display_name=_line("display_name", display_name),
        description=_line("description", description),
        saves_code=organization.saves_code_by_default,
    )
    try:
        with transaction.atomic():
            team.save(force_insert=True)
    except IntegrityError:
        raise names.taken(team.name) from None
    names.claim(team.name, team=team)
    Organization.objects.filter(pk=organization.pk).update(team_count=F("team_count") + 1)
    organization.refresh_from_db(fields=["team_count"])
    record(
        type="orgs.team.created",
        actor=actor,
        organization=organization,
        target=Target.of(team),
        changes={"name": [None, team.name], "admin": str(first.user) if first else None},
    )
    return team


@transaction.atomic
def rename(
    *,
    actor: Principal,
    organization: Organization,
    team: Team,
    name: str,
    expected_version: int | None = None,
) -> Team:
    """Give a team another name; the old one redirects and is blocked for 90 days."""
    access.require(actor, Permission.TEAM_UPDATE, team)
    members.lock(organization)
    team = lock(organization, team)
    team.require_version(expected_version)
    name = names.validate(name)
    before = team.name
    if before == name:
        return team
    names.rename(name, team=team)
    team.name = name
    team.save_change("name")
    record(
        type="orgs.team.renamed",
        actor=actor,
        organization=organization,
        target=Target.of(team),
        changes={"name": [before, name]},
    )
    return team


@transaction.atomic
def update(
    *,
    actor: Principal,
    organization: Organization,
    team: Team,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> Team:
    """Change what `EDITABLE` names. Raises `Invalid`, `Stale`.

    A setting that the organization enforces is not the team's to change: `PolicyForbids`.
    What holds in the end says `orgs.queries.effective_settings`.
    """
    access.require(actor, Permission.TEAM_UPDATE, team)
    members.lock(organization)
    team = lock(organization, team)
    team.require_version(expected_version)
    wanted = {field: _clean(field, value) for field, value in changes.items()}
    different = {
        field: [getattr(team, field), value]
        for field, value in wanted.items()
        if getattr(team, field) != value
    }
    if not different:
        return team
    if "display_name" in different:
        managed.require_unmanaged(
            actor=actor, organization=organization, row=team, act="rename the group"
        )
    enforced = sorted(effective_settings(team, organization).enforced & different.keys())
    if enforced:
        raise PolicyForbids(
            f"{organization.name} decides this for all teams: {', '.join(enforced)}. "
            "An organization admin can change the policy.",
            settings=enforced,
        )
    for field, pair in different.items():
        setattr(team, field, pair[1])
    team.save_change(*different)
    record(
        type="orgs.team.updated",
        actor=actor,
        organization=organization,
        target=Target.of(team),
        changes=different,
    )
    return team


@transaction.atomic
def delete(*, actor: Principal, organization: Organization, team: Team, confirmation: str) -> None:
    """Delete a team after its name was typed, with everything that is the team's.

    Its service accounts and their keys, projects, grants and places end in the same
    transaction; the members stay in the organization.
    """
    access.require(actor, Permission.TEAM_DELETE, team)
    members.lock(organization)
    team = lock(organization, team)
    managed.require_unmanaged(
        actor=actor, organization=organization, row=team, act="delete the group"
    )
    if confirmation.strip() != team.name:
        raise ConfirmationMismatch(
            f"Type “{team.name}” to confirm.",
            errors=[
                {
                    "pointer": "/confirmation",
                    "code": "confirmation_mismatch",
                    "detail": "This is not the team's name.",
                }
            ],
        )
    accounts = ServiceAccount.objects.of(organization).filter(team=team)
    projects = Project.objects.of(organization).filter(team=team)
    record(
        type="orgs.team.deleted",
        actor=actor,
        organization=organization,
        target=Target.of(team),
        changes={
            "name": [team.name, None],
            "members": team.member_count,
            "service_accounts": [str(account) for account in accounts.order_by("pk")],
            "projects": [str(project) for project in projects.order_by("pk")],
        },
    )
    team.delete()
    Organization.objects.filter(pk=organization.pk).update(team_count=F("team_count") - 1)
    organization.refresh_from_db(fields=["team_count"])


@transaction.atomic
def add_member(
    *,
    actor: Principal,
    organization: Organization,
    team: Team,
    member: Membership,
    role: str = TeamRole.MEMBER,
    custom_role: Role | None = None,
) -> TeamMembership:
    """Add an active member to a team. Raises `AlreadyMember`, `NotActive`, `Invalid`."""
    access.require(actor, Permission.TEAM_MEMBER_MANAGE, team)
    members.lock(organization)
    team = lock(organization, team)
    managed.require_unmanaged(
        actor=actor, organization=organization, row=team, act="add them to the group"
    )
    member = _active(organization, member)
    role, custom_role = given_roles.checked(
        actor=actor, resource=team, role=role, custom_role=custom_role
    )
    if TeamMembership.objects.of(organization).filter(team=team, membership=member).exists():
        raise AlreadyMember(f"{member.user.name} is in {team} already.")
    place = _place(team, member, role, custom_role)
    _record_place("orgs.team_member.added", actor, place, role=[None, place.role_name])
    return place


@transaction.atomic
def change_member_role(
    *,
    actor: Principal,
    organization: Organization,
    team: Team,
    member: Membership,
    role: str,
    custom_role: Role | None = None,
    expected_version: int | None = None,
) -> TeamMembership:
    """Give somebody in a team another team role. Raises `Missing`, `Invalid`, `Stale`."""
    access.require(actor, Permission.TEAM_MEMBER_MANAGE, team)
    members.lock(organization)
    team = lock(organization, team)
    place = _locked_place(organization, team, member)
    place.require_version(expected_version)
    role, custom_role = given_roles.checked(
        actor=actor, resource=team, role=role, custom_role=custom_role
    )
    if place.role == role and place.custom_role == custom_role:
        return place
    before = place.role_name
    place.role, place.custom_role = role, custom_role
    place.save_change("role", "custom_role")
    _record_place("orgs.team_member.role_changed", actor, place, role=[before, place.role_name])
    return place


@transaction.atomic
def remove_member(
    *,
    actor: Principal,
    organization: Organization,
    team: Team,
    member: Membership,
    expected_version: int | None = None,
) -> None:
    """Take somebody out of a team, with grants on it and places on its projects."""
    access.require(actor, Permission.TEAM_MEMBER_MANAGE, team)
    members.lock(organization)
    team = lock(organization, team)
    managed.require_unmanaged(
        actor=actor, organization=organization, row=team, act="take them out of the group"
    )
    place = _locked_place(organization, team, member)
    place.require_version(expected_version)
    endings.leave_team(organization, team, [place])
    _record_place("orgs.team_member.removed", actor, place, role=[place.role_name, None])


@transaction.atomic
def leave(*, actor: Principal, organization: Organization, team: Team) -> None:
    """Leave a team, as somebody who is in it. Raises `Missing` for others."""
    access.require(actor, Permission.ORGANIZATION_READ, organization)
    member = access.standing_of(actor, organization).member
    if member is None:
        raise Missing
    access.require_oneself(actor, member.user_id)
    members.lock(organization)
    place = _locked_place(organization, lock(organization, team), member)
    endings.leave_team(organization, team, [place])
    _record_place("orgs.team_member.left", actor, place, role=[place.role_name, None])


def join(
    *, organization: Organization, team: Team, member: Membership, role: str
) -> TeamMembership:
    """Place a new member in a team by a right proven otherwise (an invitation).

    The caller holds the organization's lock and tells it in its own event.
    """
    return _place(lock(organization, team), member, role, None)


def lock(organization: Organization, team: Team) -> Team:
    """Lock a team's row and read it anew; second in lock order. Raises `Missing`."""
    row = Team.objects.of(organization).select_for_update().filter(pk=team.pk).first()
    if row is None:
        raise Missing
    row.organization = organization
    return row


def _active(organization: Organization, member: Membership) -> Membership:
    found = (
        Membership.objects.of(organization)
        .select_for_update(of=("self",))
        .filter(pk=member.pk)
        .select_related("user", "custom_role")
        .first()
    )
    if found is None:
        raise Missing
    if not found.is_active:
        raise NotActive(f"{found.user.name} is not an active member.")
    return found


def _place(team: Team, member: Membership, role: str, custom_role: Role | None) -> TeamMembership:
    place = TeamMembership(
        organization_id=team.organization_id,
        team=team,
        membership=member,
        role=role,
        custom_role=custom_role,
    )
    place.save(force_insert=True)
    Team.objects.of(team.organization_id).filter(pk=team.pk).update(
        member_count=F("member_count") + 1
    )
    team.refresh_from_db(fields=["member_count"])
    return place


def _locked_place(organization: Organization, team: Team, member: Membership) -> TeamMembership:
    place = (
        TeamMembership.objects.of(organization)
        .select_for_update(of=("self",))
        .filter(team=team, membership=member)
        .select_related("membership__user", "custom_role")
        .first()
    )
    if place is None:
        raise Missing
    place.team = team
    return place


def _clean(field: str, value: Any) -> Any:
    if field in ("display_name", "description"):
        return _line(field, str(value))
    if field in ENFORCEMENTS:
        if not isinstance(value, bool):
            raise Invalid.field(field, "Give true or false.", code="boolean")
        return value
    raise Invalid.field(field, f"“{field}” cannot be changed.", code="unknown_field")


def _line(field: str, text: str) -> str:
    return names.one_line(text, field, longest=120 if field == "display_name" else 500)


def _record_place(event: str, actor: Principal, place: TeamMembership, *, role: list[Any]) -> None:
    record(
        type=event,
        actor=actor,
        organization=place.organization_id,
        target=Target(
            kind="membership", id=place.membership.wire_id, label=str(place.membership.user)
        ),
        changes={"team": place.team.name, "team_id": place.team.wire_id, "role": role},
    )
