"""What the keys' room does within an event that ends somebody's access.

`end_access` runs in the transaction of its event (`config/wiring.py`): keys and sessions
die in the commit that ends the right to them. No network here.
"""

from identity.actions import api_keys, sessions
from identity.models import APIKey
from identity.models.api_key import APIKeyQuerySet
from kernel.clock import now
from kernel.events.models import Event
from kernel.ids import decode
from orgs.models import Membership


def end_access(event: Event) -> None:
    """Revoke the keys, and end the sessions, of whom or what an event is about."""
    match event.type:
        case "orgs.member.deactivated" | "orgs.member.removed" | "orgs.member.left":
            user_id = decode("usr", event.changes["user"])
            keys = APIKey.objects.of(event.organization_id).filter(user_id=user_id)
            _end(keys, event)
            others = Membership.objects.system_of_user(user_id).active()
            if event.type != "orgs.member.left" and not others.exists():
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

