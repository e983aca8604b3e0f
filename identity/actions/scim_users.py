"""Users over SCIM: create, change, delete. The only writers of what a client says of one.

An account that is somebody's already is linked only where the organization has the right to
(its own domain, or an account that its provisioning made); elsewhere the person is asked, by
an invitation, and stays "awaiting confirmation" until they accept. Nobody's account is ever
deleted here: what ends is the membership.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from identity.actions import accounts, directory, scim_content, scim_rows
from identity.actions.scim_content import Content
from identity.errors import NotUnique
from identity.models import (
    EmailAddress,
    ProvisionedAccount,
    SCIMUser,
    VerifiedDomain,
)
from identity.resources.schema import STEWARD_URN
from kernel.database.scope import across
from kernel.errors import Conflict, Invalid, Missing
from kernel.events import Target, record
from kernel.principal import Principal
from orgs import access
from orgs.actions import invitations, managed, members, provisioned_teams, teams, users
from orgs.errors import LastOwner
from orgs.models import (
    Invitation,
    Membership,
    Organization,
    SeatType,
    Team,
    TeamMembership,
    User,
)
from orgs.permissions import Permission

_TOLD_ELSEWHERE = frozenset({"active", "organizationRole", "seat", "status", "teamRoles"})

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""From a resource as it is to the resource as it shall be."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A User after an act, and what became different: attribute → before and after."""

    row: SCIMUser
    changes: dict[str, Any] = field(default_factory=dict)


@transaction.atomic
def create(
    *, actor: Principal, organization: Organization, resource: Mapping[str, Any]
) -> Outcome:
    """Make a member of a person, or ask them to be one.

    A member who was not provisioned before and has the same address is taken over. Raises
    `Invalid`, `NotUnique`, `SeatLimitReached`, and what `require_open` does.
    """
    access.require(actor, Permission.MEMBER_INVITE, organization)
    organization = members.lock(organization)
    members.require_open(organization)
    directory.of(organization)
    content = Content.of(resource)
    by_provider = _is_provider(actor, organization)
    row = _found_or_made(actor, organization, content, by_provider=by_provider)
    scim_rows.require_free(organization, content, besides=row)
    before = scim_rows.as_resource(row)
    row.user_name, row.user_name_key = content.user_name, content.user_name_key
    row.external_id = content.external_id
    row.is_managed = row.is_managed or by_provider
    directory.store_resource(
        row, content.document, "user_name", "user_name_key", "external_id", "is_managed"
    )
    _mark_managed(row)
    _follow(actor, organization, row, before, content)
    _place(actor, organization, row, content)
    row = scim_rows.read(organization, row.pk)
    return Outcome(row, scim_rows.different({}, scim_rows.as_resource(row)))


@transaction.atomic
def change(
    *,
    actor: Principal,
    organization: Organization,
    row: SCIMUser,
    by: Change,
    expected_version: int | None = None,
) -> Outcome:
    """Make a User what `by` makes of it, wholly or not at all.

    `by` sees the resource under a lock, so that two changes at once lose nothing. Raises
    `Invalid`, `NotUnique`, `LastOwner`, `SeatLimitReached`, `Stale` and what `by` raises.
    """
    access.require(actor, Permission.MEMBER_UPDATE, organization)
    organization = members.lock(organization)
    row = scim_rows.locked(organization, row)
    row.require_version(expected_version)
    before = scim_rows.as_resource(row)
    after = by(before)
    content = Content.of(after)
    scim_rows.require_free(organization, content, besides=row)
    taken_over = _is_provider(actor, organization) and not row.is_managed
    is_new = (
        row.user_name != content.user_name
        or row.external_id != content.external_id
        or row.resource != content.document
    )
    if is_new or taken_over:
        row.user_name, row.user_name_key = content.user_name, content.user_name_key
        row.external_id = content.external_id
        row.is_managed = row.is_managed or taken_over
        directory.store_resource(
            row, content.document, "user_name", "user_name_key", "external_id", "is_managed"
        )
        _mark_managed(row)
        _rename_account(actor, organization, row, content)
    _follow(actor, organization, row, before, content)
    if before.get(STEWARD_URN, {}).get("teamRoles") != after.get(STEWARD_URN, {}).get("teamRoles"):
        _place(actor, organization, row, content)
        _displace(actor, organization, row, before, content)
    row = scim_rows.read(organization, row.pk)
    changes = scim_rows.different(before, scim_rows.as_resource(row))
    told = {name: pair for name, pair in changes.items() if name not in _TOLD_ELSEWHERE}
    if told:
        _record("identity.provisioning.user_updated", actor, row, told)
    return Outcome(row, changes)


