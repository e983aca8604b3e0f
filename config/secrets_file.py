"""The secrets of an embedded installation: made once, kept in a file only its owner reads."""

import fcntl
import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

from kernel.crypto.keyring import new_key
from kernel.crypto.signing import new_signing_key


def load_or_create(path: Path) -> dict[str, Any]:
    """Return the secrets in a file, which is made if it is not there.

    The file appears whole or not at all: it is written beside its place and linked
    there, so two processes that start together end with the same secrets. Secrets that a
    later release needs are added to the file of an earlier one. A folder that is made for
    it is its owner's alone: the database will lie there too.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = _draft(path, _fresh())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    found: dict[str, Any] = json.loads(path.read_text())
    return found if found.keys() >= _fresh().keys() else _completed(path)


def _fresh() -> dict[str, Any]:
    return {
        "secret_key": secrets.token_urlsafe(48),
        "key_peppers": [secrets.token_urlsafe(48)],
        "encryption_keys": [new_key()],
        "checkpoint_keys": [new_signing_key()],
    }


def _completed(path: Path) -> dict[str, Any]:
    """Add what is missing, one process at a time; what is there stays as it is."""
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        # Read by name: whoever held the lock before has put another file in its place.
        found: dict[str, Any] = {**_fresh(), **json.loads(path.read_text())}
        draft = _draft(path, found)
        draft.replace(path)
    return found


def _draft(path: Path, content: dict[str, Any]) -> Path:
    # A name of its own: threads share a process's number, and containers have equal ones.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as draft:
        draft.write(json.dumps(content, indent=2))
    return Path(name)
