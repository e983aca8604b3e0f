"""The kernel as a Django app."""

from django.apps import AppConfig


class KernelConfig(AppConfig):
    """Ground floor: events, jobs, mail, crypto, outbound HTTP, API manners."""

    name = "kernel"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, and tie the clock to the database's."""
        from kernel import checks, synchrony  # noqa: F401, PLC0415 - after app loading

        synchrony.install()