@transaction.atomic
def delete(
    *,
    actor: Principal,
    organization: Organization,
    row: SCIMUser,
    expected_version: int | None = None,
) -> Outcome:
    """Take a User out of the organization; the account and its other memberships stay.

    Raises `LastOwner`, `Stale`.
    """
    access.require(actor, Permission.MEMBER_REMOVE, organization)
    organization = members.lock(organization)
    row = scim_rows.locked(organization, row)
    row.require_version(expected_version)
    if row.membership is not None:
        _require_another_owner(organization, row.membership)
        # The reaction of the event ends the row.
        members.remove(actor=actor, organization=organization, member=row.membership)
        return Outcome(row)
    _withdraw(actor, organization, row)
    _record("identity.provisioning.user_forgotten", actor, row, {})
    SCIMUser.objects.of(organization).filter(pk=row.pk).delete()
    directory.count(organization.pk, users=-1)
    return Outcome(row)


# --- who it is ------------------------------------------------------------------------------


def _found_or_made(
    actor: Principal, organization: Organization, content: Content, *, by_provider: bool
) -> SCIMUser:
    person = _person_of(content.address)
    if person is not None:
        held = _present(organization, person)
        if held is not None:
            if held.is_managed or not by_provider:
                raise NotUnique(
                    f"{held.user_name} is a User with this address already; change that one."
                )
            _record("identity.provisioning.user_linked", actor, held, {})
            return held
    scim_rows.require_free(organization, content)
    if person is None:
        person = _new_account(actor, organization, content)
    elif not _may_link(organization, person, content.address):
        return _awaited(actor, organization, content)
    return _joined(actor, organization, person, content)


def _person_of(address: str) -> User | None:
    """Return whose address it is: who proved it, or else who is somewhere a member by it.

    An account that merely claims the address and is nowhere a member counts for nothing:
    anybody can sign up with somebody else's.
    """
    if not address:
        return None
    try:
        return accounts.owner_of_address(address)
    except Missing:
        with across("whether an account for an address is anywhere a member"):
            held = Membership.objects.system_all().filter(user__email=address)
            row = held.select_related("user").order_by("pk").first()
    return row.user if row else None


def _present(organization: Organization, person: User) -> SCIMUser | None:
    rows = SCIMUser.objects.of(organization).filter(membership__user=person)
    return rows.select_related("membership__user", "invitation").first()


def _may_link(organization: Organization, person: User, address: str) -> bool:
    """Whether the organization may make a member of an account without asking the person."""
    if ProvisionedAccount.objects.of(organization).filter(user=person).exists():
        return True
    domain = address.rpartition("@")[2]
    is_own = VerifiedDomain.objects.of(organization).filter(domain=domain).exists()
    return is_own and address in accounts.verified_addresses(person)


def _new_account(actor: Principal, organization: Organization, content: Content) -> User:
    user = users.create(
        actor=actor,
        username=users.suggest_username(content.address or content.user_name),
        email=content.address,
        display_name=content.display_name,
    )
    ProvisionedAccount.objects.create(organization=organization, user=user)
    if content.address:
        # Not proved: the person does that when they first sign in.
        EmailAddress.objects.create(user=user, email=content.address, primary=True)
    return user


