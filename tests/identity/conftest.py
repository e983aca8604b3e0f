"""A small laboratory for the tests of keys: two organizations, people, a machine."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from rest_framework.test import APIClient

from identity.actions import accounts, api_keys
from kernel.principal import Credential, CredentialKind, Origin, Principal, PrincipalKind
from orgs.actions import members, organizations, service_accounts, teams
from orgs.models import Membership, Organization, ServiceAccount, Team, User
from tests.database import ground

PASSWORD = "a long and unguessable phrase 9"


def as_user(user: User, **changes: object) -> Principal:
    """Return a person as a signed-in principal."""
    principal = Principal(
        kind=PrincipalKind.USER,
        id=user.pk,
        label=user.username,
        credential=Credential(CredentialKind.SESSION, "test"),
        origin=Origin(ip="127.0.0.1", request_id="test"),
    )
    return replace(principal, **changes)


def person(name: str) -> User:
    """Return a new person with a proved address and a password."""
    system = Principal.system("test")
    user = accounts.sign_up(
        actor=system, username=name, email=f"{name}@example.com", password=PASSWORD
    )
    accounts.vouch_for_address(actor=system, user=user, email=user.email)
    return user


@dataclass
class Lab:
    """An organization with an owner, a member and a machine, and a stranger's."""

    organization: Organization
    owner: User
    member: User
    membership: Membership
    team: Team
    machine: ServiceAccount
    stranger: User
    foreign: Organization

    def key(self, owner: User | ServiceAccount | None = None, **options: object):
        """Make a key of the machine, or of a person."""
        owner = owner or self.machine
        actor = as_user(owner) if isinstance(owner, User) else as_user(self.owner)
        return api_keys.create(
            actor=actor,
            organization=options.pop("organization", self.organization),
            owner=owner,
            name=options.pop("name", "test key"),
            **options,
        )


@pytest.fixture(scope="module")
def _lab(django_db_setup, django_db_blocker) -> Iterator[Lab]:
    """Build the laboratory once for a module; each test runs in a savepoint over it."""
    with django_db_blocker.unblock(), ground():
        yield _build()


@pytest.fixture
def lab(_lab, db) -> Lab:
    """Return the laboratory as it was built."""
    return copy.deepcopy(_lab)


def _build() -> Lab:
    owner, member, stranger = person("olga"), person("max"), person("sven")
    organization = organizations.create(actor=as_user(owner), name="Lab", owner=owner)
    foreign = organizations.create(actor=as_user(stranger), name="Elsewhere", owner=stranger)
    membership = members.provision(
        actor=as_user(owner), organization=organization, user=member, role="member"
    )
    team = teams.create(actor=as_user(owner), organization=organization, name="vision")
    machine = service_accounts.create(
        actor=as_user(owner), organization=organization, team=team, name="ci-bot"
    )
    return Lab(organization, owner, member, membership, team, machine, stranger, foreign)


@pytest.fixture
def api() -> APIClient:
    """Return a client of the REST API without a key."""
    return APIClient()


def bearer(secret: str) -> dict[str, str]:
    """Return the header that carries a key."""
    return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}
