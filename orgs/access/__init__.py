"""The one access decision: may this principal do that to this thing, and why.

Standing roles, custom roles, temporary grants, a credential's scopes, project
visibility and restrictions of the organization meet here and nowhere else. `lists`
answers the same question for many rows at once. Tests: tests/orgs/access/,
docs/permissions.md (generated).
"""

from orgs.access.decision import (
    Decision,
    Resource,
    held_on,
    may,
    require,
    require_all,
    require_as_much_as,
    require_oneself,
)
from orgs.access.lists import (
    access_requests_for,
    enter,
    grants_for,
    invitations_for,
    project_for,
    projects_for,
    service_accounts_for,
    team_for,
    teams_for,
)
from orgs.access.standing import (
    Standing,
    extras_of_account,
    role_permissions,
    standing_as_read,
    standing_of,
)

__all__ = [
    "Decision",
    "Resource",
    "Standing",
    "access_requests_for",
    "enter",
    "extras_of_account",
    "grants_for",
    "held_on",
    "invitations_for",
    "may",
    "project_for",
    "projects_for",
    "require",
    "require_all",
    "require_as_much_as",
    "require_oneself",
    "role_permissions",
    "service_accounts_for",
    "standing_as_read",
    "standing_of",
    "team_for",
    "teams_for",
]
