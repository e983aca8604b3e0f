"""Tokens and their digests: what is shown once and what is stored.

A high-entropy secret is stored as an HMAC with a server-side pepper, never in clear
and never with a password hash (256 random bits need no slow hash; the pepper makes a
stolen table useless). `settings.STEWARD_KEY_PEPPERS` is a list: the first makes new
digests, all are tried when one is looked up, so a pepper can be rotated.
"""

import hmac
import zlib
from collections.abc import Iterator
from functools import lru_cache
from math import ceil, log2

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_DIGEST_BYTES = 32
_CRC_BYTES = 4


def derive(purpose: str, *parts: str) -> str:
    """Return the 43-character link token of some parts: the same parts, the same token.

    A link can so be shown again (copy the invitation's link) although only its digest
    is stored. Include a nonce among the parts to be able to replace a link.
    """
    return next(derivations(purpose, *parts))


def derivations(purpose: str, *parts: str) -> Iterator[str]:
    """Yield the link token under every pepper, the current one first."""
    message = b"".join(_framed(part) for part in parts)
    for pepper in _peppers():
        key = _purpose_key(pepper, purpose)
        yield base62_encode(hmac.digest(key, message, "sha256"))


def digest(purpose: str, token: str) -> str:
    """Return what is stored for a token: HMAC-SHA-256 in hexadecimal."""
    return next(digests(purpose, token))


def digests(purpose: str, token: str) -> Iterator[str]:
    """Yield a token's digest under every pepper, the current one first, for a lookup."""
    message = _framed(purpose) + token.encode()
    for pepper in _peppers():
        yield hmac.digest(pepper.encode(), message, "sha256").hex()


def equal(left: str, right: str) -> bool:
    """Compare two texts in a time that tells nothing about where they differ."""
    return hmac.compare_digest(left.encode(), right.encode())


def base62_width(length: int) -> int:
    """Return how many base62 characters hold `length` bytes."""
    return ceil(length * 8 / log2(len(_ALPHABET)))


def base62_encode(data: bytes) -> str:
    """Return bytes as digits and letters; the width depends on the length alone."""
    number, letters = int.from_bytes(data, "big"), []
    for _ in range(base62_width(len(data))):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    return "".join(reversed(letters))


def base62_decode(text: str, length: int) -> bytes:
    """Return the `length` bytes behind a text of `base62_encode`, or raise ValueError."""
    if len(text) != base62_width(length):
        raise ValueError("The text does not have the width of its length.")
    number = 0
    for letter in text:
        value = _VALUES.get(letter)
        if value is None:
            raise ValueError("The text holds something else than digits and letters.")
        number = number * len(_ALPHABET) + value
    try:
        return number.to_bytes(length, "big")
    except OverflowError:
        raise ValueError("The text stands for more than its length can hold.") from None


def crc32_base62(text: str) -> str:
    """Return the 6-character checksum by which a scanner verifies a key offline."""
    return base62_encode(zlib.crc32(text.encode()).to_bytes(_CRC_BYTES, "big"))


def _peppers() -> list[str]:
    peppers: list[str] = settings.STEWARD_KEY_PEPPERS
    if not peppers or not all(peppers):
        raise ImproperlyConfigured("STEWARD_KEY_PEPPERS needs at least one value, none empty.")
    return peppers


@lru_cache(maxsize=64)
def _purpose_key(pepper: str, purpose: str) -> bytes:
    """Return the key of one purpose, so that no token of one serves for another."""
    derivation = HKDF(
        algorithm=SHA256(), length=_DIGEST_BYTES, salt=b"steward link", info=purpose.encode()
    )
    return derivation.derive(pepper.encode())


def _framed(part: str) -> bytes:
    """Prefix a part with its length, so that ("ab", "c") and ("a", "bc") differ."""
    data = part.encode()
    return len(data).to_bytes(4, "big") + data
