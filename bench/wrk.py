"""Load by wrk: one thread, sixteen connections kept alive, every answer's status checked."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.database import NotHere
from bench.meter import Load

CONNECTIONS = 16
_SCRIPT = Path(__file__).with_name("load.lua")


def version() -> str:
    """Return wrk's version, or raise `NotHere`."""
    if shutil.which("wrk") is None:
        raise NotHere("wrk is missing. On Debian and Ubuntu: apt-get install wrk")
    # It prints its usage after the version and ends with 1.
    shown = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"wrk \S*?(\d[\w.+-]*)", shown.stdout + shown.stderr)
    return found.group(1) if found else "unknown"


def write_requests(path: Path, requests: Sequence[tuple[str, str]]) -> None:
    """Write the pairs of path and key that the load goes through, over and over."""
    path.write_text("".join(f"{address}\t{key}\n" for address, key in requests))


def run(url: str, requests: Path, *, core: int, seconds: int) -> Load:
    """Put load on a server from another core."""
    command = [
        "taskset", "-c", str(core), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s",
        "--timeout", "10s", "-s", str(_SCRIPT), url,
    ]  # fmt: skip
    environment = {**os.environ, "BENCH_REQUESTS": str(requests)}
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = re.search(r"^RESULT (.*)$", shown.stdout, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"wrk said nothing of use:\n{shown.stdout}{shown.stderr}")
    return Load(**json.loads(found.group(1)))
