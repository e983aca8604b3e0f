"""Bring an instance to its first organization, owner, team and key; idempotent."""

from dataclasses import dataclass

from django.db import transaction

from identity.actions import accounts, api_keys, provisioning
from identity.models import APIKey, ProvisioningConnection
from kernel.errors import Missing
from kernel.principal import Credential, CredentialKind, Principal, PrincipalKind
from orgs.actions import organizations, teams, users
from orgs.models import Membership, Organization, Team, User

KEY_NAME = "bootstrap"
CONNECTION_NAME = "Provisioning"


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """What exists now; the two secrets are there if they were made by this run, else None."""

    organization: Organization
    owner: User
    team: Team | None
    api_key: str | None
    scim_token: str | None = None


@transaction.atomic
def bootstrap(
    *,
    organization_name: str,
    owner_email: str,
    team_name: str | None = None,
    provisions: bool = False,
) -> Bootstrapped:
    """Create or find each thing by its name, in one transaction.

    With `provisions` a connection for provisioning as well, and its first token.
    The operator at the command line vouches for the owner's address. The owner has no
    password until the reset link is used.
    """
    operator = Principal.system("bootstrap")
    try:
        # Who merely typed the address at sign-up is not its owner.
        owner = accounts.owner_of_address(owner_email)
    except Missing:
        owner = users.create(
            actor=operator, username=users.suggest_username(owner_email), email=owner_email
        )
        accounts.vouch_for_address(actor=operator, user=owner, email=owner_email)
    as_owner = Principal(
        kind=PrincipalKind.USER,
        id=owner.pk,
        label=owner.username,
        credential=Credential(kind=CredentialKind.COMMAND_LINE, id="bootstrap"),
    )
    held = (
        Membership.objects.system_of_user(owner.pk)
        .active()
        .filter(role="owner", organization__name=organization_name)
        .select_related("organization")
        .first()
    )
    organization = (
        held.organization
        if held
        else organizations.create(actor=as_owner, name=organization_name, owner=owner)
    )
    team = None
    if team_name:
        team = Team.objects.of(organization).named(team_name).first() or teams.create(
            actor=as_owner, organization=organization, name=team_name
        )
    secret = None
    if not APIKey.objects.of(organization).filter(user=owner, name=KEY_NAME).exists():
        secret = api_keys.create(
            actor=as_owner, organization=organization, owner=owner, name=KEY_NAME
        ).secret
    return Bootstrapped(
        organization=organization,
        owner=owner,
        team=team,
        api_key=secret,
        scim_token=_first_token(as_owner, organization) if provisions else None,
    )


def _first_token(as_owner: Principal, organization: Organization) -> str | None:
    rows = ProvisioningConnection.objects.of(organization)
    if rows.filter(name=CONNECTION_NAME).exists():
        return None
    connection = provisioning.connect(
        actor=as_owner, organization=organization, name=CONNECTION_NAME
    )
    return provisioning.issue_token(
        actor=as_owner, organization=organization, connection=connection, name=KEY_NAME
    ).secret
