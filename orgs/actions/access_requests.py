"""Requests for more: to join a team, for a role or temporary access, for a seat."""

import datetime as dt
from collections.abc import Sequence

from django.db import IntegrityError, transaction

from kernel.clock import now
from kernel.errors import Conflict, Invalid, Missing
from kernel.events import Target, record
from kernel.principal import Principal
from orgs import access
from orgs.actions import grants, members, names, teams
from orgs.errors import AlreadyDecided
from orgs.models import (
    AccessRequest,
    Organization,
    OrganizationRole,
    SeatType,
    Team,
    TeamRole,
)
from orgs.permissions import Permission

Kind = AccessRequest.Kind
State = AccessRequest.State

LONGEST_HOURS = 90 * 24
UNLESS_SAID_HOURS = 24
"""How long access lasts that was asked for and approved without a length."""


@transaction.atomic
def ask(
    *,
    actor: Principal,
    organization: Organization,
    kind: str,
    reason: str,
    team: Team | None = None,
    role: str = "",
    seat: str = "",
    wanted_hours: int | None = None,
) -> AccessRequest:
    """Ask, as an active member. Raises `Invalid`; `Conflict` if the same is pending.

    `team` requests carry a team (and a team role, member unless said); `role` an
    organization role; `access` a role on a team or the organization and hours;
    `seat` a seat type.
    """
    standing = access.standing_of(actor, organization)
    if standing.member is None:
        raise Missing
    access.require(actor, Permission.ORGANIZATION_READ, organization)
    access.require_oneself(actor, standing.member.user_id)
    if team is not None and not access.teams_for(actor, organization).contains(team):
        raise Missing
    members.lock(organization)
    role, seat = _checked(kind, team, role, seat, wanted_hours)
    reason = names.one_line(reason, "reason", longest=300)
    if not reason:
        raise Invalid.field("reason", "Say why, so that an admin can decide.", code="required")
    request = AccessRequest(
        organization=organization,
        membership=standing.member,
        kind=kind,
        wish=f"{kind}:{team.pk if team else ''}:{role}:{seat}",
        team=team,
        role=role,
        seat=seat,
        reason=reason,
        wanted_hours=wanted_hours,
    )
    try:
        with transaction.atomic():
            request.save(force_insert=True)
    except IntegrityError:
        raise Conflict("You have asked for this already; it waits for a decision.") from None
    _record("orgs.request.made", actor, request)
    return request


@transaction.atomic
def approve(
    *,
    actor: Principal,
    organization: Organization,
    request: AccessRequest,
    hours: int | None = None,
    answer: str = "",
) -> AccessRequest:
    """Approve, and do what was asked for, in one transaction.

    With `hours` a team or role is given for that time only, as a grant; temporary access
    lasts as asked for unless they are given. The acts keep their own rules: nobody
    approves what they could not give themselves.
    """
    members.lock(organization)
    request = _pending(actor, organization, request)
    member = request.membership
    if request.kind == Kind.SEAT:
        if hours is not None:
            raise Invalid.field("hours", "A seat is not given for a time.", code="unknown_field")
        members.change_seat(
            actor=actor, organization=organization, member=member, seat=request.seat
        )
    elif request.kind == Kind.ACCESS or hours is not None:
        wanted = request.wanted_hours or UNLESS_SAID_HOURS
        length = _length(wanted if hours is None else hours, "hours")
        grants.give(
            actor=actor,
            organization=organization,
            holder=member,
            role=request.role,
            team=request.team,
            until=now() + length,
            reason=request.reason,
        )
    elif request.team is not None:
        teams.add_member(
            actor=actor,
            organization=organization,
            team=request.team,
            member=member,
            role=request.role,
        )
    else:
        members.change_role(
            actor=actor, organization=organization, member=member, role=request.role
        )
    return _decide(actor, request, State.APPROVED, answer)


@transaction.atomic
def decline(
    *, actor: Principal, organization: Organization, request: AccessRequest, answer: str = ""
) -> AccessRequest:
    """Decline, with an answer for the person who asked."""
    members.lock(organization)
    return _decide(actor, _pending(actor, organization, request), State.DECLINED, answer)


