"""An organization with one of everything, somebody of every role, and a rival beside it.

Made by the actions, so that it is as true as real use; every person has a real key.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from identity.actions import api_keys, provisioning
from identity.models import ProvisioningEntry, SCIMGroup
from kernel.clock import now
from kernel.principal import Credential, CredentialKind, Principal, PrincipalKind
from orgs.actions import (
    access_requests,
    features,
    grants,
    invitations,
    members,
    organizations,
    projects,
    roles,
    service_accounts,
    teams,
    users,
)
from orgs.models import Membership, Organization, Team, User
from orgs.permissions import ORGANIZATION_ROLES, TEAM_ROLES

SYSTEM = Principal.system("tests")
ORGANIZATION_SEATS = {"billing_admin": "none", "viewer": "viewer"}


@dataclass
class Person:
    """Somebody with a key that works in every organization of theirs."""

    user: User
    key: str
    member: Membership | None = None

    @property
    def principal(self) -> Principal:
        return acting(self.user)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@dataclass
class Stage:
    """What tests of the wire stand on. `ids` are the defaults of URLs' parts."""

    organization: Organization
    team: Team
    people: dict[str, Person] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    rows: dict[str, Any] = field(default_factory=dict)

    @property
    def owner(self) -> Person:
        return self.people["organization:owner"]


def acting(user: User) -> Principal:
    """Return a person as they act from a command line."""
    return Principal(
        kind=PrincipalKind.USER,
        id=user.pk,
        label=user.username,
        credential=Credential(CredentialKind.COMMAND_LINE, "tests"),
    )


def person(name: str) -> Person:
    """Return a new person with a key of their own."""
    user = users.create(
        actor=SYSTEM, username=name, email=f"{name}@example.test", display_name=name.title()
    )
    issued = api_keys.create(actor=acting(user), organization=None, owner=user, name="test key")
    return Person(user, issued.secret)


def build(slug: str) -> Stage:
    """Build an organization with one of everything."""
    owner = person(f"{slug}-owner")
    organization = organizations.create(
        actor=owner.principal, name=slug.title(), slug=slug, owner=owner.user
    )
    owner.member = Membership.objects.of(organization).get(user=owner.user)
    team = teams.create(actor=owner.principal, organization=organization, name=f"{slug}-core")
    stage = Stage(organization, team)
    stage.people["organization:owner"] = owner
    for role in ORGANIZATION_ROLES:
        if role != "owner":
            stage.people[f"organization:{role}"] = _member(stage, f"{slug}-{role}", role)
    for role in TEAM_ROLES:
        placed = _member(stage, f"{slug}-team-{role}", "member")
        stage.people[f"team:{role}"] = placed
        assert placed.member is not None
        teams.add_member(
            actor=owner.principal,
            organization=organization,
            team=team,
            member=placed.member,
            role=role,
        )
    _things(stage, slug)
    return stage


def _member(stage: Stage, name: str, role: str) -> Person:
    somebody = person(name.replace("_", "-"))
    somebody.member = members.provision(
        actor=stage.owner.principal,
        organization=stage.organization,
        user=somebody.user,
        role=role,
        seat=ORGANIZATION_SEATS.get(role, "full"),
    )
    return somebody


def _things(stage: Stage, slug: str) -> None:
    """Make one of each noun: what the URLs of the tests name by default."""
    here: dict[str, Any] = {"actor": stage.owner.principal, "organization": stage.organization}
    target = _member(stage, f"{slug}-target", "member")
    idle = _member(stage, f"{slug}-idle", "member")
    outsider = _member(stage, f"{slug}-outsider", "member")
    assert target.member is not None
    assert idle.member is not None
    assert outsider.member is not None
    teams.add_member(team=stage.team, member=target.member, **here)
    members.deactivate(member=idle.member, **here)
    gone = _member(stage, f"{slug}-gone", "member")
    assert gone.member is not None
    members.remove(member=gone.member, **here)
    role = roles.create(
        name=f"{slug} auditor",
        scope="organization",
        inherits="member",
        added=["audit.read"],
        **here,
    )
    grant = grants.give(
        holder=target.member,
        role="viewer",
        team=stage.team,
        until=now() + dt.timedelta(days=3),
        reason="holiday cover",
        **here,
    )
    wish = access_requests.ask(
        actor=outsider.principal,
        organization=stage.organization,
        kind="team",
        team=stage.team,
        reason="I work with them",
    )
    invited = invitations.create_many(
        addresses=[f"guest@{slug}.test"], teams=[(stage.team, "viewer")], **here
    )
    account = service_accounts.create(name=f"{slug}-bot", team=stage.team, **here)
    account_key = api_keys.create(owner=account, name="pipeline", **here)
    project = projects.create(team=stage.team, name=f"{slug}-project", **here)
    secret = projects.create(
        team=stage.team, name=f"{slug}-secret", visibility="restricted", **here
    )
    projects.add_collaborator(project=secret, holder=target.member, role="viewer", **here)
    feature = features.define(actor=SYSTEM, name="fast-charts", title="Fast charts")
    own_key = api_keys.create(owner=stage.owner.user, name="laptop", **here)
    connection = provisioning.connect(name=f"{slug} Okta", provider="okta", **here)
    group = SCIMGroup.objects.of(stage.organization).get(team=stage.team)
    entry = ProvisioningEntry.objects.create(
        organization=stage.organization,
        connection=connection,
        caller=f"scim-{slug}-Okta",
        method="GET",
        path="/scim/v2/Users",
        status=200,
    )
    invitation = invited[0].invitation
    assert invitation is not None
    stage.people["target"], stage.people["idle"], stage.people["outsider"] = target, idle, outsider
    stage.rows = {
        "invitation": invitation,
        "request": wish,
        "project": project,
        "secret": secret,
        "account": account,
        "role": role,
    }
    stage.ids = {
        "organization": stage.organization.slug,
        "team": stage.team.name,
        "member": target.member.wire_id,
        "outsider": outsider.member.wire_id,
        "role": role.wire_id,
        "grant": grant.wire_id,
        "wish": wish.wire_id,
        "invitation": invitation.wire_id,
        "account": account.wire_id,
        "project": project.wire_id,
        "collaborator": target.member.wire_id,
        "feature": feature.name,
        "key": own_key.key.wire_id,
        "account_key": account_key.key.wire_id,
        "connection": connection.wire_id,
        "group": group.wire_id,
        "entry": entry.wire_id,
    }
