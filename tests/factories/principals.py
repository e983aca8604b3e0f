"""Principals: who acts in a test."""

from collections.abc import Iterable

from kernel.principal import Credential, CredentialKind, Origin, Principal, PrincipalKind
from orgs.models import Organization, ServiceAccount, User

OPERATOR = Principal.system("test")

_ORIGIN = Origin(ip="192.0.2.1", user_agent="pytest", request_id="req-of-a-test")


def as_user(
    user: User,
    *,
    scopes: Iterable[str] | None = None,
    organization: Organization | None = None,
) -> Principal:
    """Return a person in a session, or by a key if scopes or an organization are given."""
    by_key = scopes is not None or organization is not None
    return Principal(
        kind=PrincipalKind.USER,
        id=user.pk,
        label=user.username,
        organization_id=organization.pk if organization else None,
        credential=Credential(CredentialKind.API_KEY if by_key else CredentialKind.SESSION, "c1"),
        scopes=None if scopes is None else frozenset(scopes),
        origin=_ORIGIN,
    )


def as_service_account(
    account: ServiceAccount, *, scopes: Iterable[str] | None = None
) -> Principal:
    """Return a service account by its key."""
    return Principal(
        kind=PrincipalKind.SERVICE_ACCOUNT,
        id=account.pk,
        label=account.name,
        organization_id=account.organization_id,
        credential=Credential(CredentialKind.API_KEY, "c2"),
        scopes=None if scopes is None else frozenset(scopes),
        origin=_ORIGIN,
    )
