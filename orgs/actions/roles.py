"""Custom roles: inherit a built-in one, add and remove permissions."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction

from kernel.clock import now
from kernel.errors import Denied, Invalid, Missing
from kernel.events import Target, record
from kernel.principal import Principal
from orgs import access
from orgs.actions import members, names
from orgs.errors import NameTaken, RoleInUse
from orgs.models import (
    Grant,
    Invitation,
    Membership,
    Organization,
    PlatformPermission,
    Role,
    ServiceAccount,
    TeamMembership,
)
from orgs.permissions import (
    DESCRIPTIONS,
    ORGANIZATION_ROLES,
    RESERVED_TO_OWNERS,
    TEAM_LEVEL,
    TEAM_ROLES,
    Permission,
)

EDITABLE = ("name", "description", "inherits", "added", "removed", "external_id")
AT_MOST = 50
"""How many custom roles an organization may have."""


@transaction.atomic
def create(
    *,
    actor: Principal,
    organization: Organization,
    name: str,
    scope: str,
    inherits: str,
    added: Iterable[str] = (),
    removed: Iterable[str] = (),
    description: str = "",
    external_id: str = "",
) -> Role:
    """Create a role of the organization's own. Raises `Invalid`, `NameTaken`.

    `external_id` is what an identity provider calls it.
    """
    access.require(actor, Permission.ROLE_MANAGE, organization)
    members.lock(organization)
    if Role.objects.of(organization)[AT_MOST - 1 : AT_MOST].exists():
        raise Invalid(f"An organization has at most {AT_MOST} custom roles.")
    role = Role(
        organization=organization,
        scope=_scope(scope),
        inherits=_base(scope, inherits),
        description=_description(description),
        external_id=_external_id(external_id),
    )
    _set_name(role, name)
    role.added = _permissions("added", added, scope)
    role.removed = _permissions("removed", removed, scope)
    access.require_all(actor, role.added, organization)
    _save(role, new=True)
    _record("orgs.role.created", actor, role, {"name": [None, role.name], **_content(role)})
    return role


@transaction.atomic
def update(
    *,
    actor: Principal,
    organization: Organization,
    role: Role,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> Role:
    """Change a role's name, description or permissions; it holds for everybody at once.

    Nobody may put into a role what they do not hold themselves: `Denied`.
    """
    access.require(actor, Permission.ROLE_MANAGE, organization)
    members.lock(organization)
    role = _locked(organization, role)
    role.require_version(expected_version)
    held = _held(role)
    before = {"name": role.name, "description": role.description, **_content(role)}
    for field, value in changes.items():
        if field == "name":
            _set_name(role, value)
        elif field == "description":
            role.description = _description(str(value))
        elif field == "external_id":
            role.external_id = _external_id(str(value))
        elif field == "inherits":
            role.inherits = _base(role.scope, str(value))
        elif field in ("added", "removed"):
            setattr(role, field, _permissions(field, value, role.scope))
        else:
            raise Invalid.field(field, f"“{field}” cannot be changed.", code="unknown_field")
    after = {"name": role.name, "description": role.description, **_content(role)}
    different = {
        key: [before.get(key), after.get(key)]
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key)
    }
    if not different:
        return role
    # Taking a removal back gives as much as an addition does.
    access.require_all(actor, _held(role) - held, organization)
    _save(role, new=False)
    if "inherits" in different:
        for rows in _given(organization, role).values():
            rows.update(role=role.inherits)
    _record("orgs.role.updated", actor, role, different)
    return role


@transaction.atomic
def delete(*, actor: Principal, organization: Organization, role: Role) -> None:
    """Delete a role that nobody has. Raises `RoleInUse`, with who has it in `extra`.

    Ended grants and invitations keep the built-in role that it was based on.
    """
    access.require(actor, Permission.ROLE_MANAGE, organization)
    members.lock(organization)
    role = _locked(organization, role)
    _require_unused(organization, role)
    _record("orgs.role.deleted", actor, role, {"name": [role.name, None]})
    given = _given(organization, role)
    for rows in (given["grants"], given["invitations"]):
        rows.update(custom_role=None)
    role.delete()


@transaction.atomic
def retire(*, actor: Principal, organization: Organization, role: Role) -> None:
    """Delete a role; whoever holds it has the built-in role that it is based on from then on.

    Raises `Denied` where that would be more than the actor has.
    """
    access.require(actor, Permission.ROLE_MANAGE, organization)
    members.lock(organization)
    role = _locked(organization, role)
    base = access.role_permissions(role.inherits, None, role.scope)
    access.require_all(actor, base - _held(role), organization)
    given = _given(organization, role)
    # What follows from its end asks who holds it, so that is recorded first.
    _record("orgs.role.deleted", actor, role, {
        "name": [role.name, None],
        "becomes": role.inherits,
        "holders": _counted(given),
    })  # fmt: skip
    for rows in given.values():
        rows.update(role=role.inherits, custom_role=None)
    role.delete()


def _given(organization: Organization, role: Role) -> dict[str, Any]:
    """Return the rows that give a role to somebody, by what they are."""
    return {
        "members": Membership.objects.of(organization).filter(custom_role=role),
        "team_members": TeamMembership.objects.of(organization).filter(custom_role=role),
        "service_accounts": ServiceAccount.objects.of(organization).filter(custom_role=role),
        "grants": Grant.objects.of(organization).filter(custom_role=role),
        "invitations": Invitation.objects.of(organization).filter(custom_role=role),
    }


def _require_unused(organization: Organization, role: Role) -> None:
    given = _given(organization, role)
    given |= {"grants": given["grants"].live(now()), "invitations": given["invitations"].open()}
    in_use = _counted(given)
    if in_use:
        listed = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in in_use.items())
        raise RoleInUse(
            f"“{role.name}” is in use ({listed}). Give them another role, or end what carries "
            "it, first.",
            holders=in_use,
        )


def _counted(given: dict[str, Any]) -> dict[str, int]:
    numbers = {kind: rows.count() for kind, rows in given.items()}
    return {kind: number for kind, number in numbers.items() if number}


@transaction.atomic
def register_platform_permission(
    *,
    actor: Principal,
    name: str,
    description: str,
    team_roles: Iterable[str] = ("admin", "member"),
    is_read: bool = False,
) -> PlatformPermission:
    """Make a permission of the platform's own known to every role (operator only).

    `team_roles` are the built-in team roles that hold it; owners and admins always do.
    """
    if not actor.is_system:
        raise Denied("Platform permissions are registered by the operator.")
    noun, _, verb = name.partition(".")
    if not noun.isidentifier() or not verb.isidentifier() or name in DESCRIPTIONS:
        raise Invalid.field(
            "name", "Use noun.verb in lower case, and no name of Steward's own.", code="form"
        )
    unknown = set(team_roles) - set(TEAM_ROLES)
    if unknown:
        raise Invalid.field("team_roles", f"Unknown team roles: {', '.join(sorted(unknown))}.")
    content = {"description": description, "team_roles": sorted(team_roles), "is_read": is_read}
    before = PlatformPermission.objects.filter(name=name).values(*content).first()
    row, _ = PlatformPermission.objects.update_or_create(name=name, defaults=content)
    if before != content:
        record(
            type="orgs.permission.registered",
            actor=actor,
            organization=None,
            target=Target(kind="permission", id=name, label=name),
            changes={key: [before and before[key], content[key]] for key in content},
        )
    return row


def find(organization: Organization, wire_id: str, scope: str) -> Role:
    """Return an organization's custom role for a scope, or raise `Missing`."""
    role = Role.objects.of(organization).pick(wire_id)
    if role.scope != scope:
        raise Missing
    return role


