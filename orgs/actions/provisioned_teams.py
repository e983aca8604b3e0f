"""Who is in a team, as an identity provider says: many at once, deactivated members as well.

The cost of a change grows with the change and not with the team: an identity provider adds
people to groups of tens of thousands one by one.
"""

import secrets
from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models import F

from kernel.events import Target, record
from kernel.principal import Principal
from orgs import access
from orgs.actions import endings, given_roles, managed, members, names, teams
from orgs.errors import TeamNotEmpty
from orgs.models import (
    Invitation,
    InvitationTeam,
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

TOLD_ONE_BY_ONE = 100
"""Up to how many people each has an event of their own; more are told by name in a few."""
_NAMES_IN_AN_EVENT = 500
_NUMBERED = 5
_EVENTS = {"added": "orgs.team_member.added", "removed": "orgs.team_member.removed"}


def name_for(display_name: str) -> str:
    """Return a free team name made from a group's name."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in display_name)
    stem = "-".join(filter(None, plain.split("-")))[:56].strip("-_") or "team"
    candidate, number = stem, 1
    while not names.is_free(candidate):
        number += 1
        # Names are the whole installation's, and groups without a letter of ASCII share one.
        end = str(number) if number < _NUMBERED else secrets.token_hex(4)
        candidate = f"{stem}-{end}"
    return candidate


def promised_role(role: str, custom_role: Role | None) -> str:
    """Return the role that an invitation promises: it knows no custom ones, so the least.

    Whoever accepts gets the custom role then; its base might be more than it.
    """
    return TeamRole.VIEWER if custom_role is not None else role


@transaction.atomic
def set_places(
    *,
    actor: Principal,
    organization: Organization,
    team: Team,
    add: Collection[Membership] = (),
    remove: Collection[Membership] = (),
    role: str = TeamRole.MEMBER,
    custom_role: Role | None = None,
) -> tuple[list[Membership], list[Membership]]:
    """Put members into a team and take others out; return who was not in, and who was.

    Whoever is where they shall be already is passed over. New places get the role given.
    """
    access.require(actor, Permission.TEAM_MEMBER_MANAGE, team)
    members.lock(organization)
    team = teams.lock(organization, team)
    managed.require_unmanaged(
        actor=actor, organization=organization, row=team, act="change who is in the group"
    )
    role, custom_role = given_roles.checked(
        actor=actor, resource=team, role=role, custom_role=custom_role
    )
    named = {member.pk for member in (*add, *remove)}
    places = TeamMembership.objects.of(organization).filter(team=team, membership_id__in=named)
    held = {place.membership_id: place for place in places.select_for_update(of=("self",))}
    added = [member for member in add if member.pk not in held]
    removed = [member for member in remove if member.pk in held]
    new = [
        TeamMembership(
            organization=organization,
            team=team,
            membership=member,
            role=role,
            custom_role=custom_role,
        )
        for member in added
    ]
    TeamMembership.objects.bulk_create(new, batch_size=1000)
    _count(team, len(new))
    endings.leave_team(organization, team, [held[member.pk] for member in removed])
    _tell(actor, organization, team, added, removed)
    return added, removed


@transaction.atomic
def set_promised(
    *,
    actor: Principal,
    organization: Organization,
    team: Team,
    add: Collection[Invitation] = (),
    remove: Collection[Invitation] = (),
    role: str = TeamRole.MEMBER,
) -> tuple[int, int]:
    """Let open invitations lead into a team as well, or no longer; return how many changed."""
    access.require(actor, Permission.TEAM_MEMBER_MANAGE, team)
    members.lock(organization)
    team = teams.lock(organization, team)
    managed.require_unmanaged(
        actor=actor, organization=organization, row=team, act="change who is in the group"
    )
    given_roles.checked(actor=actor, resource=team, role=role)
    rows = InvitationTeam.objects.of(organization).filter(team=team)
    there = set(rows.filter(invitation__in=add).values_list("invitation_id", flat=True))
    new = [
        InvitationTeam(organization=organization, invitation=row, team=team, role=role)
        for row in add
        if row.pk not in there
    ]
    InvitationTeam.objects.bulk_create(new, batch_size=1000)
    gone = rows.filter(invitation__in=remove).delete()[0] if remove else 0
    return len(new), gone


@transaction.atomic
def set_role(
    *,
    actor: Principal,
    organization: Organization,
    team: Team,
    role: str,
    custom_role: Role | None = None,
) -> int:
    """Give everybody in a team one team role; return for how many it is another one."""
    access.require(actor, Permission.TEAM_MEMBER_MANAGE, team)
    members.lock(organization)
    team = teams.lock(organization, team)
    role, custom_role = given_roles.checked(
        actor=actor, resource=team, role=role, custom_role=custom_role
    )
    others = TeamMembership.objects.of(organization).filter(team=team)
    if custom_role is None:
        others = others.exclude(role=role, custom_role__isnull=True)
    else:
        others = others.exclude(custom_role=custom_role)
    changed = others.update(role=role, custom_role=custom_role, version=F("version") + 1)
    InvitationTeam.objects.of(organization).filter(team=team).update(
        role=promised_role(role, custom_role)
    )
    if changed:
        record(
            type="orgs.team.members_set",
            actor=actor,
            organization=organization,
            target=Target.of(team),
            changes={"role": custom_role.name if custom_role else role, "members": changed},
        )
    return changed


@transaction.atomic
def delete(*, actor: Principal, organization: Organization, team: Team) -> None:
    """Delete a team that owns nothing. Raises `TeamNotEmpty`: a group's end loses no work."""
    access.require(actor, Permission.TEAM_DELETE, team)
    members.lock(organization)
    team = teams.lock(organization, team)
    owned = {
        "projects": Project.objects.of(organization).filter(team=team).count(),
        "service accounts": ServiceAccount.objects.of(organization).filter(team=team).count(),
    }
    if any(owned.values()):
        listed = " and ".join(f"{number} {what}" for what, number in owned.items() if number)
        raise TeamNotEmpty(
            f"The team {team.name} owns {listed}. Move or delete them in the console first, or "
            "unlink the group without deleting it."
        )
    teams.delete(actor=actor, organization=organization, team=team, confirmation=team.name)


def _count(team: Team, step: int) -> None:
    if step:
        rows = Team.objects.of(team.organization_id).filter(pk=team.pk)
        rows.update(member_count=F("member_count") + step)


def _tell(
    actor: Principal,
    organization: Organization,
    team: Team,
    added: Sequence[Membership],
    removed: Sequence[Membership],
) -> None:
    changes = [("added", member) for member in added] + [("removed", m) for m in removed]
    if len(changes) > TOLD_ONE_BY_ONE:
        for start in range(0, len(changes), _NAMES_IN_AN_EVENT):
            part = changes[start : start + _NAMES_IN_AN_EVENT]
            record(
                type="orgs.team.members_set",
                actor=actor,
                organization=organization,
                target=Target.of(team),
                changes={
                    what: [str(member.user) for which, member in part if which == what]
                    for what in ("added", "removed")
                },
            )
        return
    for what, member in changes:
        record(
            type=_EVENTS[what],
            actor=actor,
            organization=organization,
            target=Target(kind="membership", id=member.wire_id, label=str(member.user)),
            changes={"team": team.name, "team_id": team.wire_id},
        )