@transaction.atomic
def withdraw(
    *, actor: Principal, organization: Organization, request: AccessRequest
) -> AccessRequest:
    """Take one's own request back."""
    access.require(actor, Permission.ORGANIZATION_READ, organization)
    members.lock(organization)
    row = _locked(organization, request)
    if not (actor.is_user and actor.id == row.membership.user_id):
        raise Missing
    access.require_oneself(actor, row.membership.user_id)
    _require_pending(row)
    return _decide(actor, row, State.WITHDRAWN, "")


def _checked(
    kind: str, team: Team | None, role: str, seat: str, wanted_hours: int | None
) -> tuple[str, str]:
    """Return the role and seat that the kind means, or raise `Invalid`."""
    if kind not in Kind.values:
        raise Invalid.field("kind", f"Choose one of {', '.join(Kind.values)}.", code="choice")
    if wanted_hours is not None:
        if kind != Kind.ACCESS:
            raise Invalid.field("wanted_hours", "Only temporary access has hours.")
        _length(wanted_hours, "wanted_hours")
    if kind == Kind.SEAT:
        if seat not in (SeatType.FULL, SeatType.VIEWER):
            raise Invalid.field("seat", "Choose full or viewer.", code="choice")
        return "", seat
    if kind == Kind.TEAM and team is None:
        raise Invalid.field("team", "Say which team.", code="required")
    if kind == Kind.ROLE and team is not None:
        # A team role's name could be read as the organization role of the same name.
        raise Invalid.field("team", "A role is the organization's. Ask to join the team.")
    if kind == Kind.TEAM:
        role = role or TeamRole.MEMBER
    return _known_role(role, TeamRole.values if team else OrganizationRole.values), ""


def _known_role(role: str, known: Sequence[str]) -> str:
    choices = [name for name in known if name != OrganizationRole.OWNER]
    if role not in choices:
        raise Invalid.field("role", f"Choose one of {', '.join(choices)}.", code="choice")
    return role


def _length(hours: int, field: str) -> dt.timedelta:
    if not 1 <= hours <= LONGEST_HOURS:
        raise Invalid.field(field, f"Choose 1 to {LONGEST_HOURS} hours.", code="range")
    return dt.timedelta(hours=hours)


def _pending(
    actor: Principal, organization: Organization, request: AccessRequest
) -> AccessRequest:
    row = _locked(organization, request)
    access.require(actor, Permission.REQUEST_DECIDE, row.team or organization)
    _require_pending(row)
    return row


def _locked(organization: Organization, request: AccessRequest) -> AccessRequest:
    row = (
        AccessRequest.objects.of(organization)
        .select_for_update(of=("self",))
        .filter(pk=request.pk)
        .select_related("membership__user", "membership__custom_role", "team__organization")
        .first()
    )
    if row is None:
        raise Missing
    return row


def _require_pending(request: AccessRequest) -> None:
    if request.state != State.PENDING:
        raise AlreadyDecided(f"This request was {request.get_state_display().lower()} before.")


def _decide(
    actor: Principal, request: AccessRequest, state: str, answer: str
) -> AccessRequest:
    request.state, request.decided_at = state, now()
    request.decided_by = actor.label[:200]
    request.answer = names.one_line(answer, "answer", longest=300)
    request.save(update_fields=["state", "decided_at", "decided_by", "answer"])
    _record(f"orgs.request.{state}", actor, request)
    return request


def _record(event: str, actor: Principal, request: AccessRequest) -> None:
    record(
        type=event,
        actor=actor,
        organization=request.organization_id,
        target=Target(
            kind="access_request", id=request.wire_id, label=str(request.membership.user)
        ),
        changes={
            "kind": request.kind,
            "team": request.team.name if request.team else None,
            "role": request.role or None,
            "seat": request.seat or None,
            "hours": request.wanted_hours,
            "reason": request.reason,
            "answer": request.answer or None,
        },
    )
