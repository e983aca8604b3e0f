"""How long a browser stays signed in: seven days at most, one day without use.

Django's store counts from the last write, so a session in use would never end and an unused
one would live as long. Here the beginning is kept in the session and the last use noted once
an hour (a write for each request would cost more than the request); `expire_date` is the
earlier of the two ends. Signing in begins anew.
"""

import datetime as dt
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from kernel.clock import now

IDLE = dt.timedelta(days=1)
_NOTED_EVERY = dt.timedelta(hours=1)
_BEGAN, _SEEN = "_began", "_seen"


class SessionStore(DatabaseStore):
    """Sessions that end by themselves (Django's `SESSION_ENGINE`)."""

    def create(self) -> None:
        """Begin a session."""
        self._begin()
        super().create()

    def cycle_key(self) -> None:
        """Go on under another key, which is what a sign-in does, and begin anew."""
        super().cycle_key()
        self._begin()

    def load(self) -> Any:
        """Return what was kept, and note the use now and then."""
        kept = super().load()
        seen = _moment(kept.get(_SEEN))
        if kept and (seen is None or now() - seen > _NOTED_EVERY):
            kept[_SEEN] = now().isoformat()
            kept.setdefault(_BEGAN, kept[_SEEN])
            self.modified = True
        return kept

    def get_expiry_date(self, **_given: Any) -> dt.datetime:
        """Return when the session ends."""
        began = _moment(self.get(_BEGAN)) or now()
        seen = _moment(self.get(_SEEN)) or now()
        longest = dt.timedelta(seconds=settings.SESSION_COOKIE_AGE)
        return min(began + longest, seen + IDLE)

    def get_expiry_age(self, **_given: Any) -> int:
        """Return the seconds that are left, which is how long the browser keeps the cookie."""
        return max(0, int((self.get_expiry_date() - now()).total_seconds()))

    def _begin(self) -> None:
        moment = now().isoformat()
        self[_BEGAN], self[_SEEN] = moment, moment


def _moment(text: Any) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if isinstance(text, str) else None
