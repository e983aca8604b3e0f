"""What ends with a membership or a place in a team, in the transaction that ends it.

Sessions, keys and tokens end as well, by the reaction that `config/wiring.py` lists.
"""

import uuid
from collections.abc import Collection, Sequence

from django.db.models import F

from kernel.clock import now
from kernel.events import Target, record
from kernel.principal import Principal
from orgs.models import (
    AccessRequest,
    Grant,
    Invitation,
    Membership,
    Organization,
    ProjectCollaborator,
    Team,
    TeamMembership,
)

_AT_ONCE = 1_000


def end_extras(*, actor: Principal, organization: Organization, member: Membership) -> None:
    """End what was given on top: temporary grants, open requests, and invitations made.

    A link that a removed person sent out would let them come back by another address.
    """
    Grant.objects.of(organization).filter(membership=member, ended_at=None).update(ended_at=now())
    AccessRequest.objects.of(organization).filter(
        membership=member, state=AccessRequest.State.PENDING
    ).update(state=AccessRequest.State.WITHDRAWN, decided_at=now())
    revoke_invitations_by(
        actor=actor, organization=organization, inviter_id=str(member.user_id)
    )


def revoke_invitations_by(
    *,
    actor: Principal,
    organization: Organization,
    inviter_id: str,
    because: str = "the inviter is no longer an active member",
) -> None:
    """Revoke the open invitations that somebody made, each with its event."""
    made = Invitation.objects.of(organization).open().filter(invited_by_id=inviter_id)
    for invitation in made.select_for_update(of=("self",)).order_by("pk"):
        invitation.revoked_at = now()
        invitation.save(update_fields=["revoked_at"])
        record(
            type="orgs.invitation.revoked",
            actor=actor,
            organization=organization,
            target=Target.of(invitation),
            changes={"because": because},
        )


def revoke_invitations_to(organization_id: uuid.UUID, addresses: Collection[str]) -> None:
    """Revoke the open invitations of a person's other addresses (`identity` knows them).

    They were sent while the person was inside; nobody who left or was removed comes back by
    one. The event of the end tells it.
    """
    rows = Invitation.objects.of(organization_id).open().filter(email__in=addresses)
    rows.update(revoked_at=now())


def leave_all_teams(organization: Organization, member: Membership) -> list[uuid.UUID]:
    """Take a member out of every team and off every restricted project; return the teams."""
    places = TeamMembership.objects.of(organization).filter(membership=member)
    teams = list(places.order_by("pk").values_list("team_id", flat=True))
    places.delete()
    Team.objects.of(organization).filter(pk__in=teams).update(member_count=F("member_count") - 1)
    ProjectCollaborator.objects.of(organization).filter(membership=member).delete()
    return teams


def leave_team(organization: Organization, team: Team, places: Sequence[TeamMembership]) -> None:
    """Take members out of one team, with grants on it and places on its projects."""
    for begin in range(0, len(places), _AT_ONCE):
        part = places[begin : begin + _AT_ONCE]
        members = [place.membership_id for place in part]
        grants = Grant.objects.of(organization).filter(membership_id__in=members, team=team)
        grants.filter(ended_at=None).update(ended_at=now())
        ProjectCollaborator.objects.of(organization).filter(
            membership_id__in=members, project__team=team
        ).delete()
        Team.objects.of(organization).filter(pk=team.pk).update(
            member_count=F("member_count") - len(part)
        )
        rows = TeamMembership.objects.of(organization).filter(team=team)
        rows.filter(membership_id__in=members).delete()
