"""What the API's manners need to know of a request: who, from where, which one.

The authentication classes set `principal` on the request, the request middleware sets
`origin`; both are read here, through Django's request and DRF's wrapper alike.
"""

from typing import Any

from kernel.addresses import block_of
from kernel.principal import Origin, Principal


def principal_of(request: Any) -> Principal:
    """Return who acts; anonymous until something was proved."""
    principal = _attribute(request, "principal")
    return principal if isinstance(principal, Principal) else Principal.anonymous()


def origin_of(request: Any) -> Origin:
    """Return where a request came from."""
    origin = _attribute(request, "origin")
    if isinstance(origin, Origin):
        return origin
    meta = getattr(request, "META", {})
    return Origin(ip=str(meta.get("REMOTE_ADDR", "")))


def caller_key(request: Any) -> str:
    """Return a stable text for who calls; strangers by their block of addresses."""
    principal = principal_of(request)
    return principal.key if principal.id else f"{principal.key}@{block_of(origin_of(request).ip)}"


def _attribute(request: Any, name: str) -> Any:
    """Read an attribute of a request or of the one that it wraps, without side effects.

    DRF's wrapper would authenticate to answer for some names, so its own dictionary and
    the wrapped request are asked instead.
    """
    for holder in (request, getattr(request, "_request", None)):
        found = getattr(holder, "__dict__", {}).get(name)
        if found is not None:
            return found
    return None
