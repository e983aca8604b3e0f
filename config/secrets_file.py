"""The secrets of an embedded installation: made once, kept in a file only its owner reads."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from kernel.crypto.keyring import new_key


def load_or_create(path: Path) -> dict[str, Any]:
    """Return the secrets in a file, which is made if it is not there.

    The file appears whole or not at all: it is written beside its place and linked
    there, so two processes that start together end with the same secrets.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = {
            "secret_key": secrets.token_urlsafe(48),
            "key_peppers": [secrets.token_urlsafe(48)],
            "encryption_keys": [new_key()],
        }
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(fresh, indent=2))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    found: dict[str, Any] = json.loads(path.read_text())
    return found
