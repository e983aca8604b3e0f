"""`manage.py check_invariants`: report every broken invariant; exit 1 if there is one."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from kernel.wiring import wiring


class Command(BaseCommand):
    """Runs the checks that `config/wiring.py` lists."""

    help = "Check that seats, counters, audit chains, keys and job rows agree with each other."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take `--json`."""
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run every check and print what is broken."""
        checks = wiring().invariants
        broken = [violation for check in checks for violation in check()]
        if options["json"]:
            rows = [{"rule": v.rule, "where": v.where, "found": v.found} for v in broken]
            self.stdout.write(json.dumps({"checks": len(checks), "violations": rows}))
        else:
            for v in broken:
                self.stdout.write(f"BROKEN {v.rule}: {v.where}: {v.found}")
        if broken:
            raise CommandError(f"{len(broken)} of the invariants' findings need a look.")
        if not options["json"]:
            self.stdout.write(self.style.SUCCESS(f"All {len(checks)} invariants hold."))
