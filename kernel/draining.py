"""Whether this process is about to end and wants no new requests.

Whoever serves (`config.serve`) keeps a file as long as it does, named in the environment of
its workers. It removes the file when it is told to end; `/readyz` then answers 503, so that
a balancer sends its requests elsewhere while those under way are finished. Removing works
on a full disk, and is seen by every worker at once.
"""

import os
from pathlib import Path

VARIABLE = "STEWARD_SERVING_FILE"


def is_draining() -> bool:
    """Return whether the end was announced. Without an announcer there is no end."""
    path = os.environ.get(VARIABLE, "")
    return path != "" and not Path(path).exists()
