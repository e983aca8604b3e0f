"""An organization with a provisioning connection, and one of its owner's ordinary keys."""

import copy
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.db.models import F

from identity.actions import api_keys, provisioning
from orgs.actions import entitlements
from orgs.models import Entity, Membership, Organization, SeatPool, SeatType, User
from tests.conformance.scim.client import USER, Client, basic, bearer
from tests.database import ground
from tests.factories import OPERATOR
from tests.worlds import World, acme


@pytest.fixture(scope="module")
def _world(django_db_setup, django_db_blocker) -> Iterator[World]:
    """Build Acme once for a module; each test runs in a savepoint over it."""
    with django_db_blocker.unblock(), ground():
        yield acme()


@pytest.fixture
def world(_world, db) -> World:
    """Return Acme as it was built."""
    return copy.deepcopy(_world)


@pytest.fixture
def provider(world) -> Callable[..., Client]:
    """Return a function that connects an identity provider and gives its client."""

    def connect(kind: str) -> Client:
        actor, organization = world.owner.principal, world.organization
        connection = provisioning.connect(
            actor=actor, organization=organization, name=kind.title(), provider=kind
        )
        issued = provisioning.issue_token(
            actor=actor, organization=organization, connection=connection, name="token"
        )
        return Client(bearer(issued.secret))

    return connect


@pytest.fixture
def scim(request, provider) -> Client:
    """Return the client of the provider that the module names in `PROVIDER`, or of Okta."""
    return provider(getattr(request.module, "PROVIDER", "okta"))


@pytest.fixture
def elsewhere(world) -> Client:
    """Return the client of another organization's connection."""
    actor, organization = world.stranger.principal, world.strange_organization
    connection = provisioning.connect(
        actor=actor, organization=organization, name="Okta", provider="okta"
    )
    issued = provisioning.issue_token(
        actor=actor, organization=organization, connection=connection, name="token"
    )
    return Client(bearer(issued.secret))


@pytest.fixture
def wandb(world) -> Client:
    """Return a client with an ordinary key of the owner: the dialect of W&B's scripts."""
    owner = world.owner
    issued = api_keys.create(
        actor=owner.principal, organization=world.organization, owner=owner.user, name="script"
    )
    return Client(basic(owner.user.username, issued.secret))


@pytest.fixture
def seats(world) -> Callable[..., None]:
    """Return a function that sets how many seats the organization has."""

    def apply(**limits: int | None) -> None:
        entitlements.apply(
            actor=OPERATOR, organization=world.organization, source="manual", seats=limits
        )

    return apply


@pytest.fixture
def crowd(world, request) -> Callable[[str, int], None]:
    """Return a function that writes members straight into the tables, before SCIM is asked.

    One by one in one transaction they would take minutes: each writes the same counters.
    """

    if connection.vendor == "postgresql":
        # It plans the one statement of all invariants by the sizes of before.
        request.node.add_marker(pytest.mark.spoils("too many rows to ask in a transaction"))

    def fill(name: str, number: int) -> None:
        users = User.objects.bulk_create(
            User(username=f"{name}-{n}", email=f"{name}-{n}@example.com") for n in range(number)
        )
        Entity.objects.bulk_create(
            Entity(name=user.username, name_key=user.username, user=user) for user in users
        )
        Membership.objects.bulk_create(
            Membership(organization=world.organization, user=user) for user in users
        )
        Organization.objects.filter(pk=world.organization.pk).update(
            member_count=F("member_count") + number
        )
        SeatPool.objects.of(world.organization).filter(seat=SeatType.FULL).update(
            used=F("used") + number, limit=None, ceiling=None
        )

    return fill


@pytest.fixture
def mia(scim) -> dict:
    """Return a user with two addresses and an external id."""
    return scim.user(
        "Mia@Example.com",
        externalId="Ext-Mia",
        displayName="Mia Moss",
        emails=[
            {"value": "Mia@Example.com", "type": "work", "primary": True},
            {"value": "mia@home.test", "type": "home"},
        ],
    )


@pytest.fixture
def adam(scim) -> dict:
    """Return a user with as little as can be."""
    return scim.post(
        "/Users", {"schemas": [USER], "userName": "adam@example.com"}
    ).expect(201)


@pytest.fixture
def dev(wandb) -> dict:
    """Return the user of W&B's documentation."""
    body = {
        "schemas": [USER],
        "emails": [{"primary": True, "value": "dev-user1@example.com"}],
        "userName": "dev-user1",
    }
    return wandb.post("/Users", body).expect(201)
