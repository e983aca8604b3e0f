"""The people's app."""

from django.apps import AppConfig


class OrgsConfig(AppConfig):
    """Organizations and who may do what in them."""

    name = "orgs"
    default_auto_field = "django.db.models.BigAutoField"
