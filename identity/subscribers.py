"""What the keys' room does within an event that ends somebody's access, and by the clock.

`end_access` runs in the transaction of its event (`config/wiring.py`): keys and sessions
die in the commit that ends the right to them. No network here. `remind_of_expiry` is a
job of every day.
"""

import datetime as dt

from django.conf import settings

from identity.actions import accounts, api_keys, sessions
from identity.models import APIKey
from identity.models.api_key import APIKeyQuerySet
from kernel.clock import now
from kernel.database.scope import across
from kernel.events.models import Event
from kernel.ids import decode
from kernel.jobs.models import Job
from kernel.mail.send import write
from orgs.actions import endings
from orgs.models import Membership, User
from orgs.permissions import Permission
from orgs.queries import keepers_of

REMIND_DAYS_AHEAD = (14, 7, 1)


def end_access(event: Event) -> None:
    """Revoke the keys, and end the sessions, of whom or what an event is about."""
    match event.type:
        case "orgs.member.deactivated" | "orgs.member.removed" | "orgs.member.left":
            user_id = decode("usr", event.changes["user"])
            keys = APIKey.objects.of(event.organization_id).filter(user_id=user_id)
            _end(keys, event)
            addresses = accounts.verified_addresses(User(pk=user_id))
            endings.revoke_invitations_to(event.organization_id, addresses)
            with across("whether the person works anywhere else"):
                is_elsewhere = Membership.objects.system_of_user(user_id).active().exists()
            if event.type != "orgs.member.left" and not is_elsewhere:
                sessions.end_all(user_id)
        case "orgs.team.deleted":
            team_id = decode("team", event.target_id)
            keys = APIKey.objects.of(event.organization_id).filter(
                service_account__team_id=team_id
            )
            _end(keys, event)
        case "orgs.service_account.deleted":
            account_id = decode("sa", event.target_id)
            keys = APIKey.objects.of(event.organization_id).filter(service_account_id=account_id)
            _end(keys, event)
        case "orgs.organization.deletion_requested" | "orgs.organization.purged":
            _end(APIKey.objects.of(event.organization_id), event)
        case "orgs.user.deleted":
            user_id = decode("usr", event.target_id)
            _end(APIKey.objects.system_of_user(user_id), event)
            sessions.end_all(user_id)
        case _:
            raise LookupError(f"{event.type} is wired to end access and not known here.")


def _end(keys: APIKeyQuerySet, event: Event) -> None:
    # What has lapsed ended by itself, and the job that tells it may hold the row while it
    # waits for the chain that this transaction has appended to already.
    living = keys.live(now()).select_for_update(of=("self",)).order_by("pk")
    api_keys.end_all(living, actor_label=event.actor_label, reason=event.type)



def remind_of_expiry(job: Job) -> None:
    """Mail whoever keeps a key that expires in 14, 7 or 1 days (the job of one day's slot).

    Each slot covers one day of expiries for each of these, so no key is mentioned twice
    for the same one. A key that is being rotated has a successor and is left alone.
    """
    slot = dt.datetime.fromisoformat(job.payload["slot"])
    for days in REMIND_DAYS_AHEAD:
        start = slot + dt.timedelta(days=days)
        keys = APIKey.objects.system_expiring(start, start + dt.timedelta(days=1))
        for key in keys.with_owner().select_related("organization"):
            for recipient in _keepers(key):
                write(
                    template="identity/api_key_expiry",
                    recipient=recipient,
                    organization_id=key.organization_id,
                    context={
                        "key": key,
                        "organization": key.organization,
                        "link": f"{settings.STEWARD_BASE_URL}{_place(key)}",
                    },
                )


def _keepers(key: APIKey) -> list[str]:
    owner = key.owner
    if isinstance(owner, User):
        return [owner.email] if owner.email else []
    assert key.organization is not None  # noqa: S101 - the check constraint says so
    return keepers_of(key.organization, Permission.SERVICE_ACCOUNT_MANAGE, team=owner.team)


def _place(key: APIKey) -> str:
    owner = key.owner
    if isinstance(owner, User):
        return "/account/keys"
    assert key.organization is not None  # noqa: S101 - the check constraint says so
    return f"/o/{key.organization.slug}/service-accounts/{owner.wire_id}"
