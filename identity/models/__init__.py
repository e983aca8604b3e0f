"""The nouns of the keys' room; addresses and sessions are allauth's tables."""

from identity.models.api_key import APIKey
from identity.models.proof import EmailAddress, UserSession
from identity.models.provisioning import (
    ProvisionedAccount,
    ProvisioningConnection,
    ProvisioningEntry,
    VerifiedDomain,
)
from identity.models.scim import Directory, SCIMEmail, SCIMGroup, SCIMText, SCIMUser

__all__ = [
    "APIKey",
    "Directory",
    "EmailAddress",
    "ProvisionedAccount",
    "ProvisioningConnection",
    "ProvisioningEntry",
    "SCIMEmail",
    "SCIMGroup",
    "SCIMText",
    "SCIMUser",
    "UserSession",
    "VerifiedDomain",
]
