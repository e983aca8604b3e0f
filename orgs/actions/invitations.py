"""Invitations: many addresses at once, one single-use link each, a seat on acceptance."""

import datetime as dt
import re
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from kernel.clock import now
from kernel.crypto import tokens
from kernel.database.scope import across, within
from kernel.errors import Denied, DomainError, Invalid, Missing
from kernel.events import Target, record
from kernel.jobs.models import Job
from kernel.principal import Principal, PrincipalKind
from orgs import access
from orgs.actions import given_roles, lapses, members, seats
from orgs.actions import teams as team_actions
from orgs.errors import InvitationEnded, WrongAccount
from orgs.models import (
    Invitation,
    InvitationTeam,
    Membership,
    Organization,
    Role,
    SeatType,
    ServiceAccount,
    Team,
    User,
)
from orgs.permissions import Permission

LIFE = dt.timedelta(days=7)
AT_ONCE = 500
"""How many addresses one call may bring."""

_PURPOSE = "invitation"
_WRAPPED = re.compile(r"<([^<>\s]+@[^<>\s]+)>")


@dataclass(frozen=True, slots=True)
class InvitationOutcome:
    """What happened, or would happen, to one address.

    `verdict` is invited, resent, already_member, already_invited (by somebody else, where
    the actor may change their own invitations only) or invalid; `detail` says why.
    """

    address: str
    verdict: str
    invitation: Invitation | None = None
    detail: str = ""


def parse_addresses(text: str) -> list[str]:
    """Return the addresses in any mess of commas, lines and `Name <a@b>`, each once."""
    found: list[str] = []
    for piece in re.split(r"[,;\n\r\t]+", text):
        wrapped = _WRAPPED.search(piece)
        found.extend([wrapped.group(1)] if wrapped else piece.split())
    return list(dict.fromkeys(_normal(address) for address in found if address.strip()))


def preview(
    *,
    actor: Principal,
    organization: Organization,
    addresses: Sequence[str],
    teams: Sequence[tuple[Team, str]] = (),
) -> list[InvitationOutcome]:
    """Return the verdict that each address would get; write nothing."""
    _require_right(actor, organization, teams)
    return _judge(actor, organization, addresses)


@transaction.atomic
def create_many(
    *,
    actor: Principal,
    organization: Organization,
    addresses: Sequence[str],
    role: str = "member",
    custom_role: Role | None = None,
    seat: str = SeatType.FULL,
    teams: Sequence[tuple[Team, str]] = (),
) -> list[InvitationOutcome]:
    """Invite addresses; a seat is taken when one accepts, not now.

    Members of a team that lets them invite may do so into that team. Addresses that
    cannot be invited are reported, never an error for the others. An address with an
    open invitation gets a fresh link and the new offer.
    """
    _require_right(actor, organization, teams)
    seats.require_known(seat)
    members.lock(organization)
    role, custom_role = given_roles.checked(
        actor=actor,
        resource=organization,
        role=role,
        custom_role=custom_role,
        allows_owner=True,
    )
    places = _places(actor, organization, teams)
    outcomes = _judge(actor, organization, addresses)
    _hold(organization, [outcome.invitation for outcome in outcomes if outcome.invitation])
    done = []
    for outcome in outcomes:
        if outcome.verdict not in ("invited", "resent"):
            done.append(outcome)
            continue
        invitation = outcome.invitation or Invitation(
            organization=organization, email=outcome.address, generation=0
        )
        invitation.role, invitation.custom_role, invitation.seat = role, custom_role, seat
        _renew(actor, invitation)
        invitation.save()
        InvitationTeam.objects.of(organization).filter(invitation=invitation).delete()
        InvitationTeam.objects.bulk_create(
            InvitationTeam(
                organization=organization, invitation=invitation, team=team, role=team_role
            )
            for team, team_role in places.items()
        )
        again = outcome.verdict == "resent"
        _record(
            "orgs.invitation.resent" if again else "orgs.invitation.created",
            actor,
            invitation,
            teams=[team.name for team in places],
        )
        done.append(
            InvitationOutcome(outcome.address, outcome.verdict, invitation, outcome.detail)
        )
    return done


