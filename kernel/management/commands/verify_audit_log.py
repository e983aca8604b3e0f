"""`manage.py verify_audit_log`: walk the hash chains; exit 1 if anything does not hold."""

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from kernel.errors import Missing
from kernel.events import checkpoints
from kernel.events.chain import START, Break, Walk
from kernel.events.checkpoints import Statement
from kernel.events.verification import chains, note
from kernel.ids import decode


class Command(BaseCommand):
    """Verifies one organization's chain, or all of them, against all known checkpoints."""

    help = (
        "Verify that no audit event was changed, deleted, inserted, reordered or cut off, and "
        "that every checkpoint (of the table, of STEWARD_CHECKPOINT_FILE and of a file that is "
        "given) lies on its chain."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take `--org`, `--checkpoints` and `--from-checkpoint`."""
        parser.add_argument("--org", help="verify one organization only, by its id (org_…)")
        parser.add_argument(
            "--checkpoints",
            metavar="FILE",
            help="hold the chains against the checkpoints in this file as well",
        )
        parser.add_argument(
            "--from-checkpoint",
            action="store_true",
            help="begin each chain at its newest checkpoint: quick, and blind to what is before",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print one line for each break, and keep the verdict on each chain."""
        outside = self._outside(options["checkpoints"])
        named = [self._one(options["org"])] if options["org"] else sorted({*chains(), *outside})
        events = held = broken = 0
        for organization_id in named:
            marks, breaks = checkpoints.known(
                organization_id, elsewhere=outside.get(organization_id, ())
            )
            start = max(marks, key=lambda mark: mark.sequence, default=START)
            walk = Walk(
                organization_id,
                start=start if options["from_checkpoint"] else START,
                marks=marks,
            )
            breaks += walk
            events, held = events + walk.walked, held + len(marks)
            broken += len(breaks)
            self._tell(breaks)
            if not options["from_checkpoint"]:
                note(organization_id, breaks, sequence=walk.reached.sequence)
        if broken:
            raise CommandError(f"The audit log was tampered with: {broken} break(s).")
        self.stdout.write(
            self.style.SUCCESS(
                f"{events} events in {len(named)} chain(s): all links hold, and all "
                f"{held} checkpoint(s) lie on them."
            )
        )

    def _tell(self, breaks: Sequence[Break]) -> None:
        for gap in breaks:
            self.stdout.write(f"BROKEN {gap.organization_id} #{gap.sequence}: {gap.what}")

    def _outside(self, given: str | None) -> Mapping[uuid.UUID, list[Statement]]:
        paths = {path for path in (checkpoints.own_file(), Path(given) if given else None) if path}
        try:
            found = [statement for path in sorted(paths) for statement in checkpoints.read(path)]
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        return checkpoints.by_organization(found)

    def _one(self, wire_id: str) -> uuid.UUID:
        try:
            return decode("org", wire_id)
        except Missing:
            raise CommandError("Give the id as org_ and 32 digits.") from None
