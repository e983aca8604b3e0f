"""Sessions of people: see them, end them."""

import uuid
from collections.abc import Sequence

from django.contrib.sessions.models import Session
from django.db import transaction

from identity.models import UserSession
from kernel.clock import now
from kernel.errors import Denied, Missing
from kernel.events import Target, record
from kernel.principal import Principal
from orgs.models import User

AT_MOST_SHOWN = 100


def sessions_of(user: User) -> Sequence[UserSession]:
    """Return a person's living sessions, last seen first."""
    alive = Session.objects.filter(expire_date__gt=now()).values("session_key")
    rows = UserSession.objects.filter(user_id=user.pk, session_key__in=alive)
    return list(rows.order_by("-last_seen_at")[:AT_MOST_SHOWN])


@transaction.atomic
def note_started(*, actor: Principal, user: User) -> None:
    """Write a sign-in into the trail."""
    _record("identity.session.started", actor, user, {})


@transaction.atomic
def end(*, actor: Principal, user: User, session_id: int) -> None:
    """End one of a person's sessions; the next request with it is anonymous."""
    _require_self(actor, user)
    row = UserSession.objects.filter(user_id=user.pk, pk=session_id).first()
    if row is None:
        raise Missing
    _delete([row.session_key])
    _record("identity.session.ended", actor, user, {"ip": row.ip, "count": 1})


@transaction.atomic
def end_others(*, actor: Principal, user: User, keep_key: str) -> int:
    """End every session of a person but the one at hand; return how many ended."""
    _require_self(actor, user)
    count = end_all(user.pk, keep_key=keep_key)
    if count:
        _record("identity.session.ended", actor, user, {"count": count})
    return count


def end_all(user_id: uuid.UUID, *, keep_key: str = "") -> int:
    """Delete a person's sessions in the caller's transaction, which tells it."""
    rows = UserSession.objects.filter(user_id=user_id).exclude(session_key=keep_key or "-")
    keys = list(rows.values_list("session_key", flat=True))
    _delete(keys)
    return len(keys)


def _delete(keys: Sequence[str]) -> None:
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()


def _require_self(actor: Principal, user: User) -> None:
    if not actor.is_system and not (actor.is_user and actor.id == user.pk):
        raise Denied("Only the person themselves may see and end their sessions.")


def _record(event: str, actor: Principal, user: User, changes: dict[str, object]) -> None:
    record(
        type=event,
        actor=actor,
        organization=None,
        target=Target(kind="user", id=user.wire_id, label=user.username),
        changes=changes,
    )
