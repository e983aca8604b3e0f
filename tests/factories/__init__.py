"""Valid things in one line, made by the same actions as in real use."""

from tests.factories.orgs import (
    InvitationFactory,
    MembershipFactory,
    OrganizationFactory,
    ProjectFactory,
    RoleFactory,
    ServiceAccountFactory,
    TeamFactory,
    UserFactory,
)
from tests.factories.principals import OPERATOR, as_service_account, as_user

__all__ = [
    "OPERATOR",
    "InvitationFactory",
    "MembershipFactory",
    "OrganizationFactory",
    "ProjectFactory",
    "RoleFactory",
    "ServiceAccountFactory",
    "TeamFactory",
    "UserFactory",
    "as_service_account",
    "as_user",
]
