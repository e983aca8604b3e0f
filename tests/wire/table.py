"""The permission table: one line per method and route of the API.

Each line repeats by hand what the code declares (`permission`), so that a change of
either shows; a route that is missing here fails `test_every_route_has_its_line`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from orgs.permissions import P
from tests.wire.stage import Person, Stage

Given = Callable[[Stage, Person], dict[str, str]]


@dataclass(frozen=True)
class Line:
    """What a request needs, and what it answers to somebody who has it.

    `on` is where the permission counts: the organization, the team of the stage, or the
    caller alone (`oneself`). `partial` lines let everybody inside through to what is
    theirs; `everybody` marks those of them that then answer with success. `seen_by` is
    the permission without which the thing itself looks absent. `given` prepares the
    stage for an actor and returns further parts of the URL.
    """

    method: str
    route: str
    permission: P | None
    success: int
    body: dict[str, Any] | None = None
    on: str = "organization"
    query: str = ""
    partial: bool = False
    everybody: bool = False
    seen_by: P | None = None
    given: Given | None = None
    declared: P | None = None

    @property
    def declares(self) -> P | None:
        """Return what the view declares: the same, but for keys, whose owner needs nothing."""
        return self.declared or self.permission

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def _idle(stage: Stage, actor: Person) -> dict[str, str]:
    member = stage.people["idle"].member
    assert member is not None
    return {"member": member.wire_id}


def _own_request(stage: Stage, actor: Person) -> dict[str, str]:
    from orgs.actions import access_requests

    made = access_requests.ask(
        actor=actor.principal,
        organization=stage.organization,
        kind="seat",
        seat="viewer",
        reason="mine",
    )
    return {"wish": made.wire_id}


def _in_team(stage: Stage, actor: Person) -> dict[str, str]:
    from orgs.actions import teams
    from orgs.models import TeamMembership

    assert actor.member is not None
    if not TeamMembership.objects.of(stage.organization).filter(
        team=stage.team, membership=actor.member
    ):
        teams.add_member(
            actor=stage.owner.principal,
            organization=stage.organization,
            team=stage.team,
            member=actor.member,
        )
    return {}


def _being_deleted(stage: Stage, actor: Person) -> dict[str, str]:
    from orgs.actions import organizations

    organizations.request_deletion(
        actor=stage.owner.principal,
        organization=stage.organization,
        confirmation=stage.organization.slug,
    )
    return {}


def _restricted(stage: Stage, actor: Person) -> dict[str, str]:
    return {"project": stage.rows["secret"].wire_id}


def _own_key(stage: Stage, actor: Person) -> dict[str, str]:
    from identity.actions import api_keys

    made = api_keys.create(
        actor=actor.principal, organization=stage.organization, owner=actor.user, name="own"
    )
    return {"key": made.key.wire_id}


def _rotated(stage: Stage, actor: Person) -> dict[str, str]:
    from identity.actions import api_keys
    from identity.models import APIKey

    key = APIKey.objects.of(stage.organization).pick(stage.ids["key"])
    api_keys.rotate(
        actor=stage.owner.principal,
        organization=stage.organization,
        key=key,
        overlap_seconds=3600,
    )
    return {}


INSIDE = P.ORGANIZATION_READ
SOON = "2026-12-24T12:00:00Z"

TABLE = (
    # --- organizations
    Line("GET", "organizations", None, 200, on="oneself"),
    Line("POST", "organizations", None, 201, {"name": "Third"}, on="oneself"),
    Line("GET", "organization", P.ORGANIZATION_READ, 200),
    Line("PATCH", "organization", P.ORGANIZATION_UPDATE, 200, {"name": "Acme & Co"}),
    Line("DELETE", "organization", P.ORGANIZATION_DELETE, 204, query="confirmation=acme"),
    Line("POST", "organization-restore", P.ORGANIZATION_DELETE, 200, given=_being_deleted),
    # --- members
    Line("GET", "members", P.MEMBER_READ, 200),
    Line("POST", "members", P.MEMBER_INVITE, 201, {"user": "acme-gone"}),
    Line("GET", "member", P.MEMBER_READ, 200),
    Line("PATCH", "member", P.MEMBER_UPDATE, 200, {"role": "viewer", "seat": "viewer"}),
    Line("DELETE", "member", P.MEMBER_REMOVE, 204, partial=True),
    Line("POST", "member-deactivate", P.MEMBER_UPDATE, 200),
    Line("POST", "member-reactivate", P.MEMBER_UPDATE, 200, given=_idle),
    # --- teams
    Line("GET", "teams", P.TEAM_READ, 200, partial=True, everybody=True),
    Line("POST", "teams", P.TEAM_CREATE, 201, {"name": "acme-new"}),
    Line("GET", "team", P.TEAM_READ, 200, on="team"),
    Line("PATCH", "team", P.TEAM_UPDATE, 200, {"description": "Ours"}, on="team"),
    Line("DELETE", "team", P.TEAM_DELETE, 204, on="team", query="confirmation=acme-core"),
    Line("GET", "team-members", P.TEAM_MEMBER_READ, 200, on="team"),
    Line("POST", "team-members", P.TEAM_MEMBER_MANAGE, 201, {"member": "{outsider}"}, on="team"),
    Line("GET", "team-member", P.TEAM_MEMBER_READ, 200, on="team"),
    Line("PATCH", "team-member", P.TEAM_MEMBER_MANAGE, 200, {"role": "viewer"}, on="team"),
    Line("DELETE", "team-member", P.TEAM_MEMBER_MANAGE, 204, on="team"),
    Line("POST", "team-leave", P.ORGANIZATION_READ, 204, given=_in_team),
    Line("GET", "team-features", P.TEAM_READ, 200, on="team"),
    Line("GET", "team-feature", P.TEAM_READ, 200, on="team"),
    Line("PUT", "team-feature", P.FEATURE_MANAGE, 200, {"is_on": True}, on="team"),
    # --- roles
    Line("GET", "roles", P.ROLE_READ, 200),
    Line(
        "POST",
        "roles",
        P.ROLE_MANAGE,
        201,
        {"name": "Reader", "scope": "team", "inherits": "viewer"},
    ),
    Line("GET", "role", P.ROLE_READ, 200),
    Line("PATCH", "role", P.ROLE_MANAGE, 200, {"description": "Looks only"}),
    Line("DELETE", "role", P.ROLE_MANAGE, 204),
    Line("GET", "permissions", P.ROLE_READ, 200),
    # --- grants
    Line("GET", "grants", P.GRANT_READ, 200, partial=True, everybody=True),
    Line(
        "POST",
        "grants",
        P.GRANT_MANAGE,
        201,
        {
            "holder": "{outsider}",
            "role": "viewer",
            "team": "{team}",
            "until": SOON,
            "reason": "cover",
        },
        on="team",
        partial=True,
    ),
    Line("GET", "grant", P.GRANT_READ, 200, on="team", partial=True, seen_by=P.GRANT_READ),
    Line("DELETE", "grant", P.GRANT_MANAGE, 204, on="team", partial=True, seen_by=P.GRANT_READ),
    # --- access requests
    Line("GET", "access-requests", P.REQUEST_DECIDE, 200, partial=True, everybody=True),
    Line(
        "POST",
        "access-requests",
        P.ORGANIZATION_READ,
        201,
        {"kind": "seat", "seat": "viewer", "reason": "I look at charts only"},
    ),
    Line(
        "GET",
        "access-request",
        P.REQUEST_DECIDE,
        200,
        on="team",
        partial=True,
        seen_by=P.REQUEST_DECIDE,
    ),
    Line(
        "POST",
        "access-request-approve",
        P.REQUEST_DECIDE,
        200,
        {},
        on="team",
        partial=True,
        seen_by=P.REQUEST_DECIDE,
    ),
    Line(
        "POST",
        "access-request-decline",
        P.REQUEST_DECIDE,
        200,
        {"answer": "Not yet"},
        on="team",
        partial=True,
        seen_by=P.REQUEST_DECIDE,
    ),
    Line(
        "POST",
        "access-request-withdraw",
        P.ORGANIZATION_READ,
        200,
        partial=True,
        given=_own_request,
    ),
    # --- seats
    Line("GET", "seats", P.SEAT_READ, 200),
    # --- invitations
    Line("GET", "invitations", P.INVITATION_READ, 200, partial=True, everybody=True),
    Line(
        "POST",
        "invitations",
        P.MEMBER_INVITE,
        200,
        {"addresses": ["one@acme.test", "not an address"]},
        partial=True,
    ),
    Line(
        "POST",
        "invitations-preview",
        P.MEMBER_INVITE,
        200,
        {"addresses": ["one@acme.test"]},
        partial=True,
    ),
    Line("GET", "invitation", P.INVITATION_READ, 200, partial=True, seen_by=P.INVITATION_READ),
    Line("DELETE", "invitation", P.MEMBER_INVITE, 204, partial=True, seen_by=P.INVITATION_READ),
    Line(
        "POST", "invitation-resend", P.MEMBER_INVITE, 200, partial=True, seen_by=P.INVITATION_READ
    ),
    Line("GET", "invitation-link", P.MEMBER_INVITE, 200),
    # --- service accounts
    Line(
        "GET", "service-accounts", P.SERVICE_ACCOUNT_READ, 200, partial=True, everybody=True
    ),
    Line(
        "POST",
        "service-accounts",
        P.SERVICE_ACCOUNT_MANAGE,
        201,
        {"name": "second-bot", "team": "{team}", "role": "viewer"},
        on="team",
        partial=True,
    ),
    Line("GET", "service-account", P.SERVICE_ACCOUNT_READ, 200, on="team"),
    Line(
        "PATCH",
        "service-account",
        P.SERVICE_ACCOUNT_MANAGE,
        200,
        {"description": "Nightly"},
        on="team",
    ),
    Line("DELETE", "service-account", P.SERVICE_ACCOUNT_MANAGE, 204, on="team"),
    Line("POST", "service-account-disable", P.SERVICE_ACCOUNT_MANAGE, 200, on="team"),
    Line("POST", "service-account-enable", P.SERVICE_ACCOUNT_MANAGE, 200, on="team"),
    # --- projects
    Line("GET", "projects", P.PROJECT_READ, 200, partial=True, everybody=True),
    Line(
        "POST",
        "projects",
        P.PROJECT_CREATE,
        201,
        {"name": "Charts", "team": "{team}"},
        on="team",
        partial=True,
    ),
    Line("GET", "project", P.PROJECT_READ, 200, on="team", seen_by=P.PROJECT_READ),
    Line(
        "PATCH",
        "project",
        P.PROJECT_UPDATE,
        200,
        {"description": "Depth"},
        on="team",
        seen_by=P.PROJECT_READ,
    ),
    Line(
        "DELETE",
        "project",
        P.PROJECT_DELETE,
        204,
        on="team",
        seen_by=P.PROJECT_READ,
        query="confirmation=acme-project",
    ),
    Line(
        "GET",
        "project-collaborators",
        P.PROJECT_UPDATE,
        200,
        on="team",
        seen_by=P.PROJECT_UPDATE,
        given=_restricted,
    ),
    Line(
        "GET",
        "project-collaborator",
        P.PROJECT_UPDATE,
        200,
        on="team",
        seen_by=P.PROJECT_UPDATE,
        given=_restricted,
    ),
    Line(
        "PUT",
        "project-collaborator",
        P.PROJECT_UPDATE,
        200,
        {"role": "member"},
        on="team",
        seen_by=P.PROJECT_UPDATE,
        given=_restricted,
    ),
    Line(
        "DELETE",
        "project-collaborator",
        P.PROJECT_UPDATE,
        204,
        on="team",
        seen_by=P.PROJECT_UPDATE,
        given=_restricted,
    ),
    # --- audit trail and features
    Line("GET", "audit-events", P.AUDIT_READ, 200),
    Line("GET", "audit-event", P.AUDIT_READ, 200),
    Line("GET", "audit-checkpoints", P.AUDIT_READ, 200),
    Line("GET", "features", P.ORGANIZATION_READ, 200),
    Line("GET", "feature", P.ORGANIZATION_READ, 200),
    Line("PUT", "feature", P.FEATURE_MANAGE, 200, {"is_on": True}),
    # --- keys
    Line("GET", "me", None, 200, on="oneself"),
    Line("PATCH", "me", None, 200, {"display_name": "Somebody"}, on="oneself"),
    Line(
        "GET",
        "api-keys",
        P.API_KEY_READ,
        200,
        partial=True,
        everybody=True,
        declared=P.ORGANIZATION_READ,
    ),
    Line("POST", "api-keys", P.ORGANIZATION_READ, 201, {"name": "mine"}),
    Line("GET", "api-key", P.API_KEY_READ, 200, seen_by=P.API_KEY_READ, declared=INSIDE),
    Line(
        "PATCH",
        "api-key",
        P.API_KEY_MANAGE,
        200,
        {"name": "desk"},
        seen_by=P.API_KEY_READ,
        declared=INSIDE,
    ),
    Line("DELETE", "api-key", P.API_KEY_MANAGE, 204, seen_by=P.API_KEY_READ, declared=INSIDE),
    Line(
        "POST",
        "api-key-rotate",
        P.ORGANIZATION_READ,
        201,
        {"overlap_seconds": 60},
        given=_own_key,
    ),
    Line(
        "PUT",
        "api-key-overlap",
        P.API_KEY_MANAGE,
        200,
        {"overlap_seconds": 60},
        seen_by=P.API_KEY_READ,
        declared=INSIDE,
        given=_rotated,
    ),
    Line("GET", "service-account-keys", P.SERVICE_ACCOUNT_READ, 200, on="team"),
    Line(
        "POST",
        "service-account-keys",
        P.SERVICE_ACCOUNT_MANAGE,
        201,
        {"name": "second"},
        on="team",
    ),
    Line("GET", "provisioning-connections", P.SERVICE_ACCOUNT_READ, 200),
    Line(
        "POST",
        "provisioning-connections",
        P.SERVICE_ACCOUNT_MANAGE,
        201,
        {"name": "Entra", "provider": "entra"},
    ),
    Line("GET", "provisioning-connection", P.SERVICE_ACCOUNT_READ, 200),
    Line("DELETE", "provisioning-connection", P.SERVICE_ACCOUNT_MANAGE, 204),
    Line("GET", "provisioning-tokens", P.SERVICE_ACCOUNT_READ, 200),
    Line("POST", "provisioning-tokens", P.SERVICE_ACCOUNT_MANAGE, 201, {"name": "token"}),
    Line("GET", "provisioning-log", P.MEMBER_UPDATE, 200),
    Line("GET", "provisioning-entry", P.MEMBER_UPDATE, 200),
    Line("GET", "provisioned-groups", P.TEAM_MEMBER_MANAGE, 200),
    Line("GET", "provisioned-group", P.TEAM_MEMBER_MANAGE, 200),
    Line("PUT", "provisioned-group", P.TEAM_MEMBER_MANAGE, 200, {"role": "viewer"}),
)
