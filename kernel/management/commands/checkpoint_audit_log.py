"""`manage.py checkpoint_audit_log`: sign where each chain stands now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from kernel.errors import Missing
from kernel.events import checkpoints
from kernel.ids import decode


class Command(BaseCommand):
    """Makes a checkpoint of each chain that moved since its last one."""

    help = (
        "Sign the head of every audit chain that moved since it was signed last (a job does it "
        "every hour), and print the checkpoints as lines of JSON, to be kept elsewhere."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take `--org`."""
        parser.add_argument("--org", help="one organization only, by its id (org_…)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make the checkpoints, and print them."""
        try:
            wanted = [decode("org", options["org"])] if options["org"] else None
        except Missing:
            raise CommandError("Give the id as org_ and 32 digits.") from None
        made = checkpoints.make(wanted)
        for row in made:
            self.stdout.write(checkpoints.Statement.of(row).line)
        self.stderr.write(f"{len(made)} checkpoint(s) were made.")
