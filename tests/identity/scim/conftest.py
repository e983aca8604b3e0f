"""An organization of five hundred people with a connection, and its client."""

import pytest
from django.db import connection

from identity.actions import directory, provisioning
from identity.models import Directory, SCIMUser
from kernel.clock import now
from kernel.latest import flush_all
from orgs.models import Entity, Membership, User
from tests.conformance.scim.client import Client, bearer
from tests.factories import OPERATOR, OrganizationFactory

PEOPLE = 500


@pytest.fixture
def crowd(db, request):
    """Return an organization with many members, made in bulk."""
    if connection.vendor == "postgresql":
        # It plans the one statement of all invariants by the sizes of before.
        request.node.add_marker(pytest.mark.spoils("too many rows to ask in a transaction"))
    organization = OrganizationFactory(name="Crowd", slug="crowd")
    users = [
        User(username=f"crowd-{n}", email=f"crowd-{n}@example.org", display_name=f"Person {n}")
        for n in range(PEOPLE)
    ]
    User.objects.bulk_create(users)
    Entity.objects.bulk_create(
        Entity(name=user.username, name_key=user.username, user=user) for user in users
    )
    Membership.objects.bulk_create(
        Membership(
            organization=organization,
            user=user,
            status="deactivated",
            seat="none",
            ended_at=now(),
        )
        for user in users
    )
    directory.opened(organization)
    assert Directory.objects.of(organization).get().users == PEOPLE + 1
    assert SCIMUser.objects.of(organization).count() == PEOPLE + 1
    yield organization
    flush_all()


@pytest.fixture
def client(crowd, settings):
    """Return the client of the organization's connection."""
    settings.STEWARD_SCIM_RATE = 0
    acting = {"actor": OPERATOR, "organization": crowd}
    connection = provisioning.connect(**acting, name="Okta", provider="okta")
    return Client(bearer(provisioning.issue_token(**acting, connection=connection).secret))
