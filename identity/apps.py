"""The keys' app."""

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    """Accounts, sessions, API keys: everything that proves who acts."""

    name = "identity"
    default_auto_field = "django.db.models.BigAutoField"
