"""`python -m bench.profiling me`: where the time of one endpoint goes, without HTTP.

Calls the WSGI application in this process, with the database of the last benchmark: first
for the queries of one request, then under cProfile. Its overhead makes Python's share look
larger than it is: read it for what stands beside what.
"""

import argparse
import cProfile
import io
import os
import pstats
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any
from wsgiref.util import setup_testing_defaults

import django

from bench import environment

_CALLS = 300


def main(arguments: Sequence[str] | None = None) -> int:
    """Profile one case; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.profiling", description=__doc__)
    parser.add_argument("case", choices=["empty", "me", "members"])
    parser.add_argument("--sort", default="tottime", choices=["tottime", "cumulative"])
    parser.add_argument("--lines", type=int, default=45)
    asked = parser.parse_args(arguments)
    os.environ.update(environment.settings())
    django.setup()
    from django.db import connection  # noqa: PLC0415 - after the setup

    from bench.seed import World  # noqa: PLC0415 - it imports models
    from config.wsgi import application  # noqa: PLC0415 - after the environment is set

    world = World.load(environment.DIRECTORY / "world.json")
    slug, keys = next(iter(world.keys.items()))
    path, query = {
        "empty": ("/healthz", ""),
        "me": ("/api/v1/me", ""),
        "members": (f"/api/v1/organizations/{slug}/members", "limit=100"),
    }[asked.case]

    profile(
        lambda: ask(application, path, query, keys[0]),
        connection,
        sort=asked.sort,
        lines=asked.lines,
    )
    return 0


def profile(call: Callable[[], None], connection: Any, *, sort: str, lines: int) -> None:
    """Print the queries of one call, what calls cost, and where their time goes."""
    for _ in range(20):
        call()
    statements: list[tuple[float, str]] = []

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        begun = time.perf_counter()
        try:
            return execute(sql, *rest)
        finally:
            statements.append((time.perf_counter() - begun, sql))

    with connection.execute_wrapper(note):
        call()
    total = sum(seconds for seconds, _ in statements)
    print(f"{len(statements)} queries in {total * 1e6:.0f} µs\n")
    for seconds, sql in statements:
        print(f"{seconds * 1e6:6.0f} µs  {sql}\n")
    begun = time.process_time()
    for _ in range(_CALLS):
        call()
    spent = (time.process_time() - begun) / _CALLS
    print(f"{spent * 1e6:.0f} µs of CPU a call without the profiler (the database's aside)\n")
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(_CALLS):
        call()
    profiler.disable()
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).sort_stats(sort).print_stats(lines)
    print(text.getvalue())


def ask(application: Callable[..., Any], path: str, query: str, key: str) -> None:
    """Ask the application as a server would, and read the answer; raise if it is not 200."""
    environ: dict[str, Any] = {
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "HTTP_HOST": "127.0.0.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "HTTP_USER_AGENT": "steward-bench",
    }
    setup_testing_defaults(environ)
    seen: list[str] = []
    answer = application(environ, lambda status, _headers: seen.append(status))
    for _ in answer:
        pass
    answer.close()
    if not seen[0].startswith("200"):
        raise RuntimeError(f"{path} answered {seen[0]}")


if __name__ == "__main__":
    sys.exit(main())
