"""Groups over SCIM: create, change, delete. A Group is a team.

Changes of members come taken apart (`MemberChange`), so that adding one person to a group of
tens of thousands reads and writes a handful of rows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from identity.actions import directory
from identity.errors import NotUnique
from identity.models import SCIMEmail, SCIMGroup, SCIMUser
from identity.models.scim import LONGEST_NAME
from kernel.errors import Invalid, Missing
from kernel.events import Target, record
from kernel.ids import decode
from kernel.principal import Principal
from orgs import access
from orgs.actions import managed, members, provisioned_teams, teams
from orgs.models import InvitationTeam, Organization, Team
from orgs.permissions import Permission

_AT_ONCE = 500
_NAMES_TOLD = 100


@dataclass(frozen=True, slots=True)
class MemberChange:
    """One change of a group's members: add, remove, replace or clear (all of them).

    `values` are ids, userNames or addresses.
    """

    kind: str
    values: tuple[str, ...] = ()

    @classmethod
    def of(cls, kind: str, elements: Iterable[Mapping[str, Any]]) -> "MemberChange":
        """Take the members of a body. Raises `Invalid` for groups in groups."""
        values = []
        for one in elements:
            value = str(one.get("value") or "")
            nested = str(one.get("type") or "").lower() == "group"
            if nested or value.startswith(f"{SCIMGroup.wire_prefix}_"):
                raise Invalid.field(
                    "members", "Groups in groups are not supported: add the people.", code="nested"
                )
            if not value:
                raise Invalid.field("members", "A member needs a “value”.", code="required")
            values.append(value)
        return cls(kind, tuple(dict.fromkeys(values)))


@dataclass(frozen=True, slots=True)
class Outcome:
    """A Group after an act, and what became different."""

    row: SCIMGroup
    changes: dict[str, Any] = field(default_factory=dict)


@transaction.atomic
def create(
    *,
    actor: Principal,
    organization: Organization,
    display_name: str,
    external_id: str = "",
    people: MemberChange | None = None,
) -> Outcome:
    """Create a team as a Group, with its members. Raises `Invalid`, `NotUnique`."""
    access.require(actor, Permission.TEAM_CREATE, organization)
    organization = members.lock(organization)
    directory.of(organization)
    display_name, external_id = _names(display_name, external_id)
    _require_free(organization, display_name, external_id)
    name = provisioned_teams.name_for(display_name)
    team = teams.create_empty(
        actor=actor,
        organization=organization,
        name=name,
        display_name="" if name == display_name else display_name[:120],
    )
    # The reaction of the event made it.
    row = _locked(organization, SCIMGroup.objects.of(organization).get(team=team))
    row.display_name, row.display_name_key = display_name, display_name.casefold()
    row.external_id = external_id
    row.is_managed = _is_provider(actor, organization)
    directory.touch(row, "display_name", "display_name_key", "external_id", "is_managed")
    _mark_managed(row)
    changes: dict[str, Any] = {"displayName": [None, display_name]}
    if people is not None:
        changes |= _apply(actor, organization, row, [people])
    return Outcome(_locked(organization, row), changes)


@transaction.atomic
def change(
    *,
    actor: Principal,
    organization: Organization,
    row: SCIMGroup,
    by: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
    people: Sequence[MemberChange] = (),
    expected_version: int | None = None,
) -> Outcome:
    """Change a Group's names by `by`, and its members in the order given; all or nothing.

    Raises `Invalid`, `NotUnique`, `Stale` and what `by` raises.
    """
    access.require(actor, Permission.TEAM_MEMBER_MANAGE, row.team)
    organization = members.lock(organization)
    row = _locked(organization, row)
    row.require_version(expected_version)
    changes: dict[str, Any] = {}
    taken_over = not row.is_managed and _is_provider(actor, organization)
    if by is not None:
        changes |= _rename(actor, organization, row, by)
    if taken_over:
        row.is_managed = True
        directory.touch(row, "is_managed")
        _mark_managed(row)
    if people:
        changes |= _apply(actor, organization, row, people)
    return Outcome(_locked(organization, row), changes)


@transaction.atomic
def delete(
    *,
    actor: Principal,
    organization: Organization,
    row: SCIMGroup,
    expected_version: int | None = None,
) -> Outcome:
    """Delete a Group and its team. Raises `TeamNotEmpty` where work would be lost."""
    access.require(actor, Permission.TEAM_DELETE, row.team)
    organization = members.lock(organization)
    row = _locked(organization, row)
    row.require_version(expected_version)
    provisioned_teams.delete(actor=actor, organization=organization, team=row.team)
    return Outcome(row)


def _rename(
    actor: Principal,
    organization: Organization,
    row: SCIMGroup,
    by: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> dict[str, Any]:
    before = {"displayName": row.display_name}
    if row.external_id:
        before["externalId"] = row.external_id
    after = by(dict(before))
    display_name, external_id = _names(
        str(after.get("displayName") or ""), str(after.get("externalId") or "")
    )
    if (display_name, external_id) == (row.display_name, row.external_id):
        return {}
    _require_free(organization, display_name, external_id, besides=row)
    renamed = display_name != row.display_name
    row.display_name, row.display_name_key = display_name, display_name.casefold()
    row.external_id = external_id
    directory.touch(row, "display_name", "display_name_key", "external_id")
    if renamed:
        directory.note_names_changed(organization.pk)
        row.team = teams.update(
            actor=actor,
            organization=organization,
            team=row.team,
            changes={"display_name": display_name[:120]},
        )
        row = _locked(organization, row)
    now_named = {"displayName": display_name, "externalId": external_id}
    changes = {
        name: [before.get(name), value]
        for name, value in now_named.items()
        if (before.get(name) or "") != value
    }
    record(
        type="identity.provisioning.group_updated",
        actor=actor,
        organization=organization,
        target=Target(kind="scim_group", id=row.wire_id, label=row.display_name),
        changes=changes,
    )
    return changes


def _apply(
    actor: Principal, organization: Organization, row: SCIMGroup, steps: Sequence[MemberChange]
) -> dict[str, Any]:
    added: list[str] = []
    removed: list[str] = []
    for step in steps:
        come, go = _step(actor, organization, row, step)
        added += come
        removed += go
    told: dict[str, Any] = {}
    for name, people in (("members added", added), ("members removed", removed)):
        if people:
            rest = len(people) - _NAMES_TOLD
            more = [f"and {rest} more"] if rest > 0 else []
            told[name] = [None, [*people[:_NAMES_TOLD], *more]]
    return told


def _step(
    actor: Principal, organization: Organization, row: SCIMGroup, step: MemberChange
) -> tuple[list[str], list[str]]:
    """Do one change of members; return the userNames of who came and who went."""
    add: list[SCIMUser] = []
    remove: list[SCIMUser] = []
    match step.kind:
        case "add":
            add = _people(organization, step.values, unknown_is_fine=False)
        case "remove":
            remove = _people(organization, step.values, unknown_is_fine=True)
        case "clear":
            remove = _inside(organization, row.team)
        case "replace":
            wanted = _people(organization, step.values, unknown_is_fine=False)
            held = _inside(organization, row.team)
            kept = {user.pk for user in wanted} & {user.pk for user in held}
            add = [user for user in wanted if user.pk not in kept]
            remove = [user for user in held if user.pk not in kept]
        case _:
            raise LookupError(f"{step.kind} is no change of members.")
    came, went = provisioned_teams.set_places(
        actor=actor,
        organization=organization,
        team=row.team,
        add=[user.membership for user in add if user.membership],
        remove=[user.membership for user in remove if user.membership],
        role=row.role,
        custom_role=row.custom_role,
    )
    promised = provisioned_teams.set_promised(
        actor=actor,
        organization=organization,
        team=row.team,
        add=[u.invitation for u in add if u.invitation and not u.membership],
        remove=[u.invitation for u in remove if u.invitation and not u.membership],
        role=row.role,
    ) if any(not user.membership for user in (*add, *remove)) else (0, 0)
    if any(promised):
        directory.note_places_changed(organization.pk, row.team_id)
        awaited = (user.invitation_id for user in (*add, *remove) if not user.membership)
        directory.note_offer_changed(organization.pk, awaited)
    if len(came) + len(went) > provisioned_teams.TOLD_ONE_BY_ONE:
        directory.note_many_changed(organization.pk, [member.pk for member in (*came, *went)])
    names = {user.membership_id: user.user_name for user in (*add, *remove)}
    return [names[m.pk] for m in came], [names[m.pk] for m in went]


def _people(
    organization: Organization, values: Sequence[str], *, unknown_is_fine: bool
) -> list[SCIMUser]:
    """Return the Users that values name: by id, by userName, by address."""
    rows = SCIMUser.objects.of(organization).select_related("membership__user", "invitation")
    found: dict[str, SCIMUser] = {}
    for start in range(0, len(values), _AT_ONCE):
        part = values[start : start + _AT_ONCE]
        ids = {}
        for value in part:
            if value.startswith(f"{SCIMUser.wire_prefix}_"):
                try:
                    ids[decode(SCIMUser.wire_prefix, value)] = value
                except Missing:
                    continue
        if ids:
            found |= {ids[user.pk]: user for user in rows.filter(pk__in=ids)}
        names = {value.casefold(): value for value in part if value not in found}
        if names and len(found) < len(values):
            known = rows.filter(user_name_key__in=names)
            found |= {names[user.user_name_key]: user for user in known}
            left = {key: value for key, value in names.items() if value not in found}
            if left:
                found |= _by_address(organization, left)
    unknown = [value for value in values if value not in found]
    if unknown and not unknown_is_fine:
        raise Invalid.field(
            "members",
            f"“{unknown[0]}” is no User of this organization; nothing was changed.",
            code="unknown",
        )
    return list({user.pk: user for user in found.values()}.values())


def _by_address(organization: Organization, names: Mapping[str, str]) -> dict[str, SCIMUser]:
    """Map what was given to the only User with this address. `names` has it by its casefold."""
    held = SCIMEmail.objects.of(organization).filter(value_key__in=names)
    rows = held.select_related("user__membership__user", "user__invitation").order_by("pk")
    found: dict[str, SCIMUser] = {}
    for row in rows:
        name = names[row.value_key]
        if name in found:
            raise Invalid.field(
                "members", f"“{name}” is the address of several Users: name one by its id."
            )
        found[name] = row.user
    return found


def _inside(organization: Organization, team: Team) -> list[SCIMUser]:
    """Return everybody who is in a team, or will be by an invitation."""
    rows = SCIMUser.objects.of(organization).select_related("membership__user", "invitation")
    placed = rows.filter(membership__team_memberships__team=team)
    promised = InvitationTeam.objects.of(organization).filter(team=team)
    awaited = rows.filter(membership=None, invitation__in=promised.values("invitation"))
    return [*placed, *awaited]


def _names(display_name: str, external_id: str) -> tuple[str, str]:
    display_name = " ".join(display_name.split())
    if not display_name:
        raise Invalid.field("displayName", "“displayName” is required.", code="required")
    for name, value in (("displayName", display_name.casefold()), ("externalId", external_id)):
        if len(value) > LONGEST_NAME or len(display_name) > LONGEST_NAME:
            raise Invalid.field(
                name, f"“{name}” has more than {LONGEST_NAME} characters.", code="length"
            )
    return display_name, external_id


def _require_free(
    organization: Organization,
    display_name: str,
    external_id: str,
    besides: SCIMGroup | None = None,
) -> None:
    others = SCIMGroup.objects.of(organization)
    if besides is not None:
        others = others.exclude(pk=besides.pk)
    if others.filter(display_name_key=display_name.casefold()).exists():
        raise NotUnique(f"There is a Group “{display_name}” already.")
    if external_id and others.filter(external_id=external_id).exists():
        raise NotUnique(f"There is a Group with the externalId “{external_id}” already.")


def _locked(organization: Organization, row: SCIMGroup) -> SCIMGroup:
    found = (
        SCIMGroup.objects.of(organization)
        .select_for_update(of=("self",))
        .select_related("team__organization", "custom_role")
        .filter(pk=row.pk)
        .first()
    )
    if found is None:
        raise Missing
    return found


def _is_provider(actor: Principal, organization: Organization) -> bool:
    return not actor.is_system and managed.provisions(actor=actor, organization=organization)


def _mark_managed(row: SCIMGroup) -> None:
    if row.is_managed and not row.team.is_managed:
        rows = Team.objects.of(row.organization_id).filter(pk=row.team_id)
        rows.update(is_managed=True)
        row.team.is_managed = True

