"""`manage.py verify_audit_log`: walk the hash chains; exit 1 at the first break found."""

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from kernel.errors import Missing
from kernel.events.chain import verify
from kernel.events.models import ChainHead, Event
from kernel.ids import decode


class Command(BaseCommand):
    """Verifies one organization's chain, or all of them."""

    help = "Verify that no audit event was changed, deleted, inserted or cut off."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take `--org`."""
        parser.add_argument("--org", help="verify one organization only, by its id (org_…)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print one line for each break."""
        chains = [self._one(options["org"])] if options["org"] else self._all()
        events = breaks = 0
        for organization_id in chains:
            events += Event.objects.of(organization_id).count()
            for gap in verify(organization_id):
                breaks += 1
                self.stdout.write(f"BROKEN {organization_id} #{gap.sequence}: {gap.what}")
        if breaks:
            raise CommandError(f"The audit log was tampered with: {breaks} break(s).")
        self.stdout.write(
            self.style.SUCCESS(f"{events} events in {len(chains)} chain(s): all links hold.")
        )

    def _one(self, wire_id: str) -> uuid.UUID:
        try:
            return decode("org", wire_id)
        except Missing:
            raise CommandError("Give the id as org_ and 32 digits.") from None

    def _all(self) -> list[uuid.UUID]:
        heads = set(ChainHead.objects.values_list("organization_id", flat=True))
        told = Event.objects.system_all().values_list("organization_id", flat=True)
        return sorted(heads | set(told.distinct().order_by()))
