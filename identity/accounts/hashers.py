"""Argon2id at OWASP's minimum, behind a gate, over one form of each password.

19 ms of CPU and 19 MiB a hash: whoever tries many passwords at once must neither take the
processor from everybody else nor the memory. So two hashes run at a time in a process,
the others wait a second for their turn and are then told to come back.
"""

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import Argon2PasswordHasher

from kernel.errors import Throttled

AT_ONCE = 2
WAIT_SECONDS = 1.0
RETRY_AFTER_SECONDS = 2
_LONGEST = 4096

_gate = threading.BoundedSemaphore(AT_ONCE)


def one_form(password: str) -> str:
    """Return a password in Unicode's form NFKC (RFC 8265 §4.2, NIST SP 800-63B §3.1.1.2).

    The same keys pressed on two systems give different code points for `é` and full-width
    letters. What is longer than any password of ours is cut: it is wrong either way, and
    must not cost more to refuse.
    """
    return unicodedata.normalize("NFKC", password[:_LONGEST])


class Argon2idHasher(Argon2PasswordHasher):
    """m=19 MiB, t=2, p=1 (OWASP Password Storage Cheat Sheet)."""

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Return the hash; raise `Throttled` when too many are being made."""
        with _turn():
            return super().encode(one_form(password), salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Whether a password has this hash; raise `Throttled` as above."""
        with _turn():
            return super().verify(one_form(password), encoded)


@contextmanager
def _turn() -> Iterator[None]:
    if not _gate.acquire(timeout=WAIT_SECONDS):
        raise Throttled(
            "Many people are signing in at this moment. Wait a few seconds, then try again.",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )
    try:
        yield
    finally:
        _gate.release()
