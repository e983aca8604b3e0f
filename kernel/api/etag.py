"""Versions of objects on the wire: ETag, If-Match and If-None-Match (RFC 9110 §13)."""

import hashlib
from collections.abc import Callable
from typing import Any

from django.utils.http import parse_etags
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.errors import Stale


def etag_of(obj: Any) -> str:
    """Return an object's strong ETag: of its `version`, or else of its `updated_at`."""
    version = getattr(obj, "version", None)
    if version is not None:
        return f'"{version}"'
    stamp = f"{obj.pk}|{obj.updated_at.isoformat()}"
    return f'"{hashlib.sha256(stamp.encode()).hexdigest()[:20]}"'


def require_match(request: Request, obj: Any) -> None:
    """Raise `Stale` if the caller names another version than the object has now.

    Call it with the row locked, in the transaction of the change: a version that is
    compared before the lock proves nothing. Without If-Match the caller does not care.
    """
    given = request.headers.get("If-Match", "").strip()
    if not given or given == "*":
        return
    if etag_of(obj) not in parse_etags(given):
        raise Stale(
            "Somebody changed it after you read it. Read it again, then repeat your change.",
            current_etag=etag_of(obj),
        )


def respond(request: Request, obj: Any, build: Callable[[], Any], *, status: int = 200) -> Response:
    """Answer with an object's representation, or with 304 if the caller has it already.

    `build` makes the representation and is not called for a 304.
    """
    tag = etag_of(obj)
    given = request.headers.get("If-None-Match", "").strip()
    if given and request.method in {"GET", "HEAD"}:
        # Weak comparison (RFC 9110 §13.1.2): a proxy may have weakened what we sent.
        known = {candidate.removeprefix("W/") for candidate in parse_etags(given)}
        if given == "*" or tag in known:
            return Response(status=304, headers={"ETag": tag})
    return Response(build(), status=status, headers={"ETag": tag})