@transaction.atomic
def resend(
    *, actor: Principal, organization: Organization, invitation: Invitation
) -> Invitation:
    """Send an open invitation again: a fresh link and another seven days.

    That offers its roles anew, so the actor has to hold what they hold.
    """
    members.lock(organization)
    invitation = _locked(organization, invitation)
    _require_right_over(actor, invitation)
    _require_roles_of(actor, invitation)
    _renew(actor, invitation)
    invitation.save()
    _record("orgs.invitation.resent", actor, invitation)
    return invitation


@transaction.atomic
def revoke(
    *, actor: Principal, organization: Organization, invitation: Invitation
) -> Invitation:
    """Make the link worthless. Raises `InvitationEnded` if it was accepted before."""
    members.lock(organization)
    invitation = _locked(organization, invitation, revoked_is_fine=True)
    _require_right_over(actor, invitation)
    if invitation.revoked_at:
        return invitation
    invitation.revoked_at = now()
    invitation.save(update_fields=["revoked_at"])
    _record("orgs.invitation.revoked", actor, invitation)
    return invitation


def link(invitation: Invitation) -> str:
    """Return the invitation's link; it can be shown again, for it is derived, not stored."""
    return f"{settings.STEWARD_BASE_URL}/join/{_token(invitation)}"


def mailed_link(invitation: Invitation) -> str:
    """Return the link for the mail alone: following it proves the mailbox as well.

    The link that admins can copy must not: with it they would own an account under
    somebody else's address.
    """
    return f"{link(invitation)}?proof={next(_proofs(invitation))}"


def proves_mailbox(invitation: Invitation, proof: str) -> bool:
    """Whether a proof is the one that was mailed with this generation of the link."""
    return any(tokens.equal(proof, expected) for expected in _proofs(invitation))


def find(token: str) -> Invitation:
    """Return the live invitation behind a link, or raise `Missing` or `InvitationEnded`."""
    digests = list(tokens.digests(_PURPOSE, token))
    with across("which invitation a link is of: its secret proves the right to see it"):
        invitation = Invitation.objects.system_with_digest(digests).first()
    if invitation is None:
        raise Missing("This link leads nowhere. Ask for a new invitation.")
    _require_live(invitation)
    return invitation


@transaction.atomic
def accept(
    *, actor: Principal, token: str, user: User, addresses: Collection[str]
) -> Membership:
    """Join by an invitation: membership, seat and teams in one transaction.

    `addresses` are those that the person has proved to own (`identity` knows them).
    Raises `WrongAccount`, `InvitationEnded`, `SeatLimitReached`, `AlreadyMember`.
    """
    access.require_oneself(actor, user.pk)
    invitation = find(token)
    organization = members.lock(invitation.organization)
    invitation = _locked(organization, invitation)
    _require_live(invitation)
    if organization.is_being_deleted:
        raise InvitationEnded(f"{organization.name} is being deleted.")
    if invitation.email not in {_normal(address) for address in addresses}:
        raise WrongAccount(
            f"This invitation was sent to {invitation.email}, and that is not an address of "
            f"{user.username}. Sign in with the account it is for, or ask for an invitation "
            "to your own address."
        )
    member = members.join(
        actor=actor,
        organization=organization,
        user=user,
        role=invitation.role,
        custom_role=invitation.custom_role,
        seat=invitation.seat,
    )
    joined = [
        team_actions.join(
            organization=organization, team=place.team, member=member, role=place.role
        ).team.name
        for place in invitation.teams.select_related("team").order_by("team_id")
    ]
    invitation.accepted_at, invitation.accepted_by = now(), user.wire_id
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    _record("orgs.invitation.accepted", actor, invitation, teams=joined)
    return member


