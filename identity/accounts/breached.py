"""An operator's file of leaked passwords: sorted SHA-1 hashes, searched where it lies.

The form in which such sets are published: one hash in hexadecimal a line, sorted, with or
without a count after a colon. Tens of gigabytes are searched in some thirty reads; nothing
is loaded, and no network is asked.
"""

import hashlib
from pathlib import Path
from typing import IO

import structlog

log = structlog.stdlib.get_logger(__name__)

_HASH_LETTERS = 40
_LONGEST_LINE = 80


def is_breached(path: str, password: str) -> bool:
    """Whether the file has the password's hash; a file that cannot be read has none.

    That is logged: setting a password must not depend on a disk that was forgotten.
    """
    # SHA-1 is what the published sets are made of; nothing is protected by it.
    # ast-grep-ignore: no-weak-hash - it is what the file holds
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    try:
        with Path(path).open("rb") as file:
            return _holds(file, wanted)
    except OSError as error:
        log.warning("breached_passwords_unreadable", error=type(error).__name__)
        return False


def _holds(file: IO[bytes], wanted: bytes) -> bool:
    """Halve the file between two offsets until the line is found or cannot be there."""
    low, high = 0, file.seek(0, 2)
    while low < high:
        middle = (low + high) // 2
        start, line = _line_from(file, middle)
        if not line or start >= high:
            high = middle
            continue
        found = line[:_HASH_LETTERS].upper()
        if found == wanted:
            return True
        if found < wanted:
            low = start + len(line)
        else:
            high = middle
    return False


def _line_from(file: IO[bytes], offset: int) -> tuple[int, bytes]:
    """Return the first line that begins at or after an offset, and where it begins."""
    file.seek(max(0, offset - 1))
    if offset:
        file.readline(_LONGEST_LINE)
    start = file.tell()
    return start, file.readline(_LONGEST_LINE)
