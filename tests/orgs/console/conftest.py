"""People in a browser, and a world with one of everything to look at."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.test import Client

from kernel.clock import now
from orgs.actions import access_requests, grants, invitations, members, projects, roles
from orgs.models import (
    AccessRequest,
    Grant,
    Invitation,
    Membership,
    Project,
    ProjectCollaborator,
    Role,
    TeamMembership,
    User,
)
from tests.factories import MembershipFactory
from tests.worlds import World

REQUEST_ID = {"X-Request-Id": "request-of-a-test"}
"""The same for every request, so that pages can be compared byte by byte."""


@pytest.fixture
def signed_in() -> Callable[[User], Client]:
    """Return a browser in which somebody is signed in."""

    def sign_in(user: User) -> Client:
        client = Client(headers=REQUEST_ID)
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def owner(world: World, signed_in: Callable[[User], Client]) -> Client:
    """Return the owner's browser."""
    return signed_in(world.owner.user)


@dataclass(frozen=True, slots=True)
class Things:
    """One of everything that has a page or an act of its own."""

    member: Membership
    deactivated: Membership
    invitation: Invitation
    request: AccessRequest
    place: TeamMembership
    role: Role
    grant: Grant
    project: Project
    collaborator: ProjectCollaborator


@pytest.fixture
def things(world: World) -> Things:
    """Make one of everything in Acme."""
    organization, actor = world.organization, world.owner.principal
    gone = MembershipFactory(organization=organization, seat="none")
    members.deactivate(actor=actor, organization=organization, member=gone)
    outcome = invitations.create_many(
        actor=actor, organization=organization, addresses=["guest@example.com"]
    )[0]
    project = projects.create(
        actor=actor,
        organization=organization,
        team=world.team,
        name="secret",
        visibility="restricted",
    )
    return Things(
        member=world.member.member,
        deactivated=gone,
        invitation=outcome.invitation,
        request=access_requests.ask(
            actor=world.member.principal,
            organization=organization,
            kind="seat",
            seat="viewer",
            reason="I only read",
        ),
        place=TeamMembership.objects.get(membership=world.team_member.member),
        role=roles.create(
            actor=actor,
            organization=organization,
            name="Auditor",
            scope="organization",
            inherits="member",
            added=["audit.read"],
        ),
        grant=grants.give(
            actor=actor,
            organization=organization,
            holder=world.member.member,
            role="admin",
            team=world.team,
            until=now() + dt.timedelta(hours=4),
            reason="Covering for a colleague",
        ),
        project=project,
        collaborator=ProjectCollaborator.objects.get(project=project),
    )
