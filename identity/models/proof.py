"""Tables that allauth keeps and our actions read and write: addresses and sessions."""

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession

__all__ = ["EmailAddress", "UserSession"]
