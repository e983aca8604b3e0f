"""Notices that wait for the next page, in a signed cookie or, when long, in the session.

Django names that cookie itself; in production it carries the prefix `__Host-`, which
browsers give to no other host and no other path (RFC 6265bis §4.1.3.2).
"""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class NoticeCookie(CookieStorage):
    """Django's cookie of messages under the name that the settings give."""

    @property
    def cookie_name(self) -> str:  # type: ignore[override] # a class attribute there
        """Return the cookie's name."""
        return str(settings.STEWARD_NOTICE_COOKIE_NAME)


class NoticeStorage(FallbackStorage):
    """The cookie first, the session for what it does not hold."""

    storage_classes = (NoticeCookie, SessionStorage)