def note_lapsed(_job: Job) -> None:
    """Write the expiry of invitations into the trail (job); they lapsed by themselves."""
    lapses.note(lapsed=Invitation.objects.system_lapsed(now()), each=_note_lapsed)


def _note_lapsed(organization: Organization) -> None:
    rows = Invitation.objects.of(organization).system_lapsed(now())
    rows = rows.select_for_update(of=("self",)).select_related("custom_role")
    for invitation in list(rows.order_by("pk")[: lapses.AT_ONCE]):
        invitation.lapse_noted = True
        invitation.save(update_fields=["lapse_noted"])
        _record("orgs.invitation.expired", Principal.system("expiry"), invitation)


def _require_right(
    actor: Principal, organization: Organization, places: Sequence[tuple[Team, str]]
) -> None:
    """Raise unless the actor may invite into the organization, or into each of its teams."""
    if any(team.organization_id != organization.pk for team, _ in places):
        raise Missing
    if places and not access.may(actor, Permission.MEMBER_INVITE, organization).allowed:
        for team, _ in places:
            access.require(actor, Permission.MEMBER_INVITE, team)
        return
    access.require(actor, Permission.MEMBER_INVITE, organization)


def _require_right_over(actor: Principal, invitation: Invitation) -> None:
    """Raise unless the actor may still invite, and this one is theirs or they see all."""
    if actor.id is not None and invitation.invited_by_id == str(actor.id):
        places = [(place.team, place.role) for place in invitation.teams.select_related("team")]
        _require_right(actor, invitation.organization, places)
    else:
        access.require(actor, Permission.MEMBER_INVITE, invitation.organization)


def _require_roles_of(actor: Principal, invitation: Invitation) -> None:
    """Raise unless the actor may give every role that the invitation offers."""
    given_roles.checked(
        actor=actor,
        resource=invitation.organization,
        role=invitation.role,
        custom_role=invitation.custom_role,
        allows_owner=True,
    )
    for place in invitation.teams.select_related("team__organization"):
        given_roles.checked(actor=actor, resource=place.team, role=place.role)


def _places(
    actor: Principal, organization: Organization, wanted: Sequence[tuple[Team, str]]
) -> dict[Team, str]:
    """Lock the teams, in their order, and check the roles to be given there."""
    places = {}
    for team, role in sorted(wanted, key=lambda place: place[0].pk):
        found = team_actions.lock(organization, team)
        places[found], _ = given_roles.checked(actor=actor, resource=found, role=role)
    return places


def _hold(organization: Organization, before: Collection[Invitation]) -> None:
    """Lock what is sent again, all of it before the first event locks the chain."""
    rows = Invitation.objects.of(organization).filter(pk__in=[row.pk for row in before])
    list(rows.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))


def _judge(
    actor: Principal, organization: Organization, addresses: Sequence[str]
) -> list[InvitationOutcome]:
    wanted = list(dict.fromkeys(_normal(address) for address in addresses if address.strip()))
    if not wanted:
        raise Invalid.field("addresses", "Give at least one e-mail address.", code="required")
    if len(wanted) > AT_ONCE:
        raise Invalid.field(
            "addresses", f"Give at most {AT_ONCE} addresses at once.", code="too_many"
        )
    sees_all = access.may(actor, Permission.MEMBER_INVITE, organization).allowed
    present = Membership.objects.of(organization).present()
    inside = set(present.filter(user__email__in=wanted).values_list("user__email", flat=True))
    open_ones = {
        invitation.email: invitation
        for invitation in Invitation.objects.of(organization).open().filter(email__in=wanted)
    }
    outcomes = []
    for address in wanted:
        before = open_ones.get(address)
        if not _is_address(address):
            outcome = InvitationOutcome(address, "invalid", detail="Not an e-mail address.")
        elif address in inside:
            outcome = InvitationOutcome(
                address, "already_member", detail="A member already; skipped."
            )
        elif before is None:
            outcome = InvitationOutcome(address, "invited")
        elif sees_all or before.invited_by_id == str(actor.id):
            detail = "Invited before; gets a fresh link."
            outcome = InvitationOutcome(address, "resent", before, detail=detail)
        else:
            detail = "Invited by somebody else already; skipped."
            outcome = InvitationOutcome(address, "already_invited", detail=detail)
        outcomes.append(outcome)
    return outcomes


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= 254


