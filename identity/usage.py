"""When keys were last used and sessions last seen (see `kernel.latest`)."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from identity.models import APIKey, UserSession
from kernel.clock import now
from kernel.latest import LatestBuffer, unheld
from kernel.principal import Origin

SESSION_REST_SECONDS = 60
"""How old "last seen" of a session may be."""


@dataclass(frozen=True, slots=True)
class Use:
    """A use: when, and from where."""

    at: dt.datetime
    ip: str
    agent: str

    @classmethod
    def from_origin(cls, origin: Origin) -> "Use":
        """Return a use of just now."""
        return cls(now(), origin.ip[:45], origin.user_agent[:200])


def note_use(key: APIKey, origin: Origin) -> None:
    """Remember that a key was used just now."""
    keys.note(key.pk, Use.from_origin(origin))


def note_session(session_key: str, origin: Origin) -> None:
    """Remember that a session was seen just now."""
    if session_key:
        sessions.note(session_key, Use.from_origin(origin))


def _write_keys(latest: Mapping[uuid.UUID, Use]) -> None:
    with transaction.atomic():
        for key_id, use in latest.items():
            earlier = APIKey.objects.system_all().filter(
                Q(last_used_at__isnull=True) | Q(last_used_at__lt=use.at), pk=key_id
            )
            unheld(earlier).update(
                last_used_at=use.at, last_used_ip=use.ip, last_used_agent=use.agent
            )


def _write_sessions(latest: Mapping[str, Use]) -> None:
    with transaction.atomic():
        for session_key, use in latest.items():
            earlier = UserSession.objects.filter(
                session_key=session_key, last_seen_at__lt=use.at
            )
            unheld(earlier).update(
                last_seen_at=use.at,
                ip=use.ip or "0.0.0.0",  # noqa: S104 - stands for unknown # nosec B104
                user_agent=use.agent,
            )


keys: LatestBuffer[uuid.UUID, Use] = LatestBuffer(_write_keys)
sessions: LatestBuffer[str, Use] = LatestBuffer(
    _write_sessions, rest_seconds=SESSION_REST_SECONDS
)
