"""The purse's app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Plans, payments and usage."""

    name = "billing"
    default_auto_field = "django.db.models.BigAutoField"
