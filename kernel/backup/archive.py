"""The backup file: a ZIP of the manifest and the data, complete or not there."""

import hashlib
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from kernel.backup.manifest import Manifest, decode
from kernel.backup.refusal import Refusal

MANIFEST = "manifest.json"
_PIECE = 1 << 20


@dataclass(slots=True)
class Digest:
    """A file that hashes and counts what goes through to another one."""

    target: IO[bytes]
    size: int = 0
    _sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def write(self, piece: bytes) -> None:
        """Take a piece."""
        self._sha256.update(piece)
        self.size += len(piece)
        self.target.write(piece)

    @property
    def hexdigest(self) -> str:
        """Return the SHA-256 of everything so far."""
        return self._sha256.hexdigest()

    def copy_from(self, source: IO[bytes]) -> None:
        """Take everything that a file holds."""
        while piece := source.read(_PIECE):
            self.write(piece)


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Yield a draft beside `path` (mode 0600) that takes its place if the block succeeds."""
    if path.exists():
        raise Refusal(f"{path} exists already; a backup never overwrites one.")
    if not path.parent.is_dir():
        raise Refusal(f"The folder {path.parent} does not exist.")
    draft = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def writing(path: Path, data_name: str, *, is_compressed: bool) -> Iterator[Digest]:
    """Yield where the data of an archive goes; the manifest is added after it."""
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        entry = zipfile.ZipInfo(data_name)
        entry.compress_type = zipfile.ZIP_STORED if is_compressed else zipfile.ZIP_DEFLATED
        with archive.open(entry, "w", force_zip64=True) as data:
            yield Digest(data)


def add_manifest(path: Path, manifest: Manifest) -> None:
    """Complete an archive."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(MANIFEST, manifest.encode(), zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class Opened:
    """A backup that can be read."""

    archive: zipfile.ZipFile
    manifest: Manifest

    def extract(self, data_name: str, target: Path) -> None:
        """Write the data to a file, or raise `Refusal` if it is not what was backed up."""
        try:
            with self.archive.open(data_name) as source, target.open("wb") as file:
                digest = Digest(file)
                digest.copy_from(source)
        except (zipfile.BadZipFile, KeyError, EOFError) as error:
            raise Refusal(f"The backup is damaged ({error}). Use another one.") from None
        wanted = (self.manifest.data_bytes, self.manifest.data_sha256)
        if (digest.size, digest.hexdigest) != wanted:
            raise Refusal("The backup is damaged: its data has another digest than its manifest.")


@contextmanager
def reading(path: Path) -> Iterator[Opened]:
    """Open a backup and read its manifest, or raise `Refusal`."""
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise Refusal(f"There is no file {path}.") from None
    except (zipfile.BadZipFile, OSError) as error:
        raise Refusal(
            f"{path} is no backup, or it was cut off: the end of the file is missing ({error})."
        ) from None
    with archive:
        content = b""
        with suppress(KeyError):
            try:
                content = archive.read(MANIFEST)
            except zipfile.BadZipFile as error:
                raise Refusal(f"The backup is damaged ({error}). Use another one.") from None
        if not content:
            raise Refusal(f"{path} is a ZIP file, but no backup: it has no {MANIFEST}.")
        yield Opened(archive, decode(content))
