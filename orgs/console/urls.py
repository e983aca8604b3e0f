"""The addresses of the people's console."""

from django.urls import path

from orgs.console import (
    audit,
    grants,
    invitations,
    member_acts,
    members,
    organizations,
    overview,
    project_acts,
    projects,
    requests,
    roles,
    seats,
    settings,
    team_members,
    team_settings,
    teams,
)

app_name = "console"

_O = "o/<str:organization>"
_MEMBER = f"{_O}/members/<str:member>"
_INVITATION = f"{_O}/members/invitations/<str:invitation>"
_REQUEST = f"{_O}/members/requests/<str:access_request>"
_TEAM = f"{_O}/teams/<str:team>"
_PLACE = f"{_TEAM}/members/<str:place>"
_ROLE = f"{_O}/roles/<str:role>"
_GRANT = f"{_O}/access/<str:grant>"
_PROJECT = f"{_O}/projects/<str:project>"

urlpatterns = [
    path("", organizations.Home.as_view(), name="home"),
    path("organizations", organizations.OrganizationList.as_view(), name="organizations"),
    path("organizations/new", organizations.NewOrganization.as_view(), name="new_organization"),
    path("preferences/theme", organizations.Theme.as_view(), name="theme"),
    path(f"{_O}/", overview.Overview.as_view(), name="overview"),
    path(_O, overview.Overview.as_view()),
    # Members, and the lists beside them.
    path(f"{_O}/members", members.MemberList.as_view(), name="members"),
    path(f"{_O}/members/export.csv", members.Export.as_view(), name="members_export"),
    path(f"{_O}/members/deactivated", members.Deactivated.as_view(), name="deactivated"),
    path(f"{_O}/members/bulk", member_acts.Bulk.as_view(), name="members_bulk"),
    path(f"{_O}/members/seats", seats.Seats.as_view(), name="seats"),
    path(f"{_O}/members/invite", invitations.Invite.as_view(), name="invite"),
    path(f"{_O}/members/invite/preview", invitations.Preview.as_view(), name="invite_preview"),
    path(f"{_O}/members/invitations", invitations.InvitationList.as_view(), name="invitations"),
    path(f"{_INVITATION}/link", invitations.Link.as_view(), name="invitation_link"),
    path(f"{_INVITATION}/resend", invitations.Resend.as_view(), name="invitation_resend"),
    path(f"{_INVITATION}/revoke", invitations.Revoke.as_view(), name="invitation_revoke"),
    path(f"{_O}/members/requests", requests.RequestList.as_view(), name="requests"),
    path(f"{_O}/members/requests/new", requests.Ask.as_view(), name="new_request"),
    path(f"{_REQUEST}/approve", requests.Approve.as_view(), name="request_approve"),
    path(f"{_REQUEST}/decline", requests.Decline.as_view(), name="request_decline"),
    path(f"{_REQUEST}/withdraw", requests.Withdraw.as_view(), name="request_withdraw"),
    path(_MEMBER, members.MemberDetail.as_view(), name="member"),
    path(f"{_MEMBER}/role", member_acts.ChangeRole.as_view(), name="member_role"),
    path(f"{_MEMBER}/seat", member_acts.ChangeSeat.as_view(), name="member_seat"),
    path(f"{_MEMBER}/deactivate", member_acts.Deactivate.as_view(), name="member_deactivate"),
    path(f"{_MEMBER}/reactivate", member_acts.Reactivate.as_view(), name="member_reactivate"),
    path(f"{_MEMBER}/remove", member_acts.Remove.as_view(), name="member_remove"),
    # Teams.
    path(f"{_O}/teams", teams.TeamList.as_view(), name="teams"),
    path(f"{_O}/teams/new", teams.NewTeam.as_view(), name="new_team"),
    path(_TEAM, teams.TeamDetail.as_view(), name="team"),
    path(f"{_TEAM}/leave", team_members.Leave.as_view(), name="team_leave"),
    path(f"{_TEAM}/add", team_members.Add.as_view(), name="team_add"),
    path(f"{_PLACE}/role", team_members.ChangeRole.as_view(), name="team_member_role"),
    path(f"{_PLACE}/remove", team_members.Remove.as_view(), name="team_member_remove"),
    path(f"{_TEAM}/settings", team_settings.Settings.as_view(), name="team_settings"),
    path(f"{_TEAM}/rename", team_settings.Rename.as_view(), name="team_rename"),
    path(f"{_TEAM}/delete", team_settings.Delete.as_view(), name="team_delete"),
    # Roles and temporary access.
    path(f"{_O}/roles", roles.RoleList.as_view(), name="roles"),
    path(f"{_O}/roles/new", roles.NewRole.as_view(), name="new_role"),
    path(_ROLE, roles.EditRole.as_view(), name="role"),
    path(f"{_ROLE}/delete", roles.DeleteRole.as_view(), name="role_delete"),
    path(f"{_O}/access", grants.GrantList.as_view(), name="grants"),
    path(f"{_O}/access/new", grants.NewGrant.as_view(), name="new_grant"),
    path(f"{_GRANT}/end", grants.EndGrant.as_view(), name="grant_end"),
    # Projects.
    path(f"{_O}/projects", projects.ProjectList.as_view(), name="projects"),
    path(f"{_O}/projects/new", project_acts.NewProject.as_view(), name="new_project"),
    path(_PROJECT, projects.ProjectDetail.as_view(), name="project"),
    path(f"{_PROJECT}/edit", project_acts.EditProject.as_view(), name="project_edit"),
    path(f"{_PROJECT}/move", project_acts.MoveProject.as_view(), name="project_move"),
    path(f"{_PROJECT}/delete", project_acts.DeleteProject.as_view(), name="project_delete"),
    path(f"{_PROJECT}/people", project_acts.AddCollaborator.as_view(), name="project_add"),
    path(
        f"{_PROJECT}/people/<int:collaborator>/remove",
        project_acts.RemoveCollaborator.as_view(),
        name="project_remove",
    ),
    # Oversight and settings.
    path(f"{_O}/audit", audit.AuditLog.as_view(), name="audit"),
    path(f"{_O}/audit/export.csv", audit.Export.as_view(), name="audit_export"),
    path(f"{_O}/settings", settings.General.as_view(), name="settings"),
    path(f"{_O}/settings/policies", settings.Policies.as_view(), name="policies"),
    path(f"{_O}/settings/features", settings.Features.as_view(), name="features"),
    path(f"{_O}/settings/delete", settings.Delete.as_view(), name="delete_organization"),
    path(f"{_O}/settings/restore", settings.Restore.as_view(), name="restore"),
]
