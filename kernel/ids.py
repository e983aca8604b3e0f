"""Identifiers: UUIDv7 inside, a typed prefix on the wire (`org_…`)."""

import secrets
import threading
import uuid

from kernel.clock import now
from kernel.errors import Missing

_lock = threading.Lock()
_last_tick = 0


def uuid7() -> uuid.UUID:
    """Return a time-ordered UUID (RFC 9562 §5.7).

    The 12 bits after the milliseconds count on within one process (method 1 of
    §6.2), so ids made one after the other sort that way: keyset pages by id are
    pages by time of creation.
    """
    global _last_tick  # noqa: PLW0603 - the counter is process-wide by definition
    with _lock:
        tick = int(now().timestamp() * 1000) << 12
        _last_tick = tick if tick > _last_tick else _last_tick + 1
        tick = _last_tick
    value = (tick >> 12) << 80
    value |= 0x7 << 76
    value |= (tick & 0xFFF) << 64
    value |= 0b10 << 62
    value |= secrets.randbits(62)
    return uuid.UUID(int=value)


def encode(prefix: str, value: uuid.UUID) -> str:
    """Return the wire form of an id: prefix, underscore, 32 hexadecimal digits."""
    return f"{prefix}_{value.hex}"


def decode(prefix: str, text: str) -> uuid.UUID:
    """Return the UUID behind a wire id; a bare UUID is accepted as well.

    Raises `Missing` for anything else: an id that cannot exist is answered like
    one that does not.
    """
    body = text.removeprefix(f"{prefix}_")
    try:
        return uuid.UUID(body)
    except ValueError:
        raise Missing from None
