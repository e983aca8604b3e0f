"""Probes: is the process alive, and is it ready to serve.

`/healthz` says only that the process answers. `/readyz` asks what requests depend on:
the database, a schema that this code knows, room on the disk, a clock that is about right,
and that this process is not about to end. The broker is a warning and no failure: without
it work waits in the outbox and nothing is lost.
"""

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
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

from kernel import clock, synchrony
from kernel.database.faults import faults_of
from kernel.draining import is_draining
from kernel.upgrade.release import RELEASE

DATABASE_SECONDS = 1.0
BROKER_SECONDS = 0.5
_CONTRACT = re.compile(r"_contract_(\d+)_(\d+)(?:_|$)")
_BROKER_SCHEMES = frozenset({"amqp", "amqps", "pyamqp", "redis", "rediss", "sentinel"})
_BROKER_OPTIONS = {"socket_timeout": 1, "socket_connect_timeout": 1, "max_retries": 0}
_asking_broker = threading.Lock()
_MEGABYTE = 1_000_000
_SMALLEST_SHARE = 0.05


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
    checks["migrations"] = _in_the_database(check_migrations, database)
    checks["walls"] = _in_the_database(check_walls, database)
    checks["broker"] = check_broker(settings.CELERY_BROKER_URL)
    checks["clock"] = check_clock()
    checks["disk"] = check_disk()
    checks["serving"] = check_serving()
    return _uncached(_report(checks))


def _in_the_database(check: Callable[[], Check], database: Check) -> Check:
    """Make a check that reads from the database, which may have gone since the last one."""
    if database.status != "ok":
        return Check("unknown")
    try:
        return check()
    except DatabaseError as error:
        return _no_answer(error)


def _no_answer(error: DatabaseError) -> Check:
    return Check("failed", f"The database does not answer ({type(error).__name__}).")


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
        return _no_answer(error)
    elapsed = time.monotonic() - started
    if elapsed > DATABASE_SECONDS:
        return Check("failed", f"The database took {elapsed:.1f} s for one row.")
    return OK


def check_migrations() -> Check:
    """Compare the migrations of this code with those that the database went through.

    Code before its migration is not ready. Code older than the schema serves on, so that
    processes can be replaced one by one after a migration, unless a newer release says
    otherwise: `0012_contract_0_4_…` needs release 0.4 or later. Tables of apps that are no
    longer installed do not count.
    """
    known = _known_migrations()
    applied = set(MigrationRecorder(connection).applied_migrations())
    apps = {app for app, _ in known.names}
    unapplied = known.wanted - applied
    newer = {migration for migration in applied - known.names if migration[0] in apps}
    beyond = {migration for migration in newer if not _serves_after(migration[1])}
    failures = [
        f"{what}: {_listed(found)}."
        for what, found in (("Not applied", unapplied), ("Applied by a newer release", beyond))
        if found
    ]
    if failures:
        return Check("failed", " ".join(failures))
    return Check("warning", f"Applied by the next release: {_listed(newer)}.") if newer else OK


def _serves_after(name: str) -> bool:
    """Whether this release serves after a migration that it does not know, by its name."""
    contract = _CONTRACT.search(name)
    if contract is None:
        return True
    needed = tuple(map(int, contract.groups()))
    return tuple(map(int, RELEASE.split(".")[:2])) >= needed


def _listed(migrations: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{app}.{name}" for app, name in sorted(migrations))


def check_walls() -> Check:
    """Ask whether the wall between tenants holds for the service's own connection.

    Where it has to (`STEWARD_REQUIRES_WALLS`) the service is not ready without it.
    """
    if not settings.STEWARD_REQUIRES_WALLS:
        return OK
    found = faults_of(connection)
    return Check("failed", " ".join(found)) if found else OK


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


def check_clock() -> Check:
    """Compare this machine's clock with the database's, by which everything is decided.

    What libraries decide by the machine's clock (sessions, signed links) is wrong by more
    than anybody would tolerate beyond a minute.
    """
    skew = clock.skew_seconds()
    if abs(skew) <= synchrony.NOTABLE_SECONDS:
        return OK
    side = "ahead of" if skew > 0 else "behind"
    words = f"This machine's clock is {abs(skew):.0f} s {side} the database's."
    tolerated = abs(skew) <= synchrony.TOLERATED_SKEW_SECONDS
    return Check("warning" if tolerated else "failed", words)


def check_disk() -> Check:
    """Ask for room where the data directory lies: the setting's megabytes, or 5 %, if less.

    A failure where the database is a file there, which could not be written soon; else a
    warning.
    """
    try:
        disk = shutil.disk_usage(settings.STEWARD_DATA_DIR)
    except OSError as error:
        return Check("warning", f"The data directory cannot be looked at ({error.strerror}).")
    wanted = min(settings.STEWARD_MINIMUM_FREE_MB * _MEGABYTE, disk.total * _SMALLEST_SHARE)
    if disk.free >= wanted:
        return OK
    words = (
        f"{disk.free / _MEGABYTE:.0f} MB are free for the data directory; "
        f"it should be {wanted / _MEGABYTE:.0f} MB."
    )
    return Check("failed" if connection.vendor == "sqlite" else "warning", words)


def check_serving() -> Check:
    """Tell balancers to go elsewhere once this process was asked to end."""
    if is_draining():
        return Check("failed", "This process finishes what it has begun, and ends.")
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
