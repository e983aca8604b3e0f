"""Addresses of the people's API, under /api/v1/."""

from django.urls import URLPattern, path

from kernel.api.endpoint import Endpoint
from orgs.api import (
    access_requests,
    audit_checkpoints,
    audit_events,
    features,
    grants,
    invitations,
    members,
    organizations,
    projects,
    roles,
    seats,
    service_accounts,
    team_members,
    teams,
)

app_name = "api"


def _inside(route: str, view: type[Endpoint], name: str) -> URLPattern:
    return path(f"organizations/<str:organization>/{route}", view.as_view(), name=name)


_TEAM = "teams/<str:team>"
_MEMBER = "members/<str:member>"
_REQUEST = "access-requests/<str:wish>"
_INVITATION = "invitations/<str:invitation>"
_ACCOUNT = "service-accounts/<str:account>"
_PROJECT = "projects/<str:project>"

urlpatterns = [
    path("organizations", organizations.OrganizationsView.as_view(), name="organizations"),
    path(
        "organizations/<str:organization>",
        organizations.OrganizationItemView.as_view(),
        name="organization",
    ),
    _inside("restore", organizations.RestoreOrganizationView, "organization-restore"),
    _inside("members", members.MembersView, "members"),
    _inside(_MEMBER, members.MemberItemView, "member"),
    _inside(f"{_MEMBER}/deactivate", members.DeactivateMemberView, "member-deactivate"),
    _inside(f"{_MEMBER}/reactivate", members.ReactivateMemberView, "member-reactivate"),
    _inside("teams", teams.TeamsView, "teams"),
    _inside(_TEAM, teams.TeamItemView, "team"),
    _inside(f"{_TEAM}/members", team_members.TeamMembersView, "team-members"),
    _inside(f"{_TEAM}/members/<str:member>", team_members.TeamMemberView, "team-member"),
    _inside(f"{_TEAM}/leave", team_members.LeaveTeamView, "team-leave"),
    _inside(f"{_TEAM}/features", features.TeamFeaturesView, "team-features"),
    _inside(f"{_TEAM}/features/<str:feature>", features.TeamFeatureView, "team-feature"),
    _inside("roles", roles.RolesView, "roles"),
    _inside("roles/<str:role>", roles.RoleView, "role"),
    _inside("permissions", roles.PermissionsView, "permissions"),
    _inside("grants", grants.GrantsView, "grants"),
    _inside("grants/<str:grant>", grants.GrantView, "grant"),
    _inside("access-requests", access_requests.AccessRequestsView, "access-requests"),
    _inside(_REQUEST, access_requests.AccessRequestItemView, "access-request"),
    _inside(f"{_REQUEST}/approve", access_requests.ApproveView, "access-request-approve"),
    _inside(f"{_REQUEST}/decline", access_requests.DeclineView, "access-request-decline"),
    _inside(f"{_REQUEST}/withdraw", access_requests.WithdrawView, "access-request-withdraw"),
    _inside("seats", seats.SeatsView, "seats"),
    _inside("invitations", invitations.InvitationsView, "invitations"),
    _inside("invitations/preview", invitations.PreviewView, "invitations-preview"),
    _inside(_INVITATION, invitations.InvitationItemView, "invitation"),
    _inside(f"{_INVITATION}/resend", invitations.ResendView, "invitation-resend"),
    _inside(f"{_INVITATION}/link", invitations.InvitationLinkView, "invitation-link"),
    _inside("service-accounts", service_accounts.ServiceAccountsView, "service-accounts"),
    _inside(_ACCOUNT, service_accounts.ServiceAccountItemView, "service-account"),
    _inside(f"{_ACCOUNT}/disable", service_accounts.DisableView, "service-account-disable"),
    _inside(f"{_ACCOUNT}/enable", service_accounts.EnableView, "service-account-enable"),
    _inside("projects", projects.ProjectsView, "projects"),
    _inside(_PROJECT, projects.ProjectItemView, "project"),
    _inside(f"{_PROJECT}/collaborators", projects.CollaboratorsView, "project-collaborators"),
    _inside(
        f"{_PROJECT}/collaborators/<str:collaborator>",
        projects.CollaboratorView,
        "project-collaborator",
    ),
    _inside("audit-events", audit_events.AuditEventsView, "audit-events"),
    _inside("audit-events/<str:event>", audit_events.AuditEventView, "audit-event"),
    _inside("audit-checkpoints", audit_checkpoints.AuditCheckpointsView, "audit-checkpoints"),
    _inside("features", features.FeaturesView, "features"),
    _inside("features/<str:feature>", features.FeatureView, "feature"),
]
