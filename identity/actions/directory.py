"""An organization's directory: opened when SCIM first asks, kept by what happens to members.

Users that no identity provider made are shown by their account: the primary address, or
else the username, as userName.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F

from identity.actions import accounts
from identity.models import (
    Directory,
    ProvisionedAccount,
    SCIMEmail,
    SCIMGroup,
    SCIMText,
    SCIMUser,
)
from identity.models.scim import LONGEST_NAME, SCIMUserQuerySet
from identity.resources.folding import folded
from identity.resources.schema import USER
from kernel.clock import now
from kernel.database.scope import across
from kernel.principal import Principal
from kernel.tenancy import TenantQuerySet
from orgs.actions import members, teams
from orgs.models import (
    InvitationTeam,
    Membership,
    Organization,
    Team,
    TeamMembership,
    User,
)

_AT_ONCE = 1_000


def of(organization: Organization) -> Directory:
    """Return an organization's directory, made now if there is none; see `opened`."""
    found = Directory.objects.of(organization).select_related("organization").first()
    return found or opened(organization)


@transaction.atomic
def opened(organization: Organization) -> Directory:
    """Make the directory of an organization: a User for each member, a Group for each team."""
    organization = members.lock(organization)
    before = Directory.objects.of(organization).select_related("organization").first()
    if before is not None:
        return before
    directory = Directory.objects.create(organization=organization)
    taken: set[str] = set()
    rows = Membership.objects.of(organization).present().select_related("user").order_by("pk")
    batch: list[SCIMUser] = []
    for member in rows.iterator(chunk_size=_AT_ONCE):
        batch.append(_user_of(member, taken))
        if len(batch) == _AT_ONCE:
            directory.users += _store(batch)
            batch = []
    directory.users += _store(batch)
    names: set[str] = set()
    groups = [
        _group_of(team, names) for team in Team.objects.of(organization).order_by("pk").iterator()
    ]
    SCIMGroup.objects.bulk_create(groups, batch_size=_AT_ONCE)
    directory.groups = len(groups)
    directory.save(update_fields=["users", "groups"])
    return directory


def enter(organization_id: Any, user_id: Any) -> None:
    """Show somebody who became a member; whoever was awaited is the one that was made for them."""
    if not Directory.objects.of(organization_id).exists():
        return
    member = (
        Membership.objects.of(organization_id).select_related("user").get(user_id=user_id)
    )
    addresses = accounts.verified_addresses(member.user)
    awaited = SCIMUser.objects.of(organization_id).filter(
        membership=None, invitation__email__in=addresses
    )
    row = awaited.order_by("pk").first()
    if row is not None:
        row.membership, row.is_active = member, True
        touch(row, "membership", "is_active")
        if row.is_managed:
            Membership.objects.of(organization_id).filter(pk=member.pk).update(is_managed=True)
        return
    wanted = {name.casefold() for name in _names_of(member.user)}
    rows = SCIMUser.objects.of(organization_id).filter(user_name_key__in=wanted)
    taken = set(rows.values_list("user_name_key", flat=True))
    count(organization_id, users=_store([_user_of(member, taken)]))


def place_as_mapped(organization_id: Any, invitation_id: Any) -> None:
    """Give whoever accepted an invitation the custom team roles that their groups are mapped to."""
    promised = InvitationTeam.objects.of(organization_id).filter(invitation=invitation_id)
    mapped = SCIMGroup.objects.of(organization_id).filter(
        team__in=promised.values("team"), custom_role__isnull=False, is_managed=True
    )
    row = SCIMUser.objects.of(organization_id).filter(invitation=invitation_id).first()
    if row is None or row.membership is None:
        return
    for group in mapped.select_related("team__organization", "custom_role").order_by("pk"):
        teams.change_member_role(
            actor=Principal.system("group mapping"),
            organization=group.team.organization,
            team=group.team,
            member=row.membership,
            role=group.role,
            custom_role=group.custom_role,
        )


def leave(organization_id: Any, user_id: Any, *, by_themselves: bool) -> None:
    """Show somebody whose membership ended no longer; whoever comes back is another User.

    Who left by themselves took the account along: the next time they are asked first.
    """
    if by_themselves:
        ProvisionedAccount.objects.of(organization_id).filter(user_id=user_id).delete()
    rows = SCIMUser.objects.of(organization_id).filter(membership__user_id=user_id)
    # First the User, then what hangs on it, as everybody locks them who changes both.
    keys = list(rows.select_for_update(of=("self",)).values_list("pk", flat=True))
    ended = SCIMUser.objects.of(organization_id).filter(pk__in=keys)
    gone = ended.delete()[1].get("identity.SCIMUser", 0)
    if gone:
        count(organization_id, users=-gone)


def note_changed(organization_id: Any, membership_id: Any, **fields: Any) -> None:
    """Count a change of a member that a User tells about."""
    rows = SCIMUser.objects.of(organization_id).filter(membership_id=membership_id)
    _count_change(organization_id, rows, **fields)


