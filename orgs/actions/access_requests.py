"""Requests for more: to join a team, for a role or temporary access, for a seat."""

import datetime as dt

from django.db import IntegrityError, transaction

from kernel.clock import now
from kernel.errors import Conflict, Invalid, Missing
from kernel.events import Target, record
from kernel.principal import Principal
from orgs import access
from orgs.actions import grants, members, teams
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
    if team is not None:
        access.require(actor, Permission.TEAM_READ, team)
    role, seat = _checked(kind, team, role, seat, wanted_hours)
    if not reason.strip():
        raise Invalid.field("reason", "Say why, so that an admin can decide.", code="required")
    request = AccessRequest(
        organization=organization,
        membership=standing.member,
        kind=kind,
        wish=f"{kind}:{team.pk if team else ''}:{role}:{seat}",
        team=team,
        role=role,
        seat=seat,
        reason=reason.strip()[:300],
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

    `hours` bounds temporary access (the wish's hours unless given). The acts keep their
    own rules: nobody approves what they could not give themselves.
    """
    members.lock(organization)
    request = _pending(actor, organization, request)
    member = request.membership
    match request.kind:
        case Kind.TEAM:
            assert request.team is not None  # noqa: S101 - `_checked` demands it
            teams.add_member(
                actor=actor,
                organization=organization,
                team=request.team,
                member=member,
                role=request.role,
            )
        case Kind.ROLE:
            members.change_role(
                actor=actor, organization=organization, member=member, role=request.role
            )
        case Kind.SEAT:
            members.change_seat(
                actor=actor, organization=organization, member=member, seat=request.seat
            )
        case Kind.ACCESS:
            length = hours or request.wanted_hours or 24
            grants.give(
                actor=actor,
                organization=organization,
                holder=member,
                role=request.role,
                team=request.team,
                until=now() + dt.timedelta(hours=length),
                reason=request.reason,
            )
    return _decide(actor, request, State.APPROVED, answer)


@transaction.atomic
def decline(
    *, actor: Principal, organization: Organization, request: AccessRequest, answer: str = ""
) -> AccessRequest:
    """Decline, with an answer for the person who asked."""
    return _decide(actor, _pending(actor, organization, request), State.DECLINED, answer)


@transaction.atomic
def withdraw(
    *, actor: Principal, organization: Organization, request: AccessRequest
) -> AccessRequest:
    """Take one's own request back."""
    row = _locked(organization, request)
    if not (actor.is_user and actor.id == row.membership.user_id):
        raise Missing
    access.require(actor, Permission.ORGANIZATION_READ, organization)
    _require_pending(row)
    return _decide(actor, row, State.WITHDRAWN, "")


def _checked(
    kind: str, team: Team | None, role: str, seat: str, wanted_hours: int | None
) -> tuple[str, str]:
    """Return the role and seat that the kind means, or raise `Invalid`."""
    if kind not in Kind.values:
        raise Invalid.field("kind", f"Choose one of {', '.join(Kind.values)}.", code="choice")
    if kind == Kind.SEAT:
        if seat not in (SeatType.FULL, SeatType.VIEWER):
            raise Invalid.field("seat", "Choose full or viewer.", code="choice")
        return "", seat
    if kind == Kind.TEAM:
        if team is None:
            raise Invalid.field("team", "Say which team.", code="required")
        role = role or TeamRole.MEMBER
    choices = TeamRole.values if team is not None else OrganizationRole.values
    if role not in choices or role == OrganizationRole.OWNER:
        listed = ", ".join(choice for choice in choices if choice != OrganizationRole.OWNER)
        raise Invalid.field("role", f"Choose one of {listed}.", code="choice")
    if kind == Kind.ACCESS and wanted_hours is not None:
        if not 1 <= wanted_hours <= LONGEST_HOURS:
            raise Invalid.field(
                "wanted_hours", f"Choose 1 to {LONGEST_HOURS} hours.", code="range"
            )
    return role, ""


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
    request.decided_by, request.answer = actor.label[:200], answer.strip()[:300]
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
