"""What a backup says of itself."""

import datetime as dt

import msgspec
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from kernel.backup.refusal import Refusal
from kernel.upgrade.release import RELEASE

FORMAT = 1
"""The version of the archive's form; raised when older code could not read a new one."""


class KeyIds(msgspec.Struct, frozen=True):
    """Fingerprints of the secrets without which the data is of no use."""

    encryption: list[str]
    peppers: list[str]
    checkpoint: list[str]
    secret: str


class Head(msgspec.Struct, frozen=True):
    """The end of one audit chain: how many events, and the last link."""

    sequence: int
    hash: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a backup but the data."""

    format: int
    release: str
    made_at: dt.datetime
    database: str
    migrations: list[str]
    rows: dict[str, int]
    heads: dict[str, Head]
    keys: KeyIds
    data_bytes: int
    data_sha256: str

    @property
    def total_rows(self) -> int:
        """Return the rows of all tables."""
        return sum(self.rows.values())

    def encode(self) -> bytes:
        """Return it as it stands in the archive."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)


class _Envelope(msgspec.Struct):
    """The one field that every version of the format has."""

    format: int


def decode(content: bytes) -> Manifest:
    """Read a manifest, or raise `Refusal`."""
    try:
        version = msgspec.json.decode(content, type=_Envelope).format
        if version > FORMAT:
            raise Refusal(
                f"The backup has format {version}; this release ({RELEASE}) reads up to {FORMAT}. "
                "Restore with the release that made it, or a later one."
            )
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise Refusal(f"The backup's manifest cannot be read: {error}") from None


def applied_migrations() -> list[str]:
    """Return the names of the migrations that the connected database went through."""
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied)


def require_known_migrations(manifest: Manifest) -> None:
    """Refuse a backup of a newer release: its schema is not this code's past."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    known = {f"{app}.{name}" for app, name in loader.disk_migrations or {}}
    apps = {name.partition(".")[0] for name in known}
    newer = [
        name for name in manifest.migrations if name not in known and name.partition(".")[0] in apps
    ]
    if newer:
        raise Refusal(
            f"The backup was made by release {manifest.release}, which is newer than this one "
            f"({RELEASE}): it went through {', '.join(newer)}. Install that release first."
        )
