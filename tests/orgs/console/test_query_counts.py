"""A page asks the database as often for fifty rows as for one."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel.clock import now
from orgs.actions import (
    access_requests,
    entitlements,
    grants,
    invitations,
    members,
    projects,
    roles,
    teams,
)
from tests.factories import (
    OPERATOR,
    MembershipFactory,
    OrganizationFactory,
    as_user,
)

pytestmark = pytest.mark.django_db

PAGES = {
    "": 19,
    "/members": 23,
    "/members/deactivated": 22,
    "/members/invitations": 20,
    "/members/requests": 17,
    "/members/seats": 18,
    "/members/invite": 21,
    "/teams": 12,
    "/teams/acme-team": 19,
    "/teams/acme-team/settings": 15,
    "/roles": 10,
    "/access": 10,
    "/projects": 13,
    "/audit": 11,
    "/settings": 7,
    "/settings/policies": 7,
}
"""Each page and how many queries it may ask at most, session and frame included."""


def _grow(world, n: int, *, start: int = 0) -> None:
    """Add `n` of everything that a list shows."""
    organization, actor = world.organization, world.owner.principal
    for number in range(start, start + n):
        held = MembershipFactory(organization=organization, seat="none")
        teams.add_member(actor=OPERATOR, organization=organization, team=world.team, member=held)
        gone = MembershipFactory(organization=organization, seat="none")
        members.deactivate(actor=OPERATOR, organization=organization, member=gone)
        teams.create(
            actor=actor, organization=organization, name=f"acme-{number}", display_name="T"
        )
        projects.create(
            actor=actor, organization=organization, team=world.team, name=f"project-{number}"
        )
        access_requests.ask(
            actor=as_user(held.user),
            organization=organization,
            kind="seat",
            seat="viewer",
            reason="Reading",
        )
        if number < 30:
            roles.create(
                actor=actor,
                organization=organization,
                name=f"Role {number}",
                scope="organization",
                inherits="member",
            )
        grants.give(
            actor=actor,
            organization=organization,
            holder=held,
            role="viewer",
            until=now() + dt.timedelta(hours=4),
            reason="Looking",
        )
    invitations.create_many(
        actor=actor,
        organization=organization,
        addresses=[f"guest{number}@example.com" for number in range(start, start + n)],
        teams=[(world.team, "member")],
    )


def _counted(browser, path: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        response = browser.get(path)
    assert response.status_code == 200, path
    return len(asked)


@pytest.mark.slow
def test_fifty_rows_cost_as_many_queries_as_one(world, owner):
    base = f"/o/{world.organization.slug}"
    entitlements.apply(
        actor=OPERATOR,
        organization=world.organization,
        source="license",
        seats={"full": None, "viewer": None},
    )
    _grow(world, 1)
    owner.get(f"{base}/members")
    few = {page: _counted(owner, base + page) for page in PAGES}
    _grow(world, 50, start=1)
    many = {page: _counted(owner, base + page) for page in PAGES}
    assert many == few
    over = {page: n for page, n in many.items() if n > PAGES[page]}
    assert not over


def test_the_list_of_organizations_costs_the_same_for_many(world, owner):
    owner.get("/organizations")
    few = _counted(owner, "/organizations")
    for _ in range(10):
        OrganizationFactory(owner=world.owner.user)
    assert _counted(owner, "/organizations") == few
