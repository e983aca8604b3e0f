"""The form of an API key, as documented in docs/api-keys.md.

    stw_<key id: 10><_><secret: 43><checksum: 6>

All base62: letters, digits and `_` only, so the key passes clients that split at a dash
and double-clicks select it whole. The secret is 256 random bits; the checksum is CRC-32
over everything before it, so a scanner can tell a real key from a look-alike offline.
The legacy form is 40 hexadecimal digits (160 random bits), for clients that know nothing
else.
"""

import re
import secrets
from dataclasses import dataclass

from kernel.crypto import tokens

_KEY_ID = "[0-9A-Za-z]{10}"
_FORM = re.compile(rf"stw_({_KEY_ID})_([0-9A-Za-z]{{43}})([0-9A-Za-z]{{6}})")
_LEGACY = re.compile(r"[0-9a-f]{40}")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class FreshKey:
    """A key just made: its text, shown once, and the public id inside it."""

    text: str
    key_id: str

    def __repr__(self) -> str:
        return f"FreshKey({self.key_id})"


def make(*, legacy: bool = False) -> FreshKey:
    """Return a new key from the system's random source."""
    key_id = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    if legacy:
        return FreshKey(secrets.token_hex(20), key_id)
    body = f"stw_{key_id}_{tokens.base62_encode(secrets.token_bytes(32))}"
    return FreshKey(body + tokens.crc32_base62(body), key_id)


def is_well_formed(text: str) -> bool:
    """Whether a text is a key with a right checksum, or has the legacy form.

    Answers without the database: what fails here was never a key of ours.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        return _LEGACY.fullmatch(text) is not None
    return tokens.equal(tokens.crc32_base62(text[:-6]), found.group(3))
