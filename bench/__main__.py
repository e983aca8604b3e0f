"""`python -m bench [case …] [--rounds 3] [--seconds 3] [--quick] [--save NAME]`.

`python -m bench scim` is about SCIM: see `bench.scim`.

Makes a fresh database, fills it, starts the web process on core 0 together with its
database, and puts load on from core 1: cases in turn, every second round in reverse.
Prints the table; `--save` keeps it in bench/results. Ends with 1 if a row is void or an
invariant broke.
"""

import argparse
import os
import sys
from collections.abc import Sequence

import django
from django.core.management import call_command
from django.db import connections

from bench import environment, machine, running
from bench.database import Database, NotHere
from bench.server import DidNotStart, Server


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; return the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if list(arguments[:1]) == ["scim"]:
        from bench.scim import run  # noqa: PLC0415 - it is asked for

        return run.main(arguments[1:])
    os.environ.update(environment.settings())
    (environment.DIRECTORY / "static").mkdir(parents=True, exist_ok=True)
    django.setup()
    from bench import cases, report  # noqa: PLC0415 - they import models
    from bench.seed import fill  # noqa: PLC0415
    from kernel.database import roles  # noqa: PLC0415

    asked = _parse(arguments, list(cases.CASES))
    names = ["empty", *(name for name in cases.CASES if name in asked.cases and name != "empty")]
    rounds, seconds = (1, 1) if asked.quick else (asked.rounds, asked.seconds)
    try:
        facts = running.require_everything()
        database = Database(environment.DATABASE_URL)
        running.say("Making and filling the database (about a minute) …")
        database.make_anew()
        call_command("migrate", verbosity=0, interactive=False)
        roles.create(connections["default"], environment.ROLE, password=environment.ROLE_PASSWORD)
        world = fill(cases.MEMBERS, invitees=cases.invitees_for(rounds))
        world.save(environment.DIRECTORY / "world.json")
        holds = running.invariants_hold()
        connections.close_all()
        database.settle()
        os.sched_setaffinity(0, {environment.LOAD_CORE})
        with Server(
            port=environment.PORT,
            core=environment.SERVER_CORE,
            environment=environment.settings(
                environment.DATABASE_URL if asked.as_owner else environment.service_url()
            ),
            log=environment.DIRECTORY / "server.log",
        ) as server:
            facts["role"] = "the tables' owner" if asked.as_owner else "the service's own"
            facts["start"] = f"{server.start_seconds:.1f} s"
            prepared = cases.prepare(
                names,
                world,
                url=server.url,
                core=environment.LOAD_CORE,
                seconds=seconds,
                directory=environment.DIRECTORY,
            )
            facts["database pinned"] = "yes" if database.pin(environment.SERVER_CORE) else "no"
            runs = running.rounds(prepared, rounds, server, database)
            facts["memory after load"] = f"{machine.memory_mb(server.processes())} MB"
    except (NotHere, DidNotStart) as error:
        print(error, file=sys.stderr)
        return 2
    holds = running.invariants_hold() and holds
    result = report.Result.of(
        runs, facts, options={"rounds": rounds, "seconds": seconds}, invariants_hold=holds
    )
    print(result.table())
    if asked.save:
        report.save(result, asked.save)
    return 0 if holds and result.is_valid else 1


def _parse(arguments: Sequence[str], names: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="case", help=f"of {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of load in each run")
    parser.add_argument("--quick", action="store_true", help="one round of one second")
    parser.add_argument(
        "--as-owner",
        action="store_true",
        help="let the service connect as the tables' owner, before whom no wall stands",
    )
    parser.add_argument("--save", metavar="NAME", help="keep the result in bench/results")
    asked = parser.parse_args(arguments)
    unknown = set(asked.cases) - set(names)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(names)}")
    asked.cases = asked.cases or list(names)
    return asked


if __name__ == "__main__":
    sys.exit(main())
