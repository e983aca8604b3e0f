"""What schemathesis is told about this service: which ids there are.

Generated paths name nothing that exists; most of them are led to real objects here, so
that more than the 404 is tried. Loaded by schemathesis itself (SCHEMATHESIS_HOOKS).
"""

import json
import os
import re
import zlib
from typing import Any

import schemathesis

_WIRE_ID = re.compile(r"[a-z]+_[0-9A-Za-z]{20,}$")
IDS: dict[str, list[str]] = json.loads(os.environ["STEWARD_CONFORMANCE_IDS"])


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> Any:
    """Replace most parts of a path by what exists, the same for the same generated value.

    What an earlier answer of the service named stays (the stateful phase).
    """
    for name, value in (path_parameters or {}).items():
        known = [] if _WIRE_ID.match(str(value)) else IDS.get(name)
        number = zlib.crc32(repr(value).encode())
        if known and number % 8:
            path_parameters[name] = known[number % len(known)]
    return path_parameters
