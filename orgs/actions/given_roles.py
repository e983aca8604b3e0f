"""Check a role before it is given: it exists for this scope, and its giver holds it all."""

from kernel.errors import Invalid
from kernel.principal import Principal
from orgs import access
from orgs.models import Organization, Role, Team
from orgs.permissions import ORGANIZATION_ROLES, TEAM_ROLES


def checked(
    *,
    actor: Principal,
    resource: Organization | Team,
    role: str,
    custom_role: Role | None = None,
    allows_owner: bool = False,
) -> tuple[str, Role | None]:
    """Return the built-in role and the custom role to store; the first is the second's base.

    Raises `Invalid` for a role that this organization or scope does not know, `Denied`
    for one that holds more than the actor. Call it under the organization's lock.
    """
    in_team = isinstance(resource, Team)
    organization_id = resource.organization_id if isinstance(resource, Team) else resource.pk
    scope = Role.Scope.TEAM if in_team else Role.Scope.ORGANIZATION
    if custom_role is not None:
        found = Role.objects.of(organization_id).filter(pk=custom_role.pk, scope=scope).first()
        if found is None:
            raise Invalid.field("role", f"“{custom_role.name}” is not a role here.", code="choice")
        role, custom_role = found.inherits, found
    known = TEAM_ROLES if in_team else ORGANIZATION_ROLES
    choices = [name for name in known if allows_owner or name != "owner"]
    if role not in choices:
        raise Invalid.field("role", f"Choose one of {', '.join(choices)}.", code="choice")
    access.require_all(actor, access.role_permissions(role, custom_role, scope), resource)
    return role, custom_role
