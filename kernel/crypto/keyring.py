"""The key ring: AES-256-GCM with several keys, of which the first encrypts.

A sealed blob is text: `e1.<key id>.<base64url(nonce ‖ ciphertext ‖ tag)>`. `e1` is
the version of the format, the key id is the first 8 hexadecimal digits of the
SHA-256 of the key, so a blob names its key and a missing key can be named.

Nonces are 96 random bits; NIST SP 800-38D §8.3 allows 2^32 of them under one key.
"""

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_VERSION = "e1"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_BLOB = re.compile(r"e1\.[0-9a-f]{8}\.[A-Za-z0-9_-]{38,}")


class Unreadable(Exception):
    """A blob that cannot be opened: altered, or sealed for another place."""


class KeyMissing(Unreadable):
    """The key that sealed a blob is not in the ring."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"The encryption key {key_id} is not in STEWARD_ENCRYPTION_KEYS. Put it back "
            "at the end of the list until `rotate_encryption_keys` reports 0 remaining."
        )
        self.key_id = key_id


class KeyRing:
    """Keys by their id; the first one given seals."""

    def __init__(self, encoded_keys: Sequence[str]) -> None:
        if not encoded_keys:
            raise ImproperlyConfigured("STEWARD_ENCRYPTION_KEYS is empty: at least one key.")
        self._keys: dict[str, AESGCM] = {}
        for position, encoded in enumerate(encoded_keys, start=1):
            key = _decode_key(encoded, position)
            self._keys[_id_of(key)] = AESGCM(key)
        self.primary_id = next(iter(self._keys))

    def encrypt(self, plaintext: bytes, *, aad: bytes) -> str:
        """Seal bytes with the first key; `aad` must be given again to open them."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._keys[self.primary_id].encrypt(nonce, plaintext, aad)
        body = base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()
        return f"{_VERSION}.{self.primary_id}.{body}"

    def decrypt(self, blob: str, *, aad: bytes) -> bytes:
        """Open a blob; raise `KeyMissing`, or `Unreadable` if it or `aad` is wrong."""
        if not is_sealed(blob):
            raise Unreadable("This is not a sealed value of a known version.")
        _, key_id, body = blob.split(".")
        key = self._keys.get(key_id)
        if key is None:
            raise KeyMissing(key_id)
        try:
            raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
            return key.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], aad)
        except (InvalidTag, binascii.Error):
            raise Unreadable(
                "A sealed value was altered, or moved from the row and column it was sealed for."
            ) from None

    def needs_rotation(self, blob: str) -> bool:
        """Whether a blob was sealed with another key than the first."""
        return not blob.startswith(self.current_prefix)

    @property
    def current_prefix(self) -> str:
        """How blobs of the first key begin."""
        return f"{_VERSION}.{self.primary_id}."


def is_sealed(text: str) -> bool:
    """Whether a text has the form of a sealed blob."""
    return _BLOB.fullmatch(text) is not None


def keyring() -> KeyRing:
    """Return the ring of `settings.STEWARD_ENCRYPTION_KEYS` (base64, 32 bytes each)."""
    return _ring(tuple(settings.STEWARD_ENCRYPTION_KEYS))


def encrypt(plaintext: bytes, *, aad: bytes) -> str:
    """Seal bytes with the installed ring."""
    return keyring().encrypt(plaintext, aad=aad)


def decrypt(blob: str, *, aad: bytes) -> bytes:
    """Open a blob with the installed ring."""
    return keyring().decrypt(blob, aad=aad)


def needs_rotation(blob: str) -> bool:
    """Whether a blob waits for the first key of the installed ring."""
    return keyring().needs_rotation(blob)


def new_key() -> str:
    """Return a fresh key in the form that the setting takes."""
    return base64.b64encode(os.urandom(_KEY_BYTES)).decode()


def key_id(encoded: str) -> str:
    """Return the id that blobs of a key carry."""
    return _id_of(_decode_key(encoded, 1))


def _id_of(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:8]


@lru_cache(maxsize=4)
def _ring(encoded_keys: tuple[str, ...]) -> KeyRing:
    return KeyRing(encoded_keys)


def _decode_key(encoded: str, position: int) -> bytes:
    """Accept standard and URL-safe base64; never show the text of a bad key."""
    text = encoded.strip().replace("-", "+").replace("_", "/").rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ImproperlyConfigured(
            f"Key {position} of STEWARD_ENCRYPTION_KEYS is not {_KEY_BYTES} bytes in base64. "
            "Make one with: openssl rand -base64 32"
        )
    return key
