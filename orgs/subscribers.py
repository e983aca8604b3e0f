"""What the people's room does after an event: the mails that tell somebody.

Each function is a transactional job (`config/wiring.py`): the mail row is written
once for its event, and sent by a job of its own.
"""

import uuid

from django.conf import settings

from kernel.events import Target
from kernel.events.models import Event
from kernel.ids import decode
from kernel.jobs.models import Job
from kernel.mail.send import write
from orgs.actions import invitations
from orgs.models import (
    AccessRequest,
    Invitation,
    Membership,
    Organization,
    OrganizationRole,
)
from orgs.permissions import Permission
from orgs.queries import keepers_of

_AT_MOST = 50
"""How many owners one mail goes to."""


def mail_invitation(job: Job) -> None:
    """Send the link that the event's generation of the invitation has."""
    event = _event(job)
    invitation = (
        Invitation.objects.of(event.organization_id)
        .select_related("organization", "custom_role")
        .filter(pk=decode("inv", event.target_id))
        .first()
    )
    if (
        invitation is None
        or invitation.state != "pending"
        or invitation.generation != event.changes["generation"]
    ):
        return
    write(
        template="orgs/invitation",
        recipient=invitation.email,
        organization_id=event.organization_id,
        about=Target.of(invitation),
        context={
            "organization": invitation.organization,
            "invitation": invitation,
            "inviter": invitation.invited_by,
            "link": invitations.mailed_link(invitation),
            "teams": [place.team for place in invitation.teams.select_related("team")],
        },
    )


def mail_request_made(job: Job) -> None:
    """Tell those who can decide that somebody asked for access."""
    event, request = _request(job)
    if request is None or request.state != AccessRequest.State.PENDING:
        return
    for recipient in keepers_of(
        request.organization, Permission.REQUEST_DECIDE, team=request.team
    ):
        write(
            template="orgs/access_request",
            recipient=recipient,
            organization_id=event.organization_id,
            about=Target.of(request),
            context={
                "organization": request.organization,
                "request": request,
                "person": request.membership.user,
                "link": _page(request.organization, "members/requests"),
            },
        )


def mail_request_decided(job: Job) -> None:
    """Tell the person who asked how it was decided."""
    event, request = _request(job)
    if request is None or not request.membership.user.email:
        return
    write(
        template="orgs/access_decided",
        recipient=request.membership.user.email,
        organization_id=event.organization_id,
        about=Target.of(request),
        context={
            "organization": request.organization,
            "request": request,
            "person": request.membership.user,
            "link": _page(request.organization, ""),
        },
    )


def mail_deletion_requested(job: Job) -> None:
    """Tell every owner that the organization will be deleted, and how to restore it."""
    event = _event(job)
    organization = Organization.objects.filter(pk=event.organization_id).first()
    if organization is None or not organization.is_being_deleted:
        return
    owners = (
        Membership.objects.of(organization)
        .active()
        .filter(role=OrganizationRole.OWNER)
        .with_user()
    )
    for owner in owners[:_AT_MOST]:
        if owner.user.email:
            write(
                template="orgs/organization_deletion",
                recipient=owner.user.email,
                organization_id=event.organization_id,
                context={
                    "organization": organization,
                    "person": owner.user,
                    "actor": event.actor_label,
                    "link": _page(organization, ""),
                },
            )


def mail_member_removed(job: Job) -> None:
    """Tell a person that they are no longer a member."""
    event = _event(job)
    member = (
        Membership.objects.of(event.organization_id)
        .filter(pk=decode("mem", event.target_id))
        .select_related("user", "organization")
        .first()
    )
    if member is None or member.is_active or not member.user.email:
        return
    write(
        template="orgs/member_removed",
        recipient=member.user.email,
        organization_id=event.organization_id,
        context={
            "organization": member.organization,
            "person": member.user,
            "actor": event.actor_label,
        },
    )


def _event(job: Job) -> Event:
    """Return the job's event; another organization's is as unknown as an invented one."""
    return Event.objects.of(job.organization_id).get(pk=uuid.UUID(job.payload["event"]))


def _request(job: Job) -> tuple[Event, AccessRequest | None]:
    event = _event(job)
    request = (
        AccessRequest.objects.of(event.organization_id)
        .filter(pk=decode("req", event.target_id))
        .select_related("organization", "membership__user", "team")
        .first()
    )
    return event, request


def _page(organization: Organization, path: str) -> str:
    return f"{settings.STEWARD_BASE_URL}/o/{organization.slug}/{path}"
