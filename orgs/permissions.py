"""The permission catalogue, and what the built-in roles hold.

A permission is `noun.verb`. This page is the source of the matrix in
docs/permissions.md and of the picker for custom roles; neither is kept by hand.
"""

from collections.abc import Iterable
from enum import StrEnum


class Permission(StrEnum):
    """What may be done. Alphabetical; `DESCRIPTIONS` says each in one line."""

    API_KEY_MANAGE = "api_key.manage"
    API_KEY_READ = "api_key.read"
    AUDIT_READ = "audit.read"
    BILLING_MANAGE = "billing.manage"
    BILLING_READ = "billing.read"
    FEATURE_MANAGE = "feature.manage"
    GRANT_MANAGE = "grant.manage"
    GRANT_READ = "grant.read"
    INVITATION_READ = "invitation.read"
    MEMBER_INVITE = "member.invite"
    MEMBER_READ = "member.read"
    MEMBER_REMOVE = "member.remove"
    MEMBER_UPDATE = "member.update"
    ORGANIZATION_DELETE = "organization.delete"
    ORGANIZATION_READ = "organization.read"
    ORGANIZATION_UPDATE = "organization.update"
    OWNER_MANAGE = "owner.manage"
    PROJECT_CONTRIBUTE = "project.contribute"
    PROJECT_CREATE = "project.create"
    PROJECT_DELETE = "project.delete"
    PROJECT_READ = "project.read"
    PROJECT_UPDATE = "project.update"
    REQUEST_DECIDE = "request.decide"
    ROLE_MANAGE = "role.manage"
    ROLE_READ = "role.read"
    SEAT_READ = "seat.read"
    SERVICE_ACCOUNT_MANAGE = "service_account.manage"
    SERVICE_ACCOUNT_READ = "service_account.read"
    TEAM_CREATE = "team.create"
    TEAM_DELETE = "team.delete"
    TEAM_MEMBER_MANAGE = "team_member.manage"
    TEAM_MEMBER_READ = "team_member.read"
    TEAM_READ = "team.read"
    TEAM_UPDATE = "team.update"


P = Permission

DESCRIPTIONS: dict[str, str] = {
    P.API_KEY_MANAGE: "Change and revoke keys of other people",
    P.API_KEY_READ: "See the keys of other people and of service accounts (never the secret)",
    P.AUDIT_READ: "Read and export the audit log",
    P.BILLING_MANAGE: "Change the plan, seats, payment methods and billing details",
    P.BILLING_READ: "See the plan, invoices and usage",
    P.FEATURE_MANAGE: "Switch beta features",
    P.GRANT_MANAGE: "Give and end temporary access",
    P.GRANT_READ: "See who has temporary access",
    P.INVITATION_READ: "See invitations",
    P.MEMBER_INVITE: "Invite people, and revoke or resend invitations",
    P.MEMBER_READ: "See members",
    P.MEMBER_REMOVE: "Remove members",
    P.MEMBER_UPDATE: "Change members' roles and seats, deactivate and reactivate them",
    P.ORGANIZATION_DELETE: "Delete the organization and restore it within its grace",
    P.ORGANIZATION_READ: "See the organization and its settings",
    P.ORGANIZATION_UPDATE: "Change the organization's name, settings and policies",
    P.OWNER_MANAGE: "Make somebody an owner, or take that away",
    P.PROJECT_CONTRIBUTE: "Add to a project",
    P.PROJECT_CREATE: "Create projects",
    P.PROJECT_DELETE: "Delete projects",
    P.PROJECT_READ: "See a project",
    P.PROJECT_UPDATE: "Rename and move projects, change their visibility and people",
    P.REQUEST_DECIDE: "Approve and decline requests for access",
    P.ROLE_MANAGE: "Create, change and delete custom roles",
    P.ROLE_READ: "See roles and what they hold",
    P.SEAT_READ: "See how many seats are taken",
    P.SERVICE_ACCOUNT_MANAGE: "Create, change and delete service accounts and their keys",
    P.SERVICE_ACCOUNT_READ: "See service accounts",
    P.TEAM_CREATE: "Create teams",
    P.TEAM_DELETE: "Delete teams",
    P.TEAM_MEMBER_MANAGE: "Add and remove team members and change their team role",
    P.TEAM_MEMBER_READ: "See who is in a team",
    P.TEAM_READ: "See teams",
    P.TEAM_UPDATE: "Rename teams and change their settings",
}

RESERVED_TO_OWNERS = frozenset({P.ORGANIZATION_DELETE, P.OWNER_MANAGE})
"""Permissions that no custom role can hold."""

TEAM_LEVEL = frozenset(
    {
        P.API_KEY_MANAGE,
        P.API_KEY_READ,
        P.FEATURE_MANAGE,
        P.GRANT_MANAGE,
        P.GRANT_READ,
        P.PROJECT_CONTRIBUTE,
        P.PROJECT_CREATE,
        P.PROJECT_DELETE,
        P.PROJECT_READ,
        P.PROJECT_UPDATE,
        P.REQUEST_DECIDE,
        P.SERVICE_ACCOUNT_MANAGE,
        P.SERVICE_ACCOUNT_READ,
        P.TEAM_DELETE,
        P.TEAM_MEMBER_MANAGE,
        P.TEAM_MEMBER_READ,
        P.TEAM_READ,
        P.TEAM_UPDATE,
    }
)
"""Permissions that mean something on one team, so that a team role may hold them."""

READS = frozenset(name for name in P if name.endswith(".read"))

_VIEWER = frozenset(
    {
        P.MEMBER_READ,
        P.ORGANIZATION_READ,
        P.ROLE_READ,
        P.SEAT_READ,
        P.TEAM_READ,
    }
)
_EVERYTHING = frozenset(P)

ORGANIZATION_ROLES: dict[str, frozenset[str]] = {
    "owner": _EVERYTHING,
    "admin": _EVERYTHING - RESERVED_TO_OWNERS - {P.BILLING_MANAGE},
    "billing_admin": _VIEWER | {P.BILLING_READ, P.BILLING_MANAGE},
    "member": _VIEWER,
    "viewer": _VIEWER,
}

TEAM_ROLES: dict[str, frozenset[str]] = {
    "admin": TEAM_LEVEL,
    "member": frozenset(
        {
            P.PROJECT_CONTRIBUTE,
            P.PROJECT_CREATE,
            P.PROJECT_READ,
            P.SERVICE_ACCOUNT_READ,
            P.TEAM_MEMBER_READ,
            P.TEAM_READ,
        }
    ),
    "viewer": frozenset({P.PROJECT_READ, P.TEAM_MEMBER_READ, P.TEAM_READ}),
}


def covers(scopes: Iterable[str], permission: str) -> bool:
    """Return whether a credential's scopes let a permission through.

    A scope is a permission, all verbs of a noun (`member.*`), one verb of every noun
    (`*.read`), or `*`.
    """
    noun, _, verb = permission.rpartition(".")
    return not {permission, f"{noun}.*", f"*.{verb}", "*"}.isdisjoint(scopes)