def _normal(address: str) -> str:
    return address.strip().strip("<>\"'.").lower()


def _renew(actor: Principal, invitation: Invitation) -> None:
    """Give the invitation a new link and a new term; the link before is worthless."""
    invitation.generation += 1
    invitation.token_digest = tokens.digest(_PURPOSE, _token(invitation))
    invitation.sent_at = now()
    invitation.expires_at = invitation.sent_at + LIFE
    invitation.lapse_noted = False
    invitation.invited_by, invitation.invited_by_id = actor.label[:200], str(actor.id or "")


def _token(invitation: Invitation) -> str:
    return tokens.derive(_PURPOSE, str(invitation.pk), str(invitation.generation))


def _proofs(invitation: Invitation) -> Iterator[str]:
    """Yield the mailbox proof under every pepper, so that mails outlive a rotation."""
    parts = (str(invitation.pk), str(invitation.generation), invitation.email)
    return tokens.derivations("invitation_mailbox", *parts)


def _locked(
    organization: Organization, invitation: Invitation, *, revoked_is_fine: bool = False
) -> Invitation:
    row = (
        Invitation.objects.of(organization)
        .select_for_update(of=("self",))
        .filter(pk=invitation.pk)
        .select_related("organization", "custom_role")
        .first()
    )
    if row is None:
        raise Missing
    if row.accepted_at:
        raise InvitationEnded("This invitation was accepted already.")
    if row.revoked_at and not revoked_is_fine:
        raise InvitationEnded("This invitation was revoked. Invite the address again.")
    return row


def _require_live(invitation: Invitation) -> None:
    words = {
        "accepted": "This invitation was accepted already. Sign in instead.",
        "revoked": "This invitation was taken back. Ask for a new one.",
        "expired": "This invitation has expired. Ask for a new one.",
    }
    if invitation.state in words:
        raise InvitationEnded(words[invitation.state])
    if not _is_still_offered(invitation):
        raise InvitationEnded("Whoever invited you may not do so now. Ask for a new one.")


def _is_still_offered(invitation: Invitation) -> bool:
    """Whether whoever sent the invitation could still send it, with what it offers.

    So it ends with the right that it was sent by: a place in a team that lets its members
    invite, a grant, a role, a machine. While nobody may join, that is what is said.
    """
    if not invitation.invited_by_id:
        return True
    organization = invitation.organization
    with within(organization):
        try:
            members.require_open(organization)
        except DomainError:
            return True
        inviter = _inviter(invitation)
        try:
            _require_right_over(inviter, invitation)
            _require_roles_of(inviter, invitation)
        except (Denied, Missing, Invalid):
            return False
    return True


def _inviter(invitation: Invitation) -> Principal:
    inviter_id = uuid.UUID(invitation.invited_by_id)
    accounts = ServiceAccount.objects.of(invitation.organization).filter(pk=inviter_id)
    kind = PrincipalKind.SERVICE_ACCOUNT if accounts.exists() else PrincipalKind.USER
    return Principal(kind=kind, id=inviter_id, label=invitation.invited_by)


def _record(
    event: str, actor: Principal, invitation: Invitation, *, teams: Sequence[str] = ()
) -> None:
    record(
        type=event,
        actor=actor,
        organization=invitation.organization_id,
        target=Target.of(invitation),
        changes={
            "role": invitation.role_name,
            "seat": invitation.seat,
            "expires_at": invitation.expires_at.isoformat(),
            "generation": invitation.generation,
            **({"teams": list(teams)} if teams else {}),
        },
    )
