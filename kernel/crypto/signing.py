"""The signing ring: Ed25519 keys (RFC 8032), of which the first signs and all verify.

`STEWARD_CHECKPOINT_KEYS` holds private keys as base64 of 32 bytes. A retired one can be
replaced by its public half, `public:` and base64 of 32 bytes: it verifies what it signed
and signs nothing more. A key is named by the first 8 hexadecimal digits of the SHA-256
of its public half.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_KEY_BYTES = 32
_PUBLIC = "public:"


class SigningRing:
    """Keys by their id; the first one given signs."""

    def __init__(self, encoded_keys: Sequence[str]) -> None:
        if not encoded_keys or encoded_keys[0].startswith(_PUBLIC):
            raise ImproperlyConfigured(
                "STEWARD_CHECKPOINT_KEYS begins with a private key: 32 bytes in base64. "
                "Make one with: openssl rand -base64 32"
            )
        self._public: dict[str, Ed25519PublicKey] = {}
        for position, encoded in enumerate(encoded_keys, start=1):
            raw = _decode(encoded.removeprefix(_PUBLIC), position)
            if encoded.startswith(_PUBLIC):
                public = Ed25519PublicKey.from_public_bytes(raw)
            else:
                private = Ed25519PrivateKey.from_private_bytes(raw)
                public = private.public_key()
                if position == 1:
                    self._signer = private
            self._public[_id_of(public)] = public
        self.primary_id = next(iter(self._public))

    def sign(self, statement: bytes) -> str:
        """Return the first key's signature of a statement, in hexadecimal digits."""
        return self._signer.sign(statement).hex()

    def knows(self, key_id: str) -> bool:
        """Whether a key of this id is in the ring."""
        return key_id in self._public

    def verifies(self, key_id: str, signature: str, statement: bytes) -> bool:
        """Whether a signature is the named key's, over exactly this statement."""
        public = self._public.get(key_id)
        if public is None:
            return False
        try:
            public.verify(bytes.fromhex(signature), statement)
        except (InvalidSignature, ValueError):
            return False
        return True

    @property
    def public_keys(self) -> Mapping[str, str]:
        """Return every public half in base64, by the key's id."""
        return {
            key_id: base64.b64encode(public.public_bytes_raw()).decode()
            for key_id, public in self._public.items()
        }


def signing_ring() -> SigningRing:
    """Return the ring of `settings.STEWARD_CHECKPOINT_KEYS`."""
    return _ring(tuple(settings.STEWARD_CHECKPOINT_KEYS))


def new_signing_key() -> str:
    """Return a fresh private key in the form that the setting takes."""
    return base64.b64encode(os.urandom(_KEY_BYTES)).decode()


@lru_cache(maxsize=4)
def _ring(encoded_keys: tuple[str, ...]) -> SigningRing:
    return SigningRing(encoded_keys)


def _id_of(public: Ed25519PublicKey) -> str:
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:8]


def _decode(encoded: str, position: int) -> bytes:
    """Return a key's bytes; never show the text of a bad key."""
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ImproperlyConfigured(
            f"Key {position} of STEWARD_CHECKPOINT_KEYS is not {_KEY_BYTES} bytes in base64. "
            "Make one with: openssl rand -base64 32"
        )
    return key
