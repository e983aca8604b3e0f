"""What the people's room adds to the console; listed in `config/wiring.py`."""

from kernel.console.registry import NavGroup, PersonLink, Section
from orgs.permissions import Permission

GROUPS = (
    NavGroup("top"),
    NavGroup("people", "People"),
    NavGroup("access", "Access"),
    NavGroup("oversight", "Oversight"),
    NavGroup("settings"),
)

SECTIONS = (
    Section(
        key="overview",
        title="Overview",
        icon="layout-dashboard",
        url_name="console:overview",
        group="top",
        permission=Permission.ORGANIZATION_READ,
        go="o",
    ),
    Section(
        key="members",
        title="Members",
        icon="users-round",
        url_name="console:members",
        group="people",
        permission=Permission.MEMBER_READ,
        count=lambda organization: organization.member_count,
        go="m",
    ),
    Section(
        key="teams",
        title="Teams",
        icon="layers",
        url_name="console:teams",
        group="people",
        permission=Permission.TEAM_READ,
        count=lambda organization: organization.team_count,
        go="t",
    ),
    Section(
        key="projects",
        title="Projects",
        icon="folder-kanban",
        url_name="console:projects",
        group="people",
        permission=Permission.TEAM_READ,
        go="p",
    ),
    Section(
        key="roles",
        title="Roles",
        icon="shield-check",
        url_name="console:roles",
        group="access",
        permission=Permission.ROLE_READ,
        go="r",
    ),
    Section(
        key="grants",
        title="Temporary access",
        icon="timer",
        url_name="console:grants",
        group="access",
        permission=Permission.GRANT_READ,
    ),
    Section(
        key="audit",
        title="Audit log",
        icon="scroll-text",
        url_name="console:audit",
        group="oversight",
        permission=Permission.AUDIT_READ,
        go="a",
    ),
    Section(
        key="settings",
        title="Settings",
        icon="settings-2",
        url_name="console:settings",
        group="settings",
        permission=Permission.ORGANIZATION_READ,
        go="s",
    ),
)

PERSON_LINKS = (PersonLink("Your organizations", "building-2", "console:organizations"),)