def _joined(
    actor: Principal, organization: Organization, person: User, content: Content
) -> SCIMUser:
    role, custom_role = scim_content.organization_role(organization, content.role or "member")
    seat = content.seat or SeatType.FULL
    stays_out = content.active is False
    member = members.provision(
        actor=actor,
        organization=organization,
        user=person,
        role=role,
        custom_role=custom_role,
        seat=SeatType.NONE if stays_out else seat,
    )
    if stays_out:
        # Nobody takes a seat for somebody who does not work yet.
        member = members.deactivate(actor=actor, organization=organization, member=member)
        members.change_seat(actor=actor, organization=organization, member=member, seat=seat)
    row = _present(organization, person)
    assert row is not None  # noqa: S101 - the reaction of the event made it
    return row


def _awaited(actor: Principal, organization: Organization, content: Content) -> SCIMUser:
    row = SCIMUser(
        organization=organization,
        user_name=content.user_name,
        user_name_key=content.user_name_key,
        external_id=content.external_id,
        is_active=content.active is not False,
        resource=content.document,
    )
    if row.is_active:
        _invite(actor, organization, row, content)
    directory.insert(row)
    _record("identity.provisioning.user_awaited", actor, row, {})
    return row


def _invite(
    actor: Principal, organization: Organization, row: SCIMUser, content: Content
) -> None:
    """Ask the person to confirm; whoever was asked before is asked anew."""
    before = row.invitation
    offered = before.custom_role.name if before and before.custom_role else before and before.role
    role, custom_role = scim_content.organization_role(
        organization, content.role or offered or "member"
    )
    outcome = invitations.create_many(
        actor=actor,
        organization=organization,
        addresses=[content.address],
        role=role,
        custom_role=custom_role,
        seat=content.seat or (before.seat if before else SeatType.FULL),
        teams=_promised(before),
    )[0]
    if outcome.invitation is None:
        raise Conflict(f"{content.address} cannot be invited: {outcome.detail}")
    others = SCIMUser.objects.of(organization).filter(invitation=outcome.invitation)
    if others.exclude(pk=row.pk).exists():
        raise NotUnique("Another User with this address waits for a confirmation already.")
    if before is not None and before.pk != outcome.invitation.pk:
        # It went to another address, where nobody is to follow it any more.
        _withdraw(actor, organization, row)
    row.invitation = outcome.invitation


def _promised(before: Invitation | None) -> list[tuple[Team, str]]:
    """Return the teams into which the invitation of before led: the next one does as well."""
    if before is None:
        return []
    places = before.teams.select_related("team__organization").order_by("team_id")
    return [(place.team, place.role) for place in places]


def _withdraw(actor: Principal, organization: Organization, row: SCIMUser) -> None:
    invitation = row.invitation
    if invitation is not None and invitation.accepted_at is None:
        invitations.revoke(actor=actor, organization=organization, invitation=invitation)


# --- what follows for the membership --------------------------------------------------------


def _follow(
    actor: Principal,
    organization: Organization,
    row: SCIMUser,
    before: Mapping[str, Any],
    content: Content,
) -> None:
    """Let the membership, or the invitation, be what the User says."""
    was, steward = before.get("active"), before.get(STEWARD_URN, {})
    starts = content.active is True and was is False
    stops = content.active is False and was is True
    other_role = content.role is not None and content.role != steward.get("organizationRole")
    other_seat = content.seat is not None and content.seat != steward.get("seat")
    if not (starts or stops or other_role or other_seat):
        return
    if row.membership is None:
        if stops:
            _withdraw(actor, organization, row)
        elif starts or row.is_active:
            _invite(actor, organization, row, content)
        row.is_active = content.active if content.active is not None else row.is_active
        directory.touch(row, "is_active", "invitation")
        return
    member = row.membership
    _require_right_over(actor, organization, member, ends=stops or other_role)
    if stops:
        member = members.deactivate(actor=actor, organization=organization, member=member)
    if other_role and content.role is not None:
        role, custom_role = scim_content.organization_role(organization, content.role)
        member = members.change_role(
            actor=actor,
            organization=organization,
            member=member,
            role=role,
            custom_role=custom_role,
        )
    if other_seat and content.seat is not None:
        member = members.change_seat(
            actor=actor, organization=organization, member=member, seat=content.seat
        )
    if starts:
        members.reactivate(actor=actor, organization=organization, member=member)


