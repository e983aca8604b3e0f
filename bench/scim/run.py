"""`python -m bench scim [case …] [--rounds 3] [--seconds 5] [--quick] [--again] [--save NAME]`.

As `python -m bench`, with directories of 10,000 and of 100,000 Users (some minutes to
fill). `--again` takes the database of the last run as it is.
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

_ALWAYS = ("empty", "me")


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks; return the exit status."""
    os.environ.update(environment.settings())
    (environment.DIRECTORY / "static").mkdir(parents=True, exist_ok=True)
    django.setup()
    from bench.scim import cases, report, seed  # noqa: PLC0415 - they import models
    from kernel.database import roles  # noqa: PLC0415

    asked = _parse(arguments, list(cases.CASES))
    names = [name for name in cases.CASES if name in asked.cases or name in _ALWAYS]
    rounds, seconds = (1, 2) if asked.quick else (asked.rounds, asked.seconds)
    world = environment.DIRECTORY / "scim.json"
    try:
        facts = running.require_everything()
        database = Database(environment.DATABASE_URL)
        if not asked.again:
            running.say("Making and filling the database (some minutes) …")
            database.make_anew()
            call_command("migrate", verbosity=0, interactive=False)
            roles.create(
                connections["default"], environment.ROLE, password=environment.ROLE_PASSWORD
            )
            seed.save(world, seed.fill(cases.SIZES))
        holds = running.invariants_hold()
        connections.close_all()
        database.settle()
        os.sched_setaffinity(0, {environment.LOAD_CORE})
        with Server(
            port=environment.PORT,
            core=environment.SERVER_CORE,
            environment=environment.settings(environment.service_url()),
            log=environment.DIRECTORY / "server.log",
        ) as server:
            facts["role"] = "the service's own"
            facts["start"] = f"{server.start_seconds:.1f} s"
            running.say("Looking at every page …")
            prepared = cases.prepare(
                names,
                seed.load(world),
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
    parser = argparse.ArgumentParser(prog="python -m bench scim", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="case", help=f"of {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of load in each run")
    parser.add_argument("--quick", action="store_true", help="one round of two seconds")
    parser.add_argument(
        "--again", action="store_true", help="take the database of the last run as it is"
    )
    parser.add_argument("--save", metavar="NAME", help="keep the result in bench/results")
    asked = parser.parse_args(arguments)
    unknown = set(asked.cases) - set(names)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(names)}")
    asked.cases = asked.cases or list(names)
    return asked
