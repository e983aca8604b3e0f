"""Fifty rows of each noun, written straight into the tables: how they came is not the question.

What they add up to is what the actions would have left: the invariants hold with them.
"""

import datetime as dt
from typing import Any

from django.db.models import F

from identity.actions import directory
from identity.models import APIKey, ProvisioningConnection, ProvisioningEntry, SCIMGroup
from kernel.clock import now
from orgs.models import (
    AccessRequest,
    Entity,
    FeatureFlag,
    Grant,
    Invitation,
    InvitationTeam,
    Membership,
    Organization,
    PlatformPermission,
    Project,
    ProjectCollaborator,
    Role,
    SeatPool,
    SeatType,
    ServiceAccount,
    Team,
    TeamMembership,
    User,
)
from tests.wire.stage import Stage

SIZE = 50


def fill(stage: Stage) -> None:
    """Put `SIZE` more of everything into the stage's organization."""
    here: dict[str, Any] = {"organization": stage.organization}
    owner = stage.owner.user
    numbers = range(SIZE)
    roles = Role.objects.bulk_create(
        Role(
            **here,
            name=f"role {n}",
            name_key=f"role {n}",
            scope="team" if n % 2 else "organization",
            inherits="member",
        )
        for n in numbers
    )
    users = User.objects.bulk_create(
        User(username=f"crowd-{n}", email=f"crowd-{n}@example.test") for n in numbers
    )
    Entity.objects.bulk_create(
        Entity(name=user.username, name_key=user.username, user=user) for user in users
    )
    members = Membership.objects.bulk_create(
        Membership(**here, user=user, custom_role=role if role.scope == "organization" else None)
        for user, role in zip(users, roles, strict=True)
    )
    TeamMembership.objects.bulk_create(
        TeamMembership(
            **here,
            team=stage.team,
            membership=member,
            custom_role=role if role.scope == "team" else None,
        )
        for member, role in zip(members, roles, strict=True)
    )
    teams = Team.objects.bulk_create(Team(**here, name=f"crowd-team-{n}") for n in numbers)
    Entity.objects.bulk_create(
        Entity(name=team.name, name_key=team.name, team=team) for team in teams
    )
    # A team's machine may work for its team only; the organization's for any.
    accounts = ServiceAccount.objects.bulk_create(
        ServiceAccount(**here, team=team if n % 2 else None, name=f"bot-{n}", name_key=f"bot-{n}")
        for n, team in enumerate(teams)
    )
    soon = now() + dt.timedelta(days=1)
    Grant.objects.bulk_create(
        Grant(
            **here,
            membership=member if n % 2 else None,
            service_account=None if n % 2 else account,
            team=team,
            role="viewer",
            reason="cover",
            until=soon,
        )
        for n, (member, account, team) in enumerate(zip(members, accounts, teams, strict=True))
    )
    AccessRequest.objects.bulk_create(
        AccessRequest(**here, membership=member, kind="team", wish=f"w{n}", team=team, reason="yes")
        for n, (member, team) in enumerate(zip(members, teams, strict=True))
    )
    invitations = Invitation.objects.bulk_create(
        Invitation(
            **here,
            email=f"guest-{n}@example.test",
            custom_role=role if role.scope == "organization" else None,
            token_digest=f"digest-{n}",
            expires_at=soon,
        )
        for n, role in enumerate(roles)
    )
    InvitationTeam.objects.bulk_create(
        InvitationTeam(**here, invitation=invitation, team=team)
        for invitation, team in zip(invitations, teams, strict=True)
    )
    _fill_directory(stage, users, teams)
    projects = Project.objects.bulk_create(
        Project(**here, team=team, name=f"project {n}", name_key=f"project {n}")
        for n, team in enumerate(teams)
    )
    assert projects
    ProjectCollaborator.objects.bulk_create(
        ProjectCollaborator(
            **here,
            project=stage.rows["secret"],
            membership=member if n % 2 else None,
            service_account=None if n % 2 else account,
        )
        for n, (member, account) in enumerate(zip(members, accounts, strict=True))
    )
    others = Organization.objects.bulk_create(
        Organization(name=f"Other {n}", slug=f"other-{n}") for n in numbers
    )
    people = stage.people.values()
    Membership.objects.bulk_create(
        Membership(organization=other, user=person.user, role="owner")
        for other in others
        for person in people
    )
    SeatPool.objects.bulk_create(
        SeatPool(organization=other, seat=SeatType.FULL, used=len(people)) for other in others
    )
    made = Organization.objects.filter(pk__in=[other.pk for other in others])
    made.update(member_count=len(people), owner_count=len(people))
    Organization.objects.filter(pk=stage.organization.pk).update(
        member_count=F("member_count") + SIZE, team_count=F("team_count") + SIZE
    )
    Team.objects.of(stage.organization).filter(pk=stage.team.pk).update(
        member_count=F("member_count") + SIZE
    )
    SeatPool.objects.of(stage.organization).filter(seat=SeatType.FULL).update(
        used=F("used") + SIZE, limit=F("limit") + SIZE, ceiling=F("ceiling") + SIZE
    )
    for n in numbers:
        FeatureFlag.objects.create(name=f"feature-{n}", title=f"Feature {n}")
        PlatformPermission.objects.create(name=f"run.verb{n}", description="Of the platform")
    APIKey.objects.bulk_create(
        APIKey(
            **here,
            user=owner if n % 2 else None,
            service_account=None if n % 2 else stage.rows["account"],
            name=f"key {n}",
            key_id=f"crowdkey{n:02}",
            digest=f"crowd-digest-{n}",
            created_by="crowd",
        )
        for n in numbers
    )


def _fill_directory(stage: Stage, users: list[User], teams: list[Team]) -> None:
    """Show the crowd over SCIM, to as many identity providers, with a line of the log each."""
    here: dict[str, Any] = {"organization": stage.organization}
    for user in users:
        directory.enter(stage.organization.pk, user.pk)
    for team in teams:
        directory.add_team(stage.organization.pk, team.pk)
    SCIMGroup.objects.of(stage.organization).filter(team__in=teams).update(is_managed=True)
    accounts = ServiceAccount.objects.bulk_create(
        ServiceAccount(**here, name=name, name_key=name, kind=ServiceAccount.Kind.SCIM)
        for name in (f"provider-{n}" for n in range(SIZE))
    )
    connections = ProvisioningConnection.objects.bulk_create(
        ProvisioningConnection(**here, service_account=account, name=account.name)
        for account in accounts
    )
    ProvisioningEntry.objects.bulk_create(
        ProvisioningEntry(
            **here, connection=one, caller=one.name, method="GET", path="/scim/v2/Users", status=200
        )
        for one in connections
    )
