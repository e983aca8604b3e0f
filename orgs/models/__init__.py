"""The nouns of the people's room."""

from orgs.models.access_request import AccessRequest
from orgs.models.entitlement import Entitlement
from orgs.models.entity import Entity
from orgs.models.feature import FeatureChoice, FeatureFlag
from orgs.models.grant import Grant
from orgs.models.invitation import Invitation, InvitationTeam
from orgs.models.membership import Membership, OrganizationRole
from orgs.models.organization import Organization
from orgs.models.project import Project, ProjectCollaborator
from orgs.models.restriction import Restriction
from orgs.models.role import PlatformPermission, Role
from orgs.models.seat import SeatPool, SeatType
from orgs.models.service_account import ServiceAccount
from orgs.models.team import Team, TeamMembership, TeamRole
from orgs.models.user import User

__all__ = [
    "AccessRequest",
    "Entitlement",
    "Entity",
    "FeatureChoice",
    "FeatureFlag",
    "Grant",
    "Invitation",
    "InvitationTeam",
    "Membership",
    "Organization",
    "OrganizationRole",
    "PlatformPermission",
    "Project",
    "ProjectCollaborator",
    "Restriction",
    "Role",
    "SeatPool",
    "SeatType",
    "ServiceAccount",
    "Team",
    "TeamMembership",
    "TeamRole",
    "User",
]
