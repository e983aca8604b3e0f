"""A whole installation for a chaos test: own database, own Redis, own mail server, processes.

Faults are only done to processes that the test started itself.
"""

import asyncio
import contextlib
import email
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from aiosmtpd.controller import Controller
from django.conf import settings

ROLE_PASSWORD = "of-the-tests"
ROOT = Path(__file__).resolve().parent.parent.parent
CELERY = [sys.executable, "-m", "celery", "--quiet", "-A", "config.celery"]


def wait_until(what: str, condition: Callable[[], Any], *, seconds: float) -> Any:
    """Return the condition's first true value, or fail after so many seconds."""
    until = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < until, f"{what}: not within {seconds} seconds"
        time.sleep(0.05)


def free_port() -> int:
    """Return a port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class MailSink:
    """A mail server that counts messages by their id, and can be made to wait or to fail.

    `answer` is said after a message's data: only what is said 250 to is counted. With `drops`
    a message is counted and the connection ends without an answer.
    """

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()
        self.recipients: set[str] = set()
        self.answer = "250 OK"
        self.drops = False
        self.refused = 0
        self.in_hand = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: Any, _session: Any, envelope: Any
    ) -> str:
        """Take a message; answer once it is allowed."""
        self.in_hand.set()
        while not self.may_answer.is_set():
            await asyncio.sleep(0.02)
        if not self.answer.startswith("250"):
            self.refused += 1
            return self.answer
        message = email.message_from_bytes(envelope.content)
        self.recipients.update(envelope.rcpt_tos)
        self.received[message["Message-ID"]] += 1
        if self.drops:
            server.transport.abort()
        return self.answer

    def forget(self) -> None:
        """Forget what came until now."""
        self.received.clear()
        self.recipients.clear()
        self.in_hand.clear()
        self.behave()

    def behave(self) -> None:
        """Answer every message with success again."""
        self.answer, self.drops = "250 OK", False
        self.may_answer.set()

    @property
    def duplicates(self) -> int:
        """Return how many messages came again."""
        return self.received.total() - len(self.received)

    def stop(self) -> None:
        """Stop serving."""
        self.may_answer.set()
        self._controller.stop()


@dataclass
class House:
    """The running installation."""

    database_url: str
    sink: MailSink
    directory: Path
    redis_port: int = field(default_factory=free_port)
    web_port: int = field(default_factory=free_port)
    key: str = ""
    slug: str = ""
    members: list[str] = field(default_factory=list)
    """Wire ids of members for operations that need some; made by `populate`."""
    role: str = ""
    """The database role of the service; without one it connects as the tables' owner."""
    told: dict[str, str] = field(default_factory=dict)
    """What the processes are told otherwise than usual: a proxy's address, another lease."""
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    redis: "subprocess.Popen[bytes] | None" = None
    web: "subprocess.Popen[bytes] | None" = None

    @property
    def service_url(self) -> str:
        """Return where and as whom the service connects to its database."""
        if not self.role:
            return self.database_url
        return f"postgresql://{self.role}:{ROLE_PASSWORD}@{self.database_url.rsplit('@', 1)[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """Return what the processes are told."""
        redis = f"redis://127.0.0.1:{self.redis_port}"
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("STEWARD_", "COV_", "COVERAGE_")) and name != "PYTHONPATH"
        }
        return {
            **clean,
            "DJANGO_SETTINGS_MODULE": "config.settings.embedded",
            "STEWARD_DATA_DIR": str(self.directory),
            "STEWARD_BASE_URL": f"http://127.0.0.1:{self.web_port}",
            "DATABASE_URL": self.service_url,
            "CELERY_BROKER_URL": f"{redis}/0",
            "REDIS_URL": f"{redis}/1",
            "EMAIL_URL": f"smtp://127.0.0.1:{self.sink.port}",
            "STEWARD_JOB_LEASE_SECONDS": "3",
            "STEWARD_SWEEP_SECONDS": "1",
            "STEWARD_API_RATE": "1000000",
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
            **self.told,
        }

    def start(
        self, command: Sequence[str], name: str, **environment: str
    ) -> "subprocess.Popen[bytes]":
        """Start a process in a group of its own; its output goes to a file."""
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**self.environment, **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def manage(self, *arguments: str, **environment: str) -> str:
        """Run a management command and return what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_redis(self) -> None:
        """Start a Redis of our own."""
        binary = shutil.which("redis-server")
        assert binary, "The chaos tests need the binary redis-server."
        self.redis = self.start(
            [binary, "--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--dir", str(self.directory)],
            "redis",
        )  # fmt: skip
        wait_until("Redis answers", lambda: _answers(self.redis_port), seconds=10)

    def start_worker(self, **environment: str) -> "subprocess.Popen[bytes]":
        """Start a worker with two children."""
        command = [*CELERY, "worker", "--concurrency", "2", "-l", "WARNING"]
        return self.start(command, "worker", **environment)

    def start_beat(self) -> "subprocess.Popen[bytes]":
        """Start a beat."""
        return self.start([*CELERY, "beat", "-l", "WARNING", "--pidfile", ""], "beat")

    def start_web(self) -> None:
        """Start the web server anew and wait until it is ready."""
        if self.web is not None:
            self.stop([self.web])
            self.running = [one for one in self.running if one is not self.web]
        self.web = self.start(
            [sys.executable, "-m", "config.serve", "--host", "127.0.0.1",
             "--port", str(self.web_port), "--drain-seconds", "0"],
            "web",
        )  # fmt: skip
        wait_until("the web server answers", self._knows_us, seconds=60)

    def prepare(self) -> None:
        """Migrate, and make an organization with an owner and a key."""
        as_owner = {"DATABASE_URL": self.database_url}
        self.manage("migrate", "-v0", **as_owner)
        if self.role:
            self.manage(
                "create_db_roles", "--role", self.role,
                STEWARD_APP_DATABASE_PASSWORD=ROLE_PASSWORD, **as_owner,
            )  # fmt: skip
        out = self.manage(
            "bootstrap", "--org", "Chaos", "--owner-email", "owner@example.com", "--json"
        )
        facts = json.loads(out)
        self.key, self.slug = facts["api_key"], facts["organization"]["slug"]

    def populate(self, *, members: int = 8) -> None:
        """Give the organization a team `base` and some members (the web server must run)."""
        self.call("POST", f"/api/v1/organizations/{self.slug}/teams", {"name": "base"})
        self.members = self._made_by("people", self.slug, str(members), "person")

    def crowd(self, count: int) -> list[str]:
        """Give the organization many more members, without seats; return their wire ids."""
        return self._made_by("crowd", self.slug, str(count))

    def _made_by(self, module: str, *arguments: str) -> list[str]:
        """Run a module of these tests as the tables' owner; return what it made."""
        done = subprocess.run(
            [sys.executable, "-m", f"tests.chaos.{module}", *arguments],
            cwd=ROOT,
            env={**self.environment, "DATABASE_URL": self.database_url},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found: list[str] = json.loads(done.stdout.splitlines()[-1])
        return found

    def ready(self) -> tuple[int, dict[str, Any]]:
        """Return status and body of `/readyz`; 0 when nothing answers within five seconds."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.web_port}/readyz", timeout=5
            ) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, {}

    def call(self, method: str, path: str, body: Any = None) -> tuple[Any, float]:
        """Call the API; return the answer and the seconds it took. Anything but 2xx raises."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.web_port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        started = time.monotonic()
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = json.load(answer)
        return content, time.monotonic() - started

    def _knows_us(self) -> bool:
        """Whether the API answers; one that was killed may still hold the port for a moment."""
        try:
            self.call("GET", "/api/v1/me")
        except urllib.error.HTTPError:
            raise
        except OSError:
            return False
        return True

    def invite(self, *addresses: str) -> float:
        """Invite addresses; return the seconds it took. Each must have been accepted."""
        path = f"/api/v1/organizations/{self.slug}/invitations"
        answer, seconds = self.call("POST", path, {"addresses": addresses})
        assert {outcome["verdict"] for outcome in answer["outcomes"]} == {"invited"}
        return seconds

    def ask(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Ask the installation's database, past any proxy."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(statement, values or None).fetchall()

    def execute(self, statement: str, values: Sequence[Any] = ()) -> None:
        """Change the installation's database, past the service and any proxy."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(statement, values or None)

    def unfinished(self) -> int:
        """Return how many rows wait or run."""
        (row,) = self.ask("SELECT count(*) FROM kernel_job WHERE state IN ('due', 'running')")
        return int(row[0])

    def log(self, name: str) -> str:
        """Return what a process wrote."""
        return re.sub(r"\x1b\[[0-9;]*m", "", (self.directory / f"{name}.log").read_text())

    @contextlib.contextmanager
    def on_its_own(self) -> Iterator[None]:
        """Give one test the house, with no mail seen, and end what it started after it."""
        kept: list[Any] = list(self.running)
        self.sink.forget()
        (self.directory / "worker.log").write_text("")
        try:
            yield
        finally:
            self.sink.may_answer.set()
            if self.redis is not None:
                self.redis.send_signal(signal.SIGCONT)
            # Redis and web server stay, also when the test started them anew.
            kept += [self.redis, self.web]
            self.stop([one for one in self.running if one not in kept])
            self.running = [one for one in self.running if one in kept]

    def stop(self, processes: Sequence["subprocess.Popen[bytes]"]) -> None:
        """End processes of ours, whatever state they are in."""
        for process in reversed(processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGCONT)
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def children(process: "subprocess.Popen[bytes]") -> list[int]:
    """Return the ids of a process's children."""
    try:
        text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(number) for number in text.split()]


def kill_nine(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and its children at once, as the power cut does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


@contextlib.contextmanager
def built(directory: Path) -> Iterator[House]:
    """Build an installation beside the test's own database, and take it down again."""
    known = settings.DATABASES["default"]
    user, password = known.get("USER") or "postgres", known.get("PASSWORD") or ""
    host, port = known.get("HOST") or "127.0.0.1", known.get("PORT") or 5432
    login = f"{quote(user)}:{quote(password)}" if password else quote(user)
    server = f"postgresql://{login}@{host}:{port}"
    name = f"steward_chaos_{os.getpid()}_{free_port()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    sink = MailSink()
    house = House(f"{server}/{name}", sink, directory, role=name)
    try:
        yield house
    finally:
        house.stop(house.running)
        sink.stop()
        with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            admin.execute(f'DROP ROLE IF EXISTS "{name}"')


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
