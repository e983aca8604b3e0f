"""The benchmark's own database: made anew, its server processes found and pinned."""

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

from bench import machine


class NotHere(Exception):
    """Something that the benchmarks need is missing; the text says how to get it."""


@dataclass(frozen=True, slots=True)
class Database:
    """A PostgreSQL database that belongs to the benchmarks."""

    url: str

    def __post_init__(self) -> None:
        if "bench" not in self.name:
            raise NotHere(
                f"The database “{self.name}” would be dropped. Name one with “bench” in its name "
                "in BENCH_DATABASE_URL."
            )

    @property
    def name(self) -> str:
        """Return the database's name."""
        return urlsplit(self.url).path.lstrip("/")

    def make_anew(self) -> None:
        """Drop and create it."""
        name = sql.Identifier(self.name)
        with self._server() as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            server.execute(sql.SQL("CREATE DATABASE {}").format(name))

    def settle(self) -> None:
        """Clean up after the bulk inserts, so that no vacuum comes during a run."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE, FREEZE)")
            connection.execute("CHECKPOINT")

    def backends(self) -> list[int]:
        """Return the server processes that work for this database on this machine."""
        with self._server() as server:
            rows = server.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s", [self.name]
            ).fetchall()
        return [pid for (pid,) in rows]

    def pin(self, core: int) -> bool:
        """Bind its server processes to one core; return whether all of them could be."""
        return machine.pin(self.backends(), core)

    def describe(self) -> dict[str, str]:
        """Return the server's version and the settings that decide what a commit costs."""
        names = ("server_version", "fsync", "synchronous_commit", "shared_buffers")
        with self._server() as server:
            values = [server.execute(f"SHOW {name}").fetchone() for name in names]
        return {name: str(value[0]) for name, value in zip(names, values, strict=True) if value}

    def _server(self) -> psycopg.Connection:
        parts = urlsplit(self.url)
        url = urlunsplit(parts._replace(path="/postgres"))
        try:
            return psycopg.connect(url, autocommit=True, connect_timeout=3)
        except psycopg.OperationalError as error:
            raise NotHere(
                f"PostgreSQL does not answer at {parts.hostname}:{parts.port or 5432} ({error}). "
                "On Debian and Ubuntu: apt-get install postgresql. Another server: "
                "BENCH_DATABASE_URL=postgresql://user:password@host:5432/steward_bench"
            ) from None


def redis_version(url: str) -> str:
    """Return the version of the Redis server, or raise `NotHere`."""
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return str(client.info("server")["redis_version"])
    except redis.RedisError as error:
        raise NotHere(
            f"Redis does not answer at {url} ({error}). On Debian and Ubuntu: apt-get install "
            "redis-server. Another server: BENCH_REDIS_URL=redis://host:6379/8"
        ) from None
