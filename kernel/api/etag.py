"""Versions of objects on the wire: ETag, If-Match and If-None-Match (RFC 9110 §13).

An ETag is the object's version, a hyphen, and a digest of the representation: the
digest because a representation may show names that change without the object, the
version because that alone decides whether an update would be lost.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from django.utils.http import parse_etags
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

_VERSION = re.compile(r'"(\d{1,9})(?:-[0-9a-f]*)?"')
_NEVER = 0
"""A version that no object has: they begin with 1."""


def etag_of(obj: Any, representation: Any) -> str:
    """Return the strong ETag of an object in its representation."""
    digest = hashlib.sha256(JSONRenderer().render(representation)).hexdigest()[:16]
    version = getattr(obj, "version", None)
    return f'"{digest}"' if version is None else f'"{version}-{digest}"'


def expected_version(request: Request) -> int | None:
    """Return the version that If-Match names; None if the caller does not care.

    The action compares it with the row locked: a comparison before the lock proves
    nothing. What cannot be a version of ours is answered as a version long gone.
    """
    given = request.headers.get("If-Match", "").strip()
    if not given or given == "*":
        return None
    versions = {int(found) for found in _VERSION.findall(given)}
    return versions.pop() if len(versions) == 1 else _NEVER


def respond(request: Request, obj: Any, build: Callable[[], Any], *, status: int = 200) -> Response:
    """Answer with an object's representation, or with 304 if the caller has it already."""
    representation = build()
    tag = etag_of(obj, representation)
    given = request.headers.get("If-None-Match", "").strip()
    if given and request.method in {"GET", "HEAD"}:
        # Weak comparison (RFC 9110 §13.1.2): a proxy may have weakened what we sent.
        known = {candidate.removeprefix("W/") for candidate in parse_etags(given)}
        if given == "*" or tag in known:
            return Response(status=304, headers={"ETag": tag})
    return Response(representation, status=status, headers={"ETag": tag})
