"""Probes: is the process alive, and is it ready to serve.

`/healthz` says only that the process answers. `/readyz` asks what requests depend on:
the database, and a schema that this code knows. The broker is a warning and no failure:
without it work waits in the outbox and nothing is lost.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from kombu.connection import Connection

DATABASE_SECONDS = 1.0
BROKER_SECONDS = 0.5
_BROKER_SCHEMES = frozenset({"amqp", "amqps", "pyamqp", "redis", "rediss", "sentinel"})
_BROKER_OPTIONS = {"socket_timeout": 1, "socket_connect_timeout": 1, "max_retries": 0}
_asking_broker = threading.Lock()


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check; a warning does not make the service unready."""

    status: str
    detail: str = ""

    def body(self) -> dict[str, str]:
        """Return it for the answer."""
        return {"status": self.status, **({"detail": self.detail} if self.detail else {})}


OK = Check("ok")


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as the process can answer at all."""
    return _uncached(JsonResponse({"status": "ok"}))


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 when requests can be served, and otherwise 503 with what is wrong."""
    database = check_database()
    checks: dict[str, Check] = {"database": database}
    # Without a database there is nothing to read the schema from.
    checks["migrations"] = check_migrations() if database.status == "ok" else Check("unknown")
    checks["broker"] = check_broker(settings.CELERY_BROKER_URL)
    return _uncached(_report(checks))


def check_database() -> Check:
    """Ask the database for one row, within a second."""
    started = time.monotonic()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                limit = f"{int(DATABASE_SECONDS * 1000)}ms"
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [limit])
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError as error:
        return Check("failed", f"The database does not answer ({type(error).__name__}).")
    elapsed = time.monotonic() - started
    if elapsed > DATABASE_SECONDS:
        return Check("failed", f"The database took {elapsed:.1f} s for one row.")
    return OK


def check_migrations() -> Check:
    """Compare the migrations of this code with those that the database went through.

    Both ways: code before its migration, and code older than the schema. Tables of apps
    that are no longer installed do not count.
    """
    known = _known_migrations()
    applied = set(MigrationRecorder(connection).applied_migrations())
    apps = {app for app, _ in known.names}
    unapplied = known.wanted - applied
    unknown = {migration for migration in applied - known.names if migration[0] in apps}
    sentences = [
        f"{what}: {', '.join(f'{app}.{name}' for app, name in sorted(found))}."
        for what, found in (
            ("Not applied", unapplied),
            ("Applied by a newer release", unknown),
        )
        if found
    ]
    return Check("failed", " ".join(sentences)) if sentences else OK


def check_broker(url: str) -> Check:
    """Open a connection to the broker; wait for half a second, because probes are impatient.

    While an earlier question still hangs, no other is asked: probes do not pile up threads.
    """
    scheme = urlsplit(url or "").scheme.split("+")[0]
    if scheme not in _BROKER_SCHEMES:
        return Check("ok", "No broker is configured; the sweep runs the jobs.")
    broker = Connection(  # type: ignore[no-untyped-call]
        url, connect_timeout=BROKER_SECONDS, transport_options=_BROKER_OPTIONS
    )
    # Imported here, where it does not count as waiting.
    broker.get_transport_cls()  # type: ignore[no-untyped-call]
    outcome: list[str] = []

    def ask() -> None:
        try:
            with broker:
                broker.connect()  # type: ignore[no-untyped-call]
                outcome.append("")
        except Exception as error:  # noqa: BLE001 - each transport has errors of its own
            outcome.append(type(error).__name__)
        finally:
            _asking_broker.release()

    # A broker that hangs (accepts and says nothing) blocks longer than its time-outs say.
    if _asking_broker.acquire(blocking=False):
        thread = threading.Thread(target=ask, name="readyz-broker", daemon=True)
        thread.start()
        thread.join(BROKER_SECONDS)
    failure = outcome[0] if outcome else "no answer in time"
    if failure:
        return Check("warning", f"The broker is out of reach ({failure}); jobs wait for the sweep.")
    return OK


@dataclass(frozen=True, slots=True)
class _Known:
    """Migrations on disk: all names, and those that a complete database has."""

    names: frozenset[tuple[str, str]]
    wanted: frozenset[tuple[str, str]]


@cache
def _known_migrations() -> _Known:
    """Read the migrations from disk once; they do not change under a running process."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    names = frozenset(loader.disk_migrations or {})
    return _Known(names=names, wanted=frozenset(loader.graph.nodes))


def _report(checks: Mapping[str, Check]) -> JsonResponse:
    failed = any(check.status == "failed" for check in checks.values())
    body = {
        "status": "unavailable" if failed else "ok",
        "checks": {name: check.body() for name, check in checks.items()},
    }
    return JsonResponse(body, status=503 if failed else 200)


def _uncached(response: JsonResponse) -> JsonResponse:
    response.headers["Cache-Control"] = "no-store"
    return response