def _place(
    actor: Principal, organization: Organization, row: SCIMUser, content: Content
) -> None:
    """Give the team roles that are named, also to somebody who is deactivated."""
    if row.membership is None:
        if content.team_roles:
            raise Invalid.field(
                "teamRoles", f"{row.user_name} has to confirm their membership first."
            )
        return
    for team_name, role_name in content.team_roles:
        team = scim_content.team_named(organization, team_name)
        role, custom_role = scim_content.team_role(organization, role_name)
        places = TeamMembership.objects.of(organization).filter(
            team=team, membership=row.membership
        )
        given: dict[str, Any] = {
            "actor": actor,
            "organization": organization,
            "team": team,
            "role": role,
            "custom_role": custom_role,
        }
        if places.exists():
            teams.change_member_role(**given, member=row.membership)
        else:
            provisioned_teams.set_places(**given, add=[row.membership])


def _displace(
    actor: Principal,
    organization: Organization,
    row: SCIMUser,
    before: Mapping[str, Any],
    content: Content,
) -> None:
    """Take the member out of teams that were told before and are no longer."""
    named = {name.casefold() for name, _role in content.team_roles}
    for one in before.get(STEWARD_URN, {}).get("teamRoles", ()):
        if one["teamName"].casefold() not in named and row.membership is not None:
            provisioned_teams.set_places(
                actor=actor,
                organization=organization,
                team=scim_content.team_named(organization, one["teamName"]),
                remove=[row.membership],
            )


def _rename_account(
    actor: Principal, organization: Organization, row: SCIMUser, content: Content
) -> None:
    """Call the person as the organization does, if its provisioning made the account.

    Not where the person is in another organization as well: there it is their own name.
    """
    if row.membership is None or not content.display_name:
        return
    user = row.membership.user
    with across("whether the person is in any other organization"):
        held = Membership.objects.system_of_user(user.pk).present()
        if held.exclude(organization_id=organization.pk).exists():
            return
    if ProvisionedAccount.objects.of(organization).filter(user=user).exists():
        users.update_provisioned(
            actor=actor,
            organization=organization,
            user=user,
            display_name=content.display_name,
        )


def _require_right_over(
    actor: Principal, organization: Organization, member: Membership, *, ends: bool
) -> None:
    """Raise for an owner unless an owner acts, and for the last one whose ownership would end."""
    if member.is_owner:
        if ends:
            _require_another_owner(organization, member)
        access.require(actor, Permission.OWNER_MANAGE, organization)


def _require_another_owner(organization: Organization, member: Membership) -> None:
    """Say plainly that the last owner stays, also to machines that may not touch owners."""
    if member.is_owner and member.is_active and organization.owner_count < 2:
        raise LastOwner(
            f"{member.user.name} is the last owner of {organization.name} and stays. Make "
            "somebody else an owner in the console first."
        )


def _is_provider(actor: Principal, organization: Organization) -> bool:
    return not actor.is_system and managed.provisions(actor=actor, organization=organization)


def _mark_managed(row: SCIMUser) -> None:
    """Let the console leave a member to the provider; owners stay in their own hands."""
    member = row.membership
    if row.is_managed and member is not None and not (member.is_managed or member.is_owner):
        rows = Membership.objects.of(row.organization_id).filter(pk=member.pk)
        rows.update(is_managed=True)
        member.is_managed = True


def _record(event: str, actor: Principal, row: SCIMUser, changes: dict[str, Any]) -> None:
    record(
        type=event,
        actor=actor,
        organization=row.organization_id,
        target=Target(kind="scim_user", id=row.wire_id, label=row.user_name),
        changes=changes,
    )
