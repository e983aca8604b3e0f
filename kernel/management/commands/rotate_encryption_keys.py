"""`manage.py rotate_encryption_keys`: seal everything with the first key of the ring."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from kernel.crypto.keyring import key_id
from kernel.crypto.rotate import Rotation, count_remaining, rotate_all


class Command(BaseCommand):
    """Move sealed values to the first key of STEWARD_ENCRYPTION_KEYS."""

    help = (
        "Seals every encrypted value with the first key of STEWARD_ENCRYPTION_KEYS. "
        "Can be stopped and started again; when 0 remain, older keys can be removed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--dry-run", action="store_true", help="Count only.")
        parser.add_argument("--batch-size", type=int, default=1000)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Rotate or count, and fail if anything remains."""
        if options["dry_run"]:
            self._print_remaining(count_remaining())
            return
        report = rotate_all(batch_size=options["batch_size"], on_progress=self._print_progress)
        self.stdout.write(f"{report.rotated} values were sealed again.")
        self._print_remaining(report)
        for failure in report.failures[:20]:
            self.stderr.write(failure)
        if report.remaining:
            raise CommandError(
                f"{report.remaining} values remain on an older key, "
                f"{len(report.failures)} of them could not be opened."
            )
        ids = [key_id(key) for key in settings.STEWARD_ENCRYPTION_KEYS]
        if len(ids) > 1:
            self.stdout.write(
                self.style.SUCCESS(
                    f"Everything is sealed with {ids[0]}. Once every process has it in front, "
                    f"{', '.join(ids[1:])} can be taken out of STEWARD_ENCRYPTION_KEYS."
                )
            )

    def _print_progress(self, column: str, moved: int) -> None:
        self.stdout.write(f"{column}: {moved}")

    def _print_remaining(self, report: Rotation) -> None:
        for column, waiting in report.by_field.items():
            self.stdout.write(f"{column}: {waiting} remain")
        self.stdout.write(f"{report.remaining} values remain on an older key.")
