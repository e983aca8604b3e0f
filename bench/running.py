"""What every set of benchmarks does: looks for its tools, runs cases in turn, asks for order."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.core.management import CommandError, call_command

from bench import environment, machine, wrk
from bench.database import Database, NotHere, redis_version
from bench.meter import Run, measure
from bench.server import Server

if TYPE_CHECKING:
    from bench.cases import Case


def rounds(
    prepared: Sequence["Case"], times: int, server: Server, database: Database
) -> dict[str, list[Run]]:
    """Run the cases in turn, so many times; return what each run was."""
    runs: dict[str, list[Run]] = {case.name: [] for case in prepared}
    for case in prepared:
        case.warm_up()
    for number in range(times):
        # Every second round runs backwards: what drifts meanwhile hits all alike.
        for case in prepared if number % 2 == 0 else prepared[::-1]:
            case.before()
            server.drain()
            run = measure(server, database, environment.SERVER_CORE, case.run)
            runs[case.name].append(run)
            say(
                f"round {number + 1}  {case.name:20} {run.rate:8.0f}/s  "
                f"app {run.app_us:6.0f} µs  database {run.database_us:5.0f} µs  "
                f"p50 {run.load.p50_ms:6.1f} ms  busy {run.busy:3.0f} %  "
                f"foreign {run.foreign:4.1f} %  wrong {run.load.wrong + run.load.broken}"
            )
    return runs


def require_everything() -> dict[str, str]:
    """Return what the machine and the servers are; raise `NotHere` for what is missing."""
    if sys.platform != "linux":
        raise NotHere("The benchmarks read /proc and bind processes to cores: they need Linux.")
    if (os.cpu_count() or 1) < 2:
        raise NotHere("The benchmarks need two cores: one for the server, one for the load.")
    return {
        **machine.describe(),
        "wrk": wrk.version(),
        "redis": redis_version(environment.REDIS_URL),
        **Database(environment.DATABASE_URL).describe(),
    }


def invariants_hold() -> bool:
    """Ask the product whether its data holds together; say what does not."""
    try:
        call_command("check_invariants")
    except CommandError as error:
        print(error, file=sys.stderr)
        return False
    return True


def say(text: str) -> None:
    """Tell how far it is, beside the result."""
    print(text, file=sys.stderr, flush=True)