def _locked(organization: Organization, role: Role) -> Role:
    row = Role.objects.of(organization).select_for_update().filter(pk=role.pk).first()
    if row is None:
        raise Missing
    return row


def _scope(scope: str) -> str:
    if scope not in Role.Scope.values:
        raise Invalid.field("scope", "Choose organization or team.", code="choice")
    return scope


def _base(scope: str, inherits: str) -> str:
    bases = set(TEAM_ROLES if scope == "team" else ORGANIZATION_ROLES) - {"owner"}
    if inherits not in bases:
        raise Invalid.field(
            "inherits", f"Choose one of {', '.join(sorted(bases))}.", code="choice"
        )
    return inherits


def _set_name(role: Role, name: str) -> None:
    name = names.one_line(str(name), "name", longest=60, shortest=1)
    taken = set(ORGANIZATION_ROLES) | set(TEAM_ROLES)
    if len(name.casefold()) > 60:
        raise Invalid.field("name", "Give a shorter name.", code="length")
    if name.casefold().replace(" ", "_") in taken:
        raise Invalid.field("name", f"“{name}” is a built-in role.", code="reserved")
    role.name, role.name_key = name, name.casefold()


def _permissions(field: str, wanted_names: Iterable[str], scope: str) -> list[str]:
    wanted = sorted(set(wanted_names))
    platform = set(
        PlatformPermission.objects.filter(name__in=wanted).values_list("name", flat=True)
    )
    allowed = (TEAM_LEVEL if scope == "team" else set(DESCRIPTIONS)) - RESERVED_TO_OWNERS
    wrong = [name for name in wanted if name not in allowed and name not in platform]
    if wrong:
        raise Invalid.field(
            field,
            f"Not available to a role of this scope: {', '.join(wrong)}.",
            code="unknown_permission",
        )
    return wanted


def _held(role: Role) -> frozenset[str]:
    return access.role_permissions(role.inherits, role, role.scope)


def _external_id(text: str) -> str:
    return names.one_line(text, "external_id", longest=254)


def _description(text: str) -> str:
    return names.one_line(text, "description", longest=300)


def _save(role: Role, *, new: bool) -> None:
    try:
        with transaction.atomic():
            if new:
                role.save(force_insert=True)
            else:
                role.save_change(
                    "name",
                    "name_key",
                    "description",
                    "inherits",
                    "added",
                    "removed",
                    "external_id",
                )
    except IntegrityError:
        raise NameTaken(f"There is a role “{role.name}” already.") from None


def _content(role: Role) -> dict[str, Any]:
    return {
        "inherits": role.inherits,
        "added": list(role.added),
        "removed": list(role.removed),
        **({"external_id": role.external_id} if role.external_id else {}),
    }


def _record(event: str, actor: Principal, role: Role, changes: dict[str, Any]) -> None:
    record(
        type=event,
        actor=actor,
        organization=role.organization_id,
        target=Target.of(role),
        changes=changes,
    )
