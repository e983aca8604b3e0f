"""`manage.py backup FILE`: the whole database in one file, beside running traffic."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kernel.backup import keys
from kernel.backup.make import make
from kernel.backup.refusal import Refusal
from kernel.upgrade.owner import as_owner


class Command(BaseCommand):
    """Backs the installation up."""

    help = (
        "Writes a backup of the database to a new file. Secrets are not in it: --keys writes "
        "them to a second file, which belongs elsewhere. Restore with `restore`."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file's name."""
        parser.add_argument("file", type=Path, help="the new file")
        parser.add_argument(
            "--keys", type=Path, metavar="KEYFILE", help="write the secrets to this new file"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make the backup and say what it holds."""
        path: Path = options["file"].absolute()
        key_file: Path | None = options["keys"]
        started = time.monotonic()
        try:
            if key_file is not None:
                keys.write(key_file.absolute())
            with as_owner():
                manifest = make(path, say=self.stdout.write)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from None
        size = path.stat().st_size
        self.stdout.write(
            self.style.SUCCESS(
                f"{path}: {manifest.total_rows} rows in {len(manifest.rows)} tables, "
                f"{size / 1e6:.1f} MB, {time.monotonic() - started:.1f} s."
            )
        )
        ids = [*manifest.keys.encryption, *manifest.keys.peppers, *manifest.keys.checkpoint]
        if key_file is None:
            self.stdout.write(
                f"It needs the keys {', '.join(ids)} and holds none: keep the secrets apart "
                "(--keys KEYFILE writes them)."
            )
        else:
            self.stdout.write(
                f"{key_file}: the keys {', '.join(ids)}. Keep it elsewhere than the backup."
            )
