"""A principal's place in one organization: what its roles and grants hold there."""

import datetime as dt
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from kernel.clock import now
from kernel.prepared import Prepared
from kernel.principal import CredentialKind, Principal, PrincipalKind
from orgs.models import (
    Grant,
    Membership,
    Organization,
    PlatformPermission,
    Restriction,
    Role,
    ServiceAccount,
    TeamMembership,
)
from orgs.models.membership import MembershipQuerySet
from orgs.permissions import ORGANIZATION_ROLES, TEAM_ROLES, Permission, covers

_IN_DELETION = frozenset({Permission.ORGANIZATION_READ, Permission.ORGANIZATION_DELETE})
_WHILE_SUSPENDED = frozenset(
    {Permission.ORGANIZATION_READ, Permission.BILLING_READ, Permission.BILLING_MANAGE}
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A principal's place in one organization, read once.

    `wide` is what its organization role and organization-wide grants hold;
    `granted_teams` maps a team to what temporary grants on it hold.
    """

    organization: Organization
    member: Membership | None = None
    account: ServiceAccount | None = None
    role_label: str = ""
    wide: frozenset[str] = frozenset()
    granted_teams: dict[uuid.UUID, frozenset[str]] = field(default_factory=dict)
    restrictions: tuple[Restriction, ...] = ()
    asks_platform: bool = False

    @property
    def is_inside(self) -> bool:
        """Whether the principal belongs to the organization at all."""
        return self.member is not None or self.account is not None

    def role_in(self, team_id: uuid.UUID) -> tuple[str, frozenset[str]]:
        """Return the standing role in a team: its label (empty if none) and permissions."""
        return self.team_roles(only=team_id).get(team_id, ("", frozenset()))

    def team_roles(
        self, *, only: uuid.UUID | None = None
    ) -> dict[uuid.UUID, tuple[str, frozenset[str]]]:
        """Map each team (or one) in which the principal has a standing role to that role."""
        if self.account is not None:
            team_id = self.account.team_id
            if team_id is None or only not in (None, team_id):
                return {}
            held = role_permissions(
                self.account.role,
                self.account.custom_role,
                "team",
                with_platform=self.asks_platform,
            )
            return {team_id: (self.role_label, held)}
        if self.member is None:
            return {}
        places = TeamMembership.objects.of(self.organization).filter(membership=self.member)
        if only is not None:
            places = places.filter(team_id=only)
        return {
            place.team_id: (
                place.role_name,
                role_permissions(
                    place.role, place.custom_role, "team", with_platform=self.asks_platform
                ),
            )
            for place in places.select_related("custom_role")
        }


def _active_member(
    organization_id: uuid.UUID, user_id: uuid.UUID, moment: dt.datetime
) -> MembershipQuerySet:
    live = Grant.objects.of(organization_id).live(moment)
    return (
        Membership.objects.of(organization_id)
        .active()
        .filter(user_id=user_id, user__is_active=True)
        .select_related("custom_role")
        .annotate(
            is_restricted=Exists(Restriction.objects.of(organization_id)),
            has_grants=Exists(live.filter(membership_id=OuterRef("pk"))),
        )
    )


def _enabled_account(
    organization_id: uuid.UUID, account_id: uuid.UUID, moment: dt.datetime
) -> QuerySet[ServiceAccount]:
    live = Grant.objects.of(organization_id).live(moment)
    return (
        ServiceAccount.objects.of(organization_id)
        .filter(pk=account_id, disabled_at__isnull=True)
        .select_related("custom_role")
        .annotate(
            is_restricted=Exists(Restriction.objects.of(organization_id)),
            has_grants=Exists(live.filter(service_account_id=OuterRef("pk"))),
        )
    )


_MEMBER = Prepared(_active_member, uuid.UUID, uuid.UUID, dt.datetime)
_ACCOUNT = Prepared(_enabled_account, uuid.UUID, uuid.UUID, dt.datetime)


def standing_of(
    principal: Principal, organization: Organization, *, asks_platform: bool = False
) -> Standing:
    """Read a principal's place in an organization: one query, one or two more if it has more.

    With `asks_platform` the platform's own permissions are read along.
    """
    if principal.id is None or principal.organization_id not in (None, organization.pk):
        return _outside(organization)
    moment = now()
    if principal.kind is PrincipalKind.USER:
        member = _MEMBER.first(organization.pk, principal.id, moment)
        if member is None:
            return _outside(organization)
        standing = Standing(
            organization,
            member=member,
            role_label=member.role_name.lower(),
            wide=role_permissions(
                member.role, member.custom_role, "organization", with_platform=asks_platform
            ),
            asks_platform=asks_platform,
        )
        return _with_extras(standing, Q(membership=member), found=member, moment=moment)
    if principal.kind is PrincipalKind.SERVICE_ACCOUNT:
        account = _ACCOUNT.first(organization.pk, principal.id, moment)
        if account is None:
            return _outside(organization)
        return _of_account(organization, account, account, moment, asks_platform=asks_platform)
    return _outside(organization)


def extras_of_account(moment: dt.datetime) -> dict[str, Exists]:
    """Return what a row with a `service_account` is annotated with for `standing_as_read`."""
    live = Grant.objects.system_all().live(moment)
    restrictions = Restriction.objects.system_all()
    return {
        "is_restricted": Exists(restrictions.filter(organization_id=OuterRef("organization_id"))),
        "has_grants": Exists(live.filter(service_account_id=OuterRef("service_account_id"))),
    }


def standing_as_read(row: Any, organization: Organization, moment: dt.datetime) -> Standing:
    """Return the place of a row's enabled `service_account`, which was read along with it.

    The row has `extras_of_account` of that moment, and the account's `custom_role` at hand.
    """
    return _of_account(organization, row.service_account, row, moment)


def _of_account(
    organization: Organization,
    account: ServiceAccount,
    annotated: Any,
    moment: dt.datetime,
    *,
    asks_platform: bool = False,
) -> Standing:
    if account.team_id is None:
        wide = role_permissions(
            account.role, account.custom_role, "organization", with_platform=asks_platform
        )
    else:
        wide = frozenset({Permission.ORGANIZATION_READ})
    standing = Standing(
        organization,
        account=account,
        role_label=account.role_name,
        wide=wide,
        asks_platform=asks_platform,
    )
    return _with_extras(standing, Q(service_account=account), found=annotated, moment=moment)


def role_permissions(
    role: str, custom: Role | None, scope: str, *, with_platform: bool = True
) -> frozenset[str]:
    """Return what a role holds, built in or custom; unknown names hold nothing.

    The platform's own permissions cost one more query; `with_platform` leaves them out.
    """
    table = ORGANIZATION_ROLES if scope == "organization" else TEAM_ROLES
    base = custom.inherits if custom else role
    held = table.get(base, frozenset())
    platform = _platform_permissions(base, scope) if with_platform else frozenset()
    if custom is None:
        return held | platform
    return (held | platform | frozenset(custom.added)) - frozenset(custom.removed)


def refusal_beforehand(principal: Principal, permission: str, standing: Standing) -> str:
    """Return why no role can help (scope, deletion, restriction), or an empty text."""
    if principal.scopes is not None and not covers(principal.scopes, permission):
        return f"This key's scopes do not include {permission}."
    organization = standing.organization
    is_unbound_key = (
        principal.credential.kind is CredentialKind.API_KEY and principal.organization_id is None
    )
    if is_unbound_key and not organization.allows_api_key_creation:
        return f"{organization.name} accepts only keys that were made for it."
    if organization.is_being_deleted and permission not in _IN_DELETION:
        return f"{organization.name} is being deleted. An owner can restore it."
    for restriction in standing.restrictions:
        if restriction.kind == Restriction.Kind.SUSPENDED and permission not in _WHILE_SUSPENDED:
            return f"{organization.name} is suspended: {restriction.reason}"
        if restriction.kind == Restriction.Kind.READ_ONLY and not permission.endswith(".read"):
            return f"{organization.name} is read-only: {restriction.reason}"
        if restriction.kind == Restriction.Kind.OVER_QUOTA and restriction.subject == permission:
            return restriction.reason
    return ""


def _platform_permissions(base: str, scope: str) -> frozenset[str]:
    rows = PlatformPermission.objects.all()
    if scope == "organization":
        if base not in ("owner", "admin"):
            return frozenset()
        return frozenset(row.name for row in rows)
    return frozenset(row.name for row in rows if base in row.team_roles)


def _with_extras(
    standing: Standing, mine: Q, *, found: Any, moment: dt.datetime
) -> Standing:
    """Add grants and restrictions; they are read only if the row's own query saw some."""
    wide, teams = set(standing.wide), dict(standing.granted_teams)
    has_grants, is_restricted = vars(found)["has_grants"], vars(found)["is_restricted"]
    live = Grant.objects.of(standing.organization).live(moment).filter(mine) if has_grants else None
    for grant in live.select_related("custom_role") if live is not None else ():
        scope = "team" if grant.team_id else "organization"
        held = role_permissions(
            grant.role, grant.custom_role, scope, with_platform=standing.asks_platform
        )
        if grant.team_id:
            teams[grant.team_id] = teams.get(grant.team_id, frozenset()) | held
        else:
            wide |= held
    restrictions = tuple(Restriction.objects.of(standing.organization)) if is_restricted else ()
    return replace(standing, wide=frozenset(wide), granted_teams=teams, restrictions=restrictions)


def _outside(organization: Organization) -> Standing:
    return Standing(organization, restrictions=tuple(Restriction.objects.of(organization)))
