"""An installation as an operator has it: a folder, a database, processes, the command line."""

import contextlib
import http.client
import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent.parent


def wait_until(what: str, condition: Callable[[], Any], *, seconds: float = 60) -> Any:
    """Return the condition's first true value, or fail after so many seconds."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"{what}: not within {seconds} seconds"
        time.sleep(0.05)
    return found


def free_port() -> int:
    """Return a port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _measured() -> dict[str, str]:
    """Return what lets a command count for the coverage of the run that asked for it."""
    name = "COVERAGE_PROCESS_CONFIG"
    return {name: os.environ[name]} if name in os.environ else {}


_VERIFY = """
from django.core.management import call_command
call_command("check_invariants")
call_command("verify_audit_log")
call_command("rotate_encryption_keys", "--dry-run")
"""


@dataclass
class Installation:
    """Code, a data directory and a database; SQLite in the directory unless a URL is given."""

    folder: Path
    database_url: str = ""
    code: Path = ROOT
    extra: dict[str, str] = field(default_factory=dict)
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Return what its processes are told: nothing of the test run's own settings."""
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("STEWARD_", "COV_", "COVERAGE_", "DJANGO_", "PYTEST_"))
            and name not in ("PYTHONPATH", "DATABASE_URL", "REDIS_URL")
        }
        return {
            **clean,
            "DJANGO_SETTINGS_MODULE": "config.settings.embedded",
            "STEWARD_DATA_DIR": str(self.folder),
            "STEWARD_API_RATE": "0",
            "STEWARD_ANONYMOUS_RATE": "0",
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
            **({"DATABASE_URL": self.database_url} if self.database_url else {}),
            **self.extra,
        }

    def command(
        self, *arguments: str, typed: str = "", **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a management command, whatever comes of it."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.code,
            env={**self.environment, **_measured(), **environment},
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    def manage(self, *arguments: str, typed: str = "") -> str:
        """Run a management command that must succeed and return what it prints."""
        done = self.command(*arguments, typed=typed)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def verify(self) -> None:
        """Let the commands for it find nothing wrong: invariants, audit chains, sealed values."""
        # In one process, which costs a third of three.
        said = self.manage("shell", "-c", _VERIFY)
        for sentence in ("invariants hold", "all links hold", "0 values remain"):
            assert sentence in said

    def run(self, *arguments: str) -> str:
        """Run a Python module that must succeed."""
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=self.code, env=self.environment,
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_web(self, *, workers: int = 1, **environment: str) -> "Web":
        """Start a web process and wait until it answers."""
        port = free_port()
        with (self.folder / f"web-{port}.log").open("ab") as log:
            process = subprocess.Popen(
                self._serve(port, workers),
                cwd=self.code,
                env={**self.environment, "STEWARD_BASE_URL": f"http://127.0.0.1:{port}",
                     **environment},
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.running.append(process)
        web = Web(port, process)
        wait_until("the web process answers", lambda: web.status("/healthz") == 200)
        return web

    def _serve(self, port: int, workers: int) -> list[str]:
        """Return the web server's command; the previous release has none of its own."""
        if (self.code / "config" / "serve.py").exists():
            return [
                sys.executable, "-m", "config.serve", "--host", "127.0.0.1", "--port", str(port),
                "--workers", str(workers), "--threads", "4", "--drain-seconds", "0",
            ]  # fmt: skip
        return [
            sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1",
            "--port", str(port), "--workers", str(workers), "--blocking-threads", "4",
            "--no-ws", "--log-level", "warning", "config.wsgi:application",
        ]  # fmt: skip

    def stop(self) -> None:
        """End what was started."""
        for process in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        self.running.clear()


@dataclass(frozen=True)
class Web:
    """A web process."""

    port: int
    process: "subprocess.Popen[bytes]"

    def status(self, path: str) -> int:
        """Return the status of an answer, 0 if there is none."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return answer(self.port, "GET", path)[0]
        return 0

    def wait_until_ready(self) -> None:
        """Wait until the process says that it can serve."""
        said: list[bytes] = [b""]

        def is_ready() -> bool:
            status, said[0] = answer(self.port, "GET", "/readyz")
            return status == 200

        try:
            wait_until("the process is ready", is_ready, seconds=30)
        except AssertionError as error:
            raise AssertionError(f"{error}: {said[0].decode()}") from None

    def call(self, key: str, method: str, path: str, body: Any = None) -> Any:
        """Call the API with a key; anything but success fails the test."""
        status, content = answer(self.port, method, path, key=key, body=body)
        assert 200 <= status < 300, (status, content)
        return json.loads(content)

    def terminate(self) -> int:
        """Ask the process to end, and wait for it."""
        self.process.terminate()
        return self.process.wait(60)


def answer(
    port: int, method: str, path: str, *, key: str = "", body: Any = None
) -> tuple[int, bytes]:
    """Send one request on a connection of its own."""
    headers = {"Connection": "close"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        content = None if body is None else json.dumps(body).encode()
        connection.request(method, path, content, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def signs_in(port: int, email: str, password: str) -> bool:
    """Sign in as a browser does; return whether the console's pages are open then."""
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(cookies)
    base = f"http://127.0.0.1:{port}"
    page = browser.open(f"{base}/account/login/", timeout=30).read().decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found
    form = {"csrfmiddlewaretoken": found.group(1), "login": email, "password": password}
    request = urllib.request.Request(
        f"{base}/account/login/",
        data=urllib.parse.urlencode(form).encode(),
        headers={"Referer": f"{base}/account/login/", "Origin": base},
    )
    with contextlib.suppress(urllib.error.HTTPError):
        browser.open(request, timeout=30)
    with browser.open(f"{base}/account/sessions/", timeout=30) as landed:
        return "/login/" not in landed.url


def server_url() -> str:
    """Return the PostgreSQL server that the tests use, without a database."""
    known = settings.DATABASES["default"]
    user, password = known.get("USER") or "postgres", known.get("PASSWORD") or ""
    login = f"{quote(user)}:{quote(password)}" if password else quote(user)
    return f"postgresql://{login}@{known.get('HOST') or '127.0.0.1'}:{known.get('PORT') or 5432}"


@contextlib.contextmanager
def fresh_database(owner: str = "") -> Iterator[str]:
    """Create an empty PostgreSQL database and yield its URL."""
    name = f"steward_ops_{os.getpid()}_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(f"{server_url()}/postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"' + (f' OWNER "{owner}"' if owner else ""))
    try:
        yield f"{server_url()}/{name}"
    finally:
        with psycopg.connect(f"{server_url()}/postgres", autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextlib.contextmanager
def owned_database() -> Iterator[str]:
    """Yield the URL of a database whose owner is no superuser, as the owner."""
    owner = f"steward_ops_{os.getpid()}_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(f"{server_url()}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE ROLE \"{owner}\" LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{owner}'")
    try:
        with fresh_database(owner) as url:
            host, name = url.rpartition("@")[2].split("/")
            yield f"postgresql://{owner}:{owner}@{host}/{name}"
    finally:
        with psycopg.connect(f"{server_url()}/postgres", autocommit=True) as admin:
            admin.execute(f'DROP ROLE "{owner}"')


@contextlib.contextmanager
def installed(kind: str, folder: Path) -> Iterator[Installation]:
    """Yield an empty installation on SQLite or PostgreSQL, and take it down again."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(owned_database()) if kind == "postgresql" else ""
        installation = Installation(folder, url)
        stack.callback(installation.stop)
        yield installation
