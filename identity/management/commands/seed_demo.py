"""`manage.py seed_demo`: the demo organization, once."""

from typing import Any

from django.core.management.base import BaseCommand

from identity.demo import default_path, seed


class Command(BaseCommand):
    """Creates the demo organization if it is not there."""

    help = "Create the demo organization and write how to sign in to demo.json (data directory)."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Seed and say where the facts are."""
        path = default_path()
        if seed(path):
            self.stdout.write(f"The demo organization is ready; {path} says how to sign in.")
        else:
            self.stdout.write("The demo organization exists already.")
