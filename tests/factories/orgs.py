"""The people's nouns. Each factory calls the action that makes the thing."""

from typing import Any

import factory

from orgs.actions import (
    invitations,
    members,
    organizations,
    projects,
    roles,
    service_accounts,
    teams,
    users,
)
from orgs.models import (
    Invitation,
    Membership,
    Organization,
    Project,
    Role,
    ServiceAccount,
    Team,
    User,
)
from tests.factories.principals import OPERATOR


class UserFactory(factory.Factory):
    """A person with an account and no membership."""

    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"person-{n}")
    email = factory.LazyAttribute(lambda made: f"{made.username}@example.com")
    display_name = ""

    @classmethod
    def _create(cls, model_class: type[User], **fields: Any) -> User:
        return users.create(actor=OPERATOR, **fields)


class OrganizationFactory(factory.Factory):
    """An organization with its owner."""

    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Organization {n}")
    owner = factory.SubFactory(UserFactory)

    @classmethod
    def _create(cls, model_class: type[Organization], **fields: Any) -> Organization:
        return organizations.create(actor=OPERATOR, **fields)


class MembershipFactory(factory.Factory):
    """An active member holding a seat."""

    class Meta:
        model = Membership

    organization = factory.SubFactory(OrganizationFactory)
    user = factory.SubFactory(UserFactory)
    role = "member"
    seat = "full"

    @classmethod
    def _create(cls, model_class: type[Membership], **fields: Any) -> Membership:
        return members.provision(actor=OPERATOR, **fields)


class TeamFactory(factory.Factory):
    """A team without members."""

    class Meta:
        model = Team

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"team-{n}")

    @classmethod
    def _create(cls, model_class: type[Team], **fields: Any) -> Team:
        return teams.create(actor=OPERATOR, **fields)


class ProjectFactory(factory.Factory):
    """A project of a team; its organization is the team's."""

    class Meta:
        model = Project

    team = factory.SubFactory(TeamFactory)
    name = factory.Sequence(lambda n: f"project-{n}")
    visibility = "team"

    @classmethod
    def _create(cls, model_class: type[Project], *, team: Team, **fields: Any) -> Project:
        return projects.create(
            actor=OPERATOR, organization=team.organization, team=team, **fields
        )


class ServiceAccountFactory(factory.Factory):
    """A service account of an organization, or of a team where one is given."""

    class Meta:
        model = ServiceAccount

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"machine-{n}")

    @classmethod
    def _create(cls, model_class: type[ServiceAccount], **fields: Any) -> ServiceAccount:
        return service_accounts.create(actor=OPERATOR, **fields)


class RoleFactory(factory.Factory):
    """A custom role."""

    class Meta:
        model = Role

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"Role {n}")
    scope = "organization"
    inherits = "member"
    added = ()

    @classmethod
    def _create(cls, model_class: type[Role], **fields: Any) -> Role:
        return roles.create(actor=OPERATOR, **fields)


class InvitationFactory(factory.Factory):
    """A pending invitation of one address."""

    class Meta:
        model = Invitation

    organization = factory.SubFactory(OrganizationFactory)
    email = factory.Sequence(lambda n: f"invited-{n}@example.com")

    @classmethod
    def _create(cls, model_class: type[Invitation], *, email: str, **fields: Any) -> Invitation:
        [outcome] = invitations.create_many(actor=OPERATOR, addresses=[email], **fields)
        return outcome.invitation
