"""A service that listens, a provisioning connection of it, and clients that others wrote."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient

from identity.actions import provisioning
from orgs.actions import entitlements
from tests.factories import OPERATOR
from tests.worlds import World, acme


@dataclass(frozen=True, slots=True)
class Door:
    """Where the SCIM service listens, and the token of a connection of Acme's."""

    url: str
    token: str = field(repr=False)
    world: World

    @property
    def headers(self) -> dict[str, str]:
        """Return what a client sends with each request."""
        return {"Authorization": f"Bearer {self.token}"}


@pytest.fixture
def door(live_server: Any, settings: Any) -> Door:
    """Connect a provider to Acme, which has seats for everybody, and start listening."""
    settings.STEWARD_BASE_URL = live_server.url
    world = acme()
    actor, organization = world.owner.principal, world.organization
    entitlements.apply(
        actor=OPERATOR, organization=organization, source="manual", seats={"full": None}
    )
    connection = provisioning.connect(
        actor=actor, organization=organization, name="Tester", provider="other"
    )
    issued = provisioning.issue_token(
        actor=actor, organization=organization, connection=connection, name="token"
    )
    return Door(f"{live_server.url}/scim/v2", issued.secret, world)


@pytest.fixture
def wire(door: Door) -> Iterator[Client]:
    """Return an HTTP client that is let in."""
    with Client(base_url=door.url, headers=door.headers, timeout=30) as client:
        yield client


@pytest.fixture
def scim(wire: Client) -> SyncSCIMClient:
    """Return a client that holds each answer against what the service publishes of itself."""
    client = SyncSCIMClient(wire)
    client.discover()
    return client