def note_many_changed(organization_id: Any, membership_ids: Sequence[Any]) -> None:
    """Count a change of many members' Users."""
    for begin in range(0, len(membership_ids), _AT_ONCE):
        part = membership_ids[begin : begin + _AT_ONCE]
        rows = SCIMUser.objects.of(organization_id).filter(membership_id__in=part)
        _count_change(organization_id, rows)


def note_offer_changed(organization_id: Any, invitation_ids: Iterable[Any]) -> None:
    """Count a change of what is offered to people who are awaited."""
    rows = SCIMUser.objects.of(organization_id).filter(membership=None)
    _count_change(organization_id, rows.filter(invitation_id__in=list(invitation_ids)))


def note_team_changed(organization_id: Any, team_id: Any) -> None:
    """Count a change for the Users of all who are in a team, or promised to be."""
    rows = SCIMUser.objects.of(organization_id)
    places = TeamMembership.objects.of(organization_id).filter(team_id=team_id)
    _count_change(organization_id, rows.filter(membership__in=places.values("membership")))
    promised = InvitationTeam.objects.of(organization_id).filter(team_id=team_id)
    awaited = rows.filter(membership=None, invitation__in=promised.values("invitation"))
    _count_change(organization_id, awaited)


def note_role_changed(organization_id: Any, role_id: Any) -> None:
    """Count a change for the Users of all who have a custom role, or are offered it."""
    rows = SCIMUser.objects.of(organization_id)
    _count_change(organization_id, rows.filter(membership__custom_role=role_id))
    places = TeamMembership.objects.of(organization_id).filter(custom_role=role_id)
    _count_change(organization_id, rows.filter(membership__in=places.values("membership")))
    awaited = rows.filter(membership=None, invitation__custom_role=role_id)
    _count_change(organization_id, awaited)


def note_account_changed(user_id: Any, changes: Mapping[str, Any]) -> None:
    """Show an account's new name or address, where no identity provider says who it is.

    `changes` maps `display_name` and `email` to what they were and are.
    """
    with across("a person is a User in each of their organizations"):
        _show_account(user_id, changes)


def _show_account(user_id: Any, changes: Mapping[str, Any]) -> None:
    rows = SCIMUser.objects.system_all().filter(membership__user_id=user_id, is_managed=False)
    locked = rows.select_for_update(of=("self",)).select_related("membership__user")
    for row in locked.order_by("pk"):
        assert row.membership is not None  # noqa: S101 - asked for
        resource = dict(row.resource)
        if "display_name" in changes:
            resource["displayName"] = row.membership.user.name
        if "email" in changes:
            before, after = changes["email"]
            resource["emails"] = [
                {**one, "value": after} if one.get("value") == before else one
                for one in resource.get("emails", [{"value": before, "primary": True}])
            ]
        others = SCIMUser.objects.of(row.organization_id).exclude(pk=row.pk)
        row.user_name = _free_name(row.membership.user, others)
        row.user_name_key = row.user_name.casefold()
        store_resource(row, resource, "user_name", "user_name_key")


def add_team(organization_id: Any, team_id: Any) -> None:
    """Show a new team as a Group."""
    if not Directory.objects.of(organization_id).exists():
        return
    team = Team.objects.of(organization_id).get(pk=team_id)
    wanted = {name.casefold() for name in (team.display_name, team.name) if name}
    rows = SCIMGroup.objects.of(organization_id).filter(display_name_key__in=wanted)
    taken = set(rows.values_list("display_name_key", flat=True))
    _group_of(team, taken).save(force_insert=True)
    count(organization_id, groups=1)


def rename_team(organization_id: Any, team_id: Any) -> None:
    """Show a team's new name, where no identity provider names the group."""
    note_names_changed(organization_id)
    row = (
        SCIMGroup.objects.of(organization_id)
        .filter(team_id=team_id, is_managed=False)
        .select_related("team")
        .first()
    )
    if row is None:
        return
    others = SCIMGroup.objects.of(organization_id).exclude(pk=row.pk)
    wanted = {name.casefold() for name in (row.team.display_name, row.team.name) if name}
    taken = set(
        others.filter(display_name_key__in=wanted).values_list("display_name_key", flat=True)
    )
    row.display_name = _group_of(row.team, taken).display_name
    row.display_name_key = row.display_name.casefold()
    touch(row, "display_name", "display_name_key")


def drop_team(organization_id: Any, team_id: Any) -> None:
    """Count a Group that ends with its team in this transaction, while its people are known."""
    note_team_changed(organization_id, team_id)
    gone = SCIMGroup.objects.of(organization_id).filter(team_id=team_id).delete()[0]
    if gone:
        count(organization_id, groups=-1)


def release_all(organization_id: Any) -> None:
    """Note that no identity provider says who the organization's people are any more."""
    SCIMUser.objects.of(organization_id).filter(is_managed=True).update(is_managed=False)
    SCIMGroup.objects.of(organization_id).filter(is_managed=True).update(is_managed=False)


