"""What an identity provider manages over SCIM, people do not change here.

Of members that is whether they are in and active; of teams, the name, who is in, and
whether there is one. Roles, seats and settings stay the organization's.
"""

from kernel.principal import Principal, PrincipalKind
from orgs.errors import ManagedByProvisioning
from orgs.models import Membership, Organization, ServiceAccount, Team


def require_unmanaged(
    *, actor: Principal, organization: Organization, row: Membership | Team, act: str
) -> None:
    """Raise `ManagedByProvisioning` unless it is the organization's own, or its provider acts.

    `act` says what to do at the identity provider instead.
    """
    if row.is_managed and not provisions(actor=actor, organization=organization):
        raise ManagedByProvisioning(
            f"{row} is managed by the identity provider of {organization.name}: {act} there, "
            "or disconnect provisioning first."
        )


def provisions(*, actor: Principal, organization: Organization) -> bool:
    """Whether an identity provider's connection acts, or Steward itself."""
    if actor.kind is not PrincipalKind.SERVICE_ACCOUNT or actor.id is None:
        return actor.is_system
    accounts = ServiceAccount.objects.of(organization).filter(pk=actor.id)
    return accounts.filter(kind=ServiceAccount.Kind.SCIM).exists()


def release_all(organization: Organization) -> None:
    """Give every member and team back to the organization: nobody manages them any more."""
    Membership.objects.of(organization).filter(is_managed=True).update(is_managed=False)
    Team.objects.of(organization).filter(is_managed=True).update(is_managed=False)
