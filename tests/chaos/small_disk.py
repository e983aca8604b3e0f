"""A disk of 64 MB that a test can fill and free, and a PostgreSQL server on it."""

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from tests.chaos.house import free_port, wait_until

MEGABYTE = 1_000_000
FILLER = "filler"


class SmallDisk:
    """A file system in memory; `fill` leaves no byte free."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        """Write until nothing more goes in."""
        with contextlib.suppress(OSError), (self.path / FILLER).open("ab", buffering=0) as file:
            for chunk in (b"x" * MEGABYTE, b"x" * 4096, b"x"):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(chunk)

    def free(self) -> None:
        """Give the room back."""
        (self.path / FILLER).unlink(missing_ok=True)

    @property
    def free_bytes(self) -> int:
        """Return how much is left."""
        return shutil.disk_usage(self.path).free


@contextlib.contextmanager
def mounted(path: Path, *, megabytes: int = 64) -> Iterator[SmallDisk]:
    """Mount one for the block. Needs root on Linux: see `can_mount`."""
    path.mkdir(parents=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "steward-test", str(path)],
        check=True,
    )
    try:
        yield SmallDisk(path)
    finally:
        # Lazily: whatever still has a file open there keeps it until it ends.
        subprocess.run(["umount", "-l", str(path)], check=True)


def can_mount() -> bool:
    """Whether this machine lets us make a small disk."""
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mount") is not None


class Server:
    """A PostgreSQL server of our own, its data on a given disk."""

    def __init__(self, directory: Path) -> None:
        self.data, self.port = directory / "pgdata", free_port()
        self._bin = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self._log = directory.parent / "postgresql.log"
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}"

    def create(self) -> None:
        """Make the cluster as small as it goes."""
        self.data.mkdir(mode=0o700)
        user = pwd.getpwnam("postgres")
        os.chown(self.data, user.pw_uid, user.pw_gid)
        self._log.touch()
        os.chown(self._log, user.pw_uid, user.pw_gid)
        self._run(["initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8",
                   "--wal-segsize=1", "--no-sync"])  # fmt: skip
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(
                f"port={self.port}\nlisten_addresses='127.0.0.1'\nunix_socket_directories=''\n"
                "min_wal_size=2MB\nmax_wal_size=4MB\nshared_buffers=16MB\nautovacuum=off\n"
                "restart_after_crash=on\nmax_connections=60\n"
            )

    def start(self) -> None:
        """Start it, if it does not run."""
        if not self.answers():
            self._run(["pg_ctl", "-D", str(self.data), "-l", str(self._log), "-w", "start"])
            wait_until("PostgreSQL answers", self.answers, seconds=30)

    def stop(self) -> None:
        """End it, whatever state it is in."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._run(["pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop"])

    def restart(self) -> None:
        """Restart it without a clean end, as after a crash."""
        how = ["-m", "immediate", "-w", "restart"]
        self._run(["pg_ctl", "-D", str(self.data), "-l", str(self._log), *how])
        wait_until("PostgreSQL answers", self.answers, seconds=30)

    def answers(self) -> bool:
        """Whether one can connect and read."""
        try:
            with psycopg.connect(f"{self.url}/postgres", connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def _run(self, command: Sequence[str]) -> None:
        program = str(self._bin / command[0])
        # The server refuses to run as root. Its log keeps what a pipe would hang on.
        with self._log.open("ab") as log:
            subprocess.run(
                ["runuser", "-u", "postgres", "--", program, *command[1:]],
                check=True,
                stdout=log,
                stderr=log,
                cwd="/",
                timeout=120,
            )
