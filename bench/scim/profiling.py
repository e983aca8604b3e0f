"""`python -m bench.scim.profiling users_10k`: where the time of a SCIM list goes, without HTTP.

As `bench.profiling`, with the database of the last `python -m bench scim`.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from urllib.parse import quote

import django

from bench import environment, profiling

_CASES = ("users_10k", "users_100k", "users_wandb", "users_lean", "user_name_eq", "groups_lean")


def main(arguments: Sequence[str] | None = None) -> int:
    """Profile one case; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.scim.profiling", description=__doc__)
    parser.add_argument("case", choices=_CASES)
    parser.add_argument("--sort", default="tottime", choices=["tottime", "cumulative"])
    parser.add_argument("--lines", type=int, default=45)
    asked = parser.parse_args(arguments)
    os.environ.update(environment.settings(environment.service_url()))
    django.setup()
    from django.db import connection  # noqa: PLC0415 - after the setup

    from bench.scim import seed  # noqa: PLC0415 - it imports models
    from config.wsgi import application  # noqa: PLC0415 - after the environment is set

    places = seed.load(environment.DIRECTORY / "scim.json")
    place = places["bench-scim-10k" if asked.case == "users_10k" else "bench-scim-100k"]
    token = (place.admin_keys if asked.case == "users_wandb" else place.tokens)[0]
    name = f'userName eq "{place.user_name(4321)}"'
    path, query = {
        "user_name_eq": ("/scim/v2/Users", f"filter={quote(name)}"),
        "groups_lean": ("/scim/v2/Groups", "excludedAttributes=members&count=100"),
        "users_lean": ("/scim/v2/Users", "startIndex=901&count=100&excludedAttributes=groups"),
    }.get(asked.case, ("/scim/v2/Users", "startIndex=901&count=100"))
    profiling.profile(
        lambda: profiling.ask(application, path, query, token),
        connection,
        sort=asked.sort,
        lines=asked.lines,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
