"""`manage.py restore FILE`: a backup into an empty database."""

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from kernel.backup.refusal import Refusal
from kernel.backup.restore import Outcome, Wishes, restore
from kernel.upgrade.owner import as_owner


class Command(BaseCommand):
    """Restores the installation."""

    help = (
        "Loads a backup into an empty database, migrates it to this release, verifies the "
        "audit chains and checks the invariants. Refuses early and changes nothing when the "
        "file, the keys, the release or the database do not fit."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file's name and what to do about what is there."""
        parser.add_argument("file", type=Path, help="what `backup` wrote")
        parser.add_argument(
            "--keys", type=Path, metavar="KEYFILE",
            help="take the secrets from what `backup --keys` wrote",
        )  # fmt: skip
        parser.add_argument(
            "--end-sessions", action="store_true", help="sign everybody out of the console"
        )
        parser.add_argument(
            "--force", action="store_true",
            help="replace a database that holds something, after its name was typed",
        )  # fmt: skip

    def handle(self, *_args: Any, **options: Any) -> None:
        """Restore and say what to do next."""
        started = time.monotonic()
        wishes = Wishes(
            key_file=options["keys"],
            ends_sessions=options["end_sessions"],
            replaces=options["force"],
            confirm=self._confirm,
            say=self.stdout.write,
        )
        try:
            with as_owner():
                outcome = restore(options["file"], wishes)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from None
        self._tell(outcome, time.monotonic() - started, options["keys"])
        if outcome.findings:
            raise CommandError(
                "The data is restored, but something is not as it should be:\n"
                + "\n".join(f"- {finding}" for finding in outcome.findings)
            )

    def _tell(self, outcome: Outcome, seconds: float, key_file: Path | None) -> None:
        self.stdout.write(
            self.style.SUCCESS(f"Restored {outcome.manifest.total_rows} rows in {seconds:.1f} s.")
        )
        if outcome.kept is not None:
            self.stdout.write(f"What was there is kept as {outcome.kept}.")
        next_steps = [
            f"What happened after {outcome.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC is not in it."
        ]
        if outcome.secrets is not None:
            next_steps.append(f"The secrets are in {outcome.secrets} now.")
        elif key_file is not None:
            next_steps.append(f"Give every process the variables of {key_file}.")
        if settings.STEWARD_MIGRATION_DATABASE_URL:
            next_steps.append("Run `manage.py create_db_roles`: rights are not in a backup.")
        next_steps.append("Start the service; /readyz answers 200 when it can serve.")
        self.stdout.write("Next:")
        for step in next_steps:
            self.stdout.write(f"- {step}")

    def _confirm(self, name: str) -> bool:
        self.stdout.write(f"Everything in the database {name} will be replaced.")
        self.stdout.write("Type its name to go on: ", ending="")
        self.stdout.flush()
        return sys.stdin.readline().strip() == name
