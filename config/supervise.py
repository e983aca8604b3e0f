"""One command that runs everything: `python -m config.supervise` (what `make run` calls).

Prepares the data directory (migrations, demo organization on the first start), then keeps
three processes alive: web (granian), worker and beat (Celery). Ctrl-C or SIGTERM ends all
within five seconds; what was accepted by then is a row in the database, so nothing is lost.

Environment: HOST, PORT, STEWARD_DATA_DIR, DEMO=0, WEB_THREADS, and the settings of
`config.settings.embedded`.
"""

import contextlib
import ctypes
import hashlib
import json
import os
import signal
import socket  # ast-grep-ignore: network-only-through-outbound - looks whether the port is free
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request  # ast-grep-ignore: network-only-through-outbound - asks our own processes
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GRACE_SECONDS = 4.0
READY_SECONDS = 30.0
_RESTART_PAUSE_SECONDS = 1.0
_POLL_SECONDS = 0.1
_LINUX_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Child:
    """A process to keep alive."""

    name: str
    command: Sequence[str]
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    restarts: int = field(default=0)

    def start(self) -> None:
        """Start it in a process group of its own: Ctrl-C reaches it through us alone."""
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    def ask_to_end(self) -> None:
        """Tell the process, which tells its own children when their time has come."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def kill(self) -> None:
        """Kill the whole group."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


class Stop(Exception):
    """A signal asked us to end."""


