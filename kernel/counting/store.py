"""Where counters live: in this process, or in files that a web server's workers share.

A scrape reaches one worker and must tell of all. The workers of one server share a folder,
named by the server process they have in common; a worker that is started anew goes on
counting there, and the next server begins a new folder at zero, as a counter should.
"""

import os
import shutil
import sys
from pathlib import Path

import structlog

log = structlog.stdlib.get_logger(__name__)

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""By this the library knows where to count; it must be set before its first import."""


def share_between_workers(root: Path) -> None:
    """Count in files below `root`, together with the other children of this parent.

    A process that has imported the library already (a development server) counts alone.
    """
    if "prometheus_client" in sys.modules:
        return
    server = os.getppid()
    folder = root / _name(server)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for other in root.iterdir():
            if other != folder and not _is_alive(other.name):
                shutil.rmtree(other, ignore_errors=True)
    except OSError as error:
        log.warning("metrics_folder_unwritable", folder=str(folder), error=type(error).__name__)
        return
    os.environ[VARIABLE] = str(folder)


def shared_folder() -> Path | None:
    """Return the folder of this server's counters, None where each process counts alone."""
    folder = os.environ.get(VARIABLE)
    return Path(folder) if folder else None


def _is_alive(name: str) -> bool:
    number = name.partition("-")[0]
    return number.isdigit() and _name(int(number)) == name and Path(f"/proc/{number}").exists()


def _name(process: int) -> str:
    """Name a process so that a later one with its number has another name (Linux)."""
    try:
        after_command = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2]
        started = after_command.split()[19]
    except (OSError, IndexError):
        started = "0"
    return f"{process}-{started}"