def note_places_changed(organization_id: Any, team_id: Any) -> None:
    """Count a change of who is in a team."""
    rows = SCIMGroup.objects.of(organization_id).filter(team_id=team_id)
    rows.update(version=F("version") + 1, modified_at=now())


def count(organization_id: Any, *, users: int = 0, groups: int = 0) -> None:
    """Keep the numbers of Users and Groups."""
    Directory.objects.of(organization_id).update(
        users=F("users") + users, groups=F("groups") + groups
    )
    if groups:
        note_names_changed(organization_id)


def note_names_changed(organization_id: Any) -> None:
    """Let nobody go on by the names of Groups and teams that they remember."""
    Directory.objects.of(organization_id).update(names_mark=uuid.uuid4())


def store_resource(row: SCIMUser, resource: dict[str, Any], *fields: str) -> None:
    """Store what a User's document holds, and the forms in which it is found."""
    before = addresses_in(row.search)
    row.resource, row.search = resource, folded(resource, USER)
    touch(row, "resource", "search", *fields)
    after = addresses_in(row.search)
    mine = SCIMEmail.objects.of(row.organization_id).filter(user=row)
    if before - after:
        mine.filter(value_key__in=before - after).delete()
    _store_addresses([(row, after - before)])


def addresses_in(search: dict[str, Any]) -> set[str]:
    """Return the addresses of a casefolded document, as far as they can be addresses."""
    values = (one.get("value") for one in search.get("emails", ()))
    return {value for value in values if value and len(value) <= LONGEST_NAME}


def insert(row: SCIMUser) -> None:
    """Insert a User with its addresses, and count it."""
    row.search = folded(row.resource, USER)
    row.save(force_insert=True)
    SCIMText.objects.create(user=row, organization_id=row.organization_id)
    _store_addresses([(row, addresses_in(row.search))])
    count(row.organization_id, users=1)


def touch(row: SCIMUser | SCIMGroup, *fields: str) -> None:
    """Save fields of a row as a change that clients see."""
    row.modified_at = now()
    row.save_change(*fields, "modified_at")
    if isinstance(row, SCIMUser):
        _take_back(SCIMText.objects.of(row.organization_id).filter(pk=row.pk))


def _count_change(organization_id: Any, rows: SCIMUserQuerySet, **fields: Any) -> None:
    """Count a change that clients see of Users that are not at hand.

    Under the organization's lock, or the two statements might find different rows.
    """
    if rows.update(version=F("version") + 1, modified_at=now(), **fields):
        texts = SCIMText.objects.of(organization_id)
        _take_back(texts.filter(user__in=rows.order_by().values("pk")))


def _take_back(texts: TenantQuerySet[SCIMText]) -> None:
    """Let nobody answer by these texts any more, nor keep one that was read before."""
    texts.update(turn=F("turn") + 1, text="")


def _store(rows: list[SCIMUser]) -> int:
    SCIMUser.objects.bulk_create(rows)
    SCIMText.objects.bulk_create(
        SCIMText(user=row, organization_id=row.organization_id) for row in rows
    )
    _store_addresses([(row, addresses_in(row.search)) for row in rows])
    return len(rows)


def _store_addresses(held: Iterable[tuple[SCIMUser, set[str]]]) -> None:
    SCIMEmail.objects.bulk_create(
        SCIMEmail(organization_id=row.organization_id, user=row, value_key=value)
        for row, values in held
        for value in sorted(values)
    )


def _names_of(user: User) -> list[str]:
    return [name for name in (user.email, user.username) if name]


def _free_name(user: User, others: SCIMUserQuerySet) -> str:
    """Return the name by which an account is shown beside others."""
    wanted = {name.casefold() for name in _names_of(user)}
    keys = others.filter(user_name_key__in=wanted).values_list("user_name_key", flat=True)
    return _name_of(user, set(keys))


def _name_of(user: User, taken: set[str]) -> str:
    names = [*_names_of(user), f"{user.username}-{user.pk.hex}"]
    return next(name for name in names if name.casefold() not in taken)


def _user_of(member: Membership, taken: set[str]) -> SCIMUser:
    """Return the User of a member, under a name that is not among those taken."""
    user = member.user
    name = _name_of(user, taken)
    taken.add(name.casefold())
    resource = _content_of(user)
    return SCIMUser(
        organization_id=member.organization_id,
        membership=member,
        user_name=name,
        user_name_key=name.casefold(),
        is_active=member.is_active,
        resource=resource,
        search=folded(resource, USER),
    )


def _content_of(user: User) -> dict[str, Any]:
    content: dict[str, Any] = {"displayName": user.name}
    if user.email:
        content["emails"] = [{"value": user.email, "type": "work", "primary": True}]
    return content


def _group_of(team: Team, taken: set[str]) -> SCIMGroup:
    names = [name for name in (team.display_name, team.name) if name]
    name = next((name for name in names if name.casefold() not in taken), f"{team.pk.hex}")
    taken.add(name.casefold())
    return SCIMGroup(
        organization_id=team.organization_id,
        team=team,
        display_name=name,
        display_name_key=name.casefold(),
    )