def main() -> int:
    """Run until a signal comes; return the exit status."""
    host = os.environ.get("HOST", "127.0.0.1")
    port = int(os.environ.get("PORT", "8000"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.embedded")
    os.environ.setdefault("STEWARD_BASE_URL", f"http://{_shown(host)}:{port}")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    if not _is_free(host, port):
        print(f"Port {port} of {host} is in use. Choose another: PORT=8001 make run")
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    children: list[Child] = []
    try:
        data_dir = Path(os.environ.get("STEWARD_DATA_DIR", ROOT / "var"))
        if not _is_prepared(data_dir):
            prepare(data_dir)
        children = _children(host, port)
        web = children[0]
        web.start()
        _wait_until_alive(host, port, web)
        if not _answers(host, port, "/readyz"):
            prepare(data_dir)
        _print_welcome(data_dir, has_outbox=_answers(host, port, "/outbox"))
        # Only now: side by side they would all start more slowly.
        for child in children[1:]:
            child.start()
        _watch(children)
    except Stop:
        print("\nStopping…", flush=True)
    finally:
        _end(children)
    print("Stopped.")
    return 0


def _is_prepared(data_dir: Path) -> bool:
    """Whether the last start was of this very code on this database.

    A look at one file instead of a second of Django; whether the schema is right after all
    is asked of the web process (`/readyz`).
    """
    started = data_dir / "started"
    has_database = "DATABASE_URL" in os.environ or (data_dir / "steward.sqlite3").exists()
    return has_database and started.exists() and started.read_text() == _mark()


def _mark() -> str:
    """Return what changes with the migrations, the libraries and the database's address."""
    migrations = sorted(str(path) for path in ROOT.glob("*/migrations/*.py"))
    libraries = (ROOT / "requirements.txt").read_text()
    parts = [*migrations, libraries, os.environ.get("DATABASE_URL", "")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def prepare(data_dir: Path) -> None:
    """Bring the database to this code's schema; make the demo organization once."""
    import django  # noqa: PLC0415 - after the environment is set

    django.setup()
    from django.conf import settings  # noqa: PLC0415 - after the setup
    from django.core.management import call_command  # noqa: PLC0415 - after the setup

    for folder in (data_dir, Path(settings.STATIC_ROOT)):
        folder.mkdir(parents=True, exist_ok=True)
    is_first = not (data_dir / "started").exists()
    if is_first:
        print("Preparing the database (first start)…", flush=True)
    call_command("migrate", verbosity=0, interactive=False)
    if is_first and os.environ.get("DEMO", "1") != "0":
        print("Creating the demo organization (leave it out with DEMO=0)…", flush=True)
        call_command("seed_demo", verbosity=0, stdout=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    (data_dir / "started").write_text(_mark())
    from django.db import connections  # noqa: PLC0415 - after the setup

    connections.close_all()


def web_command(host: str, port: int) -> list[str]:
    """Return the command of the web process; the benchmarks start the same one.

    Nobody stands in front of it, so there is nobody to drain for.
    """
    return [
        sys.executable, "-m", "config.serve", "--host", host, "--port", str(port),
        "--drain-seconds", "0", "--grace-seconds", "3",
    ]  # fmt: skip


def _children(host: str, port: int) -> list[Child]:
    celery = [sys.executable, "-m", "celery", "--quiet", "-A", "config.celery"]
    worker = [
        *celery, "worker", "--pool", "solo", "--without-gossip", "--without-mingle",
        "--without-heartbeat", "--loglevel", "WARNING",
    ]  # fmt: skip
    beat = [*celery, "beat", "--loglevel", "WARNING", "--pidfile", ""]
    return [Child("web", web_command(host, port)), Child("worker", worker), Child("beat", beat)]


def _watch(children: Sequence[Child]) -> None:
    """Start again what died, and say so; give up on what dies at once every time."""
    while True:
        for child in children:
            if child.is_running:
                continue
            child.restarts = child.restarts + 1 if _lived_shortly(child) else 1
            if child.restarts > 5:
                print(f"The {child.name} process ends as soon as it starts; see above.")
                raise Stop
            code = child.process.returncode if child.process else None
            print(f"The {child.name} process ended ({code}); starting it again.", flush=True)
            time.sleep(_RESTART_PAUSE_SECONDS)
            child.start()
        time.sleep(_POLL_SECONDS)


def _lived_shortly(child: Child) -> bool:
    return time.monotonic() - child.started_at < 10


def _end(children: Sequence[Child]) -> None:
    """Ask all to finish, wait, then kill what remains: its rows are leased and run again.

    A second signal ends the waiting.
    """
    is_urgent = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_urgent.set())
    for child in children:
        child.ask_to_end()
    deadline = time.monotonic() + GRACE_SECONDS
    while any(child.is_running for child in children) and time.monotonic() < deadline:
        if is_urgent.wait(0.05):
            break
    for child in children:
        child.kill()


def _answers(host: str, port: int, path: str) -> bool:
    """Whether the web process answers a path with success."""
    try:
        url = f"http://{_shown(host)}:{port}{path}"
        with urllib.request.urlopen(url, timeout=10):  # always http, to ourselves # nosec B310
            return True
    except (urllib.error.URLError, OSError):
        return False


def _wait_until_alive(host: str, port: int, web: Child) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if not web.is_running:
            print("The web process did not start; see above.")
            raise Stop
        if _answers(host, port, "/healthz"):
            return
        time.sleep(_POLL_SECONDS)
    print(f"The web process did not answer within {READY_SECONDS:.0f} seconds.")
    raise Stop


def _print_welcome(data_dir: Path, *, has_outbox: bool) -> None:
    base = os.environ["STEWARD_BASE_URL"].rstrip("/")
    lines = ["", "Steward is running.", "", f"  Console   {base}/"]
    demo = data_dir / "demo.json"
    if demo.exists():
        facts = json.loads(demo.read_text())
        lines += [
            f"  Sign in   {facts['email']}  password {facts['password']}   (demo organization)",
            f"  Sign up   {base}/account/signup/   (an account of your own)",
        ]
        key = facts["api_key"]
    else:
        lines.append(f"  Sign up   {base}/account/signup/")
        key = "YOUR_KEY"
    if has_outbox:
        lines.append(f"  Mail      {base}/outbox   (nothing leaves this machine)")
    lines += [
        f"  API       curl -H 'Authorization: Bearer {key}' {base}/api/v1/me",
        f"            {base}/api/docs",
        f"  Data      {data_dir}",
        "  Stop      Ctrl-C",
        "",
    ]
    print("\n".join(lines), flush=True)


def _stop(_number: int, _frame: object) -> None:
    raise Stop


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _shown(host: str) -> str:
    """Return the host that a browser on this machine can open."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound # nosec B104
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _die_with_parent() -> None:
    """Ask the kernel to end this child if the supervisor is killed outright."""
    ctypes.CDLL(None).prctl(_LINUX_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
