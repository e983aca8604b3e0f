"""The key ring beside a backup: fingerprints in the manifest, the secrets in a file apart.

The key file has the form of an environment file (`NAME=value`), so it serves as systemd's
`EnvironmentFile=` and can be read by a shell.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from kernel.backup.archive import appearing
from kernel.backup.manifest import KeyIds
from kernel.backup.refusal import Refusal
from kernel.clock import now
from kernel.crypto.keyring import key_id
from kernel.crypto.signing import signing_ring

_SECRET = "SECRET_KEY"  # noqa: S105 - a name
_LISTS = {
    "key_peppers": "STEWARD_KEY_PEPPERS",
    "encryption_keys": "STEWARD_ENCRYPTION_KEYS",
    "checkpoint_keys": "STEWARD_CHECKPOINT_KEYS",
}
"""The rings of secrets: their place in an installation's own file, and their setting."""


def installed_ids() -> KeyIds:
    """Return the fingerprints of the secrets that this process runs with."""
    return KeyIds(
        encryption=[key_id(key) for key in settings.STEWARD_ENCRYPTION_KEYS],
        peppers=[_fingerprint(pepper) for pepper in settings.STEWARD_KEY_PEPPERS],
        checkpoint=list(signing_ring().public_keys),
        secret=_fingerprint(settings.SECRET_KEY),
    )


def missing(needed: KeyIds, there: KeyIds) -> list[str]:
    """Name the keys that a backup needs and that are not there."""
    kinds = (
        ("encryption key", "STEWARD_ENCRYPTION_KEYS", needed.encryption, there.encryption),
        ("pepper", "STEWARD_KEY_PEPPERS", needed.peppers, there.peppers),
        ("checkpoint key", "STEWARD_CHECKPOINT_KEYS", needed.checkpoint, there.checkpoint),
    )
    return [
        f"{kind} {one} ({setting})"
        for kind, setting, wanted, found in kinds
        for one in wanted
        if one not in found
    ]


def write(path: Path) -> None:
    """Write the secrets to a new file that only its owner reads."""
    values = {
        _SECRET: settings.SECRET_KEY,
        **{name: ",".join(getattr(settings, name)) for name in _LISTS.values()},
    }
    for name, value in values.items():
        if not value.isprintable() or set(value) & set("'\\"):
            raise Refusal(
                f"{name} holds a character that an environment file cannot carry safely; "
                "copy the secrets by hand."
            )
    lines = [
        f"# Steward's secrets, written {now():%Y-%m-%d %H:%M} UTC. Keep apart from the backups.",
        *(f"{name}='{value}'" for name, value in values.items()),
    ]
    with appearing(path) as draft:
        draft.write_text("\n".join(lines) + "\n")


def read(path: Path) -> dict[str, str]:
    """Read a key file, or raise `Refusal`."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"The key file {path} cannot be read ({type(error).__name__}).") from None
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    found = {name.strip(): value.strip().strip("'") for name, _, value in pairs}
    lacking = [name for name in (_SECRET, *_LISTS.values()) if not found.get(name)]
    if lacking:
        raise Refusal(f"{path} is no key file: {', '.join(lacking)} is not in it.")
    return found


def take(found: Mapping[str, str]) -> None:
    """Let this process run with the secrets of a key file."""
    settings.SECRET_KEY = found[_SECRET]
    for name in _LISTS.values():
        setattr(settings, name, found[name].split(","))


def install() -> Path | None:
    """Keep this process's secrets in the installation's own file, if it has one.

    What stood there is kept beside it. In production secrets come from the environment
    and None is returned.
    """
    path: Path | None = settings.STEWARD_SECRETS_FILE
    if path is None:
        return None
    fresh = {
        "secret_key": settings.SECRET_KEY,
        **{place: getattr(settings, name) for place, name in _LISTS.items()},
    }
    if path.exists():
        if json.loads(path.read_text()) == fresh:
            return path
        path.rename(path.with_name(f"{path.name}.before-{now():%Y%m%dT%H%M%S}"))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(fresh, indent=2))
    draft.rename(path)
    return path


def _fingerprint(secret: str) -> str:
    """Return 8 hexadecimal digits that name a secret and do not tell it."""
    return hashlib.sha256(b"steward key id\0" + secret.encode()).hexdigest()[:8]
