"""Whole worlds in one line: `world = acme()`.

Made through the actions, so counters, seats, names and trail are as in real use.
"""

from dataclasses import dataclass

from kernel.principal import Principal
from orgs.actions import service_accounts, teams
from orgs.models import Membership, Organization, ServiceAccount, Team, User
from tests.factories import (
    OPERATOR,
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
    as_service_account,
    as_user,
)


@dataclass(frozen=True, slots=True)
class Person:
    """A member and how they act."""

    member: Membership

    @property
    def user(self) -> User:
        """Return the account."""
        return self.member.user

    @property
    def principal(self) -> Principal:
        """Return the person in a session."""
        return as_user(self.user)


@dataclass(frozen=True, slots=True)
class World:
    """Acme with one person of every organization role and every team role.

    The team's people are plain members of the organization. `machine` is the team's
    service account (team role member), `organization_machine` the organization's (member).
    The stranger owns another organization and a team there.
    """

    organization: Organization
    owner: Person
    admin: Person
    billing_admin: Person
    member: Person
    viewer: Person
    team: Team
    team_admin: Person
    team_member: Person
    team_viewer: Person
    machine: ServiceAccount
    organization_machine: ServiceAccount
    strange_organization: Organization
    stranger: Person
    strange_team: Team

    @property
    def machine_principal(self) -> Principal:
        """Return the team's service account by its key."""
        return as_service_account(self.machine)

    @property
    def organization_machine_principal(self) -> Principal:
        """Return the organization's service account by its key."""
        return as_service_account(self.organization_machine)


def acme(*, slug: str = "acme") -> World:
    """Build the world. Names begin with the slug, so that two worlds can stand side by side."""
    organization = OrganizationFactory(
        name=slug.title(), slug=slug, owner=_user(slug, "owner")
    )
    owner = Membership.objects.of(organization).with_user().get()
    held = {
        role: _member(organization, slug, role, "viewer" if role == "viewer" else "full")
        for role in ("admin", "billing_admin", "member", "viewer")
    }
    team = teams.create(actor=OPERATOR, organization=organization, name=f"{slug}-team")
    placed = {}
    for role in ("admin", "member", "viewer"):
        placed[role] = MembershipFactory(
            organization=organization, user=_user(slug, f"team-{role}")
        )
        teams.add_member(
            actor=OPERATOR, organization=organization, team=team, member=placed[role], role=role
        )
    machine = service_accounts.create(
        actor=OPERATOR, organization=organization, team=team, name="machine"
    )
    organization_machine = service_accounts.create(
        actor=OPERATOR, organization=organization, name="organization-machine"
    )
    strange = OrganizationFactory(
        name=f"Not {slug.title()}", slug=f"not-{slug}", owner=_user(slug, "stranger")
    )
    strange_team = teams.create(actor=OPERATOR, organization=strange, name=f"not-{slug}-team")
    team.refresh_from_db()
    return World(
        organization=organization,
        owner=Person(owner),
        admin=Person(held["admin"]),
        billing_admin=Person(held["billing_admin"]),
        member=Person(held["member"]),
        viewer=Person(held["viewer"]),
        team=team,
        team_admin=Person(placed["admin"]),
        team_member=Person(placed["member"]),
        team_viewer=Person(placed["viewer"]),
        machine=machine,
        organization_machine=organization_machine,
        strange_organization=strange,
        stranger=Person(Membership.objects.of(strange).with_user().get()),
        strange_team=strange_team,
    )


def _user(slug: str, name: str) -> User:
    username = f"{slug}-{name.replace('_', '-')}"
    return UserFactory(username=username, email=f"{username}@example.com")


def _member(organization: Organization, slug: str, role: str, seat: str) -> Membership:
    return MembershipFactory(
        organization=organization, user=_user(slug, role), role=role, seat=seat
    )
