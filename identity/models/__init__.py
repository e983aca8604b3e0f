"""The nouns of the keys' room; addresses and sessions are allauth's tables."""

from identity.models.api_key import APIKey
from identity.models.proof import EmailAddress, UserSession

__all__ = ["APIKey", "EmailAddress", "UserSession"]
