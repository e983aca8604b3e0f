"""`manage.py check_invariants`: report every broken invariant; exit 1 if there is one."""

import itertools
import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from kernel.rule import AT_MOST
from kernel.wiring import Violation, wiring


class Command(BaseCommand):
    """Runs the checks that `config/wiring.py` lists."""

    help = (
        "Check that seats, counters, memberships, names, keys, organizations, audit chains and "
        "job rows agree with each other."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take `--json` and `--seconds`."""
        parser.add_argument("--json", action="store_true", help="print the result as JSON")
        parser.add_argument(
            "--seconds",
            type=float,
            default=600,
            help="begin no further check after so long, and exit 1 (default: 600)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the checks, at most 100 findings each, and print what is broken."""
        checks = wiring().invariants
        end = time.monotonic() + options["seconds"]
        broken: list[Violation] = []
        ran = 0
        for check in checks:
            if time.monotonic() > end:
                break
            broken += itertools.islice(check(), AT_MOST + 1)
            ran += 1
        left_out = len(checks) - ran
        if options["json"]:
            rows = [{"rule": v.rule, "where": v.where, "found": v.found} for v in broken]
            told = {"checks": ran, "left_out": left_out, "violations": rows}
            self.stdout.write(json.dumps(told))
        else:
            for v in broken:
                self.stdout.write(f"BROKEN {v.rule}: {v.where}: {v.found}")
        if broken:
            raise CommandError(f"{len(broken)} of the invariants' findings need a look.")
        if left_out:
            raise CommandError(
                f"The time was over: {left_out} of {len(checks)} checks did not run."
            )
        if not options["json"]:
            self.stdout.write(self.style.SUCCESS(f"All {ran} invariants hold."))
