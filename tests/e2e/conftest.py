"""A whole Steward as `make run` starts it, in a data directory of its own, and a browser."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 60
STOP_SECONDS = 15
WAIT_SECONDS = 30


@dataclass
class Answer:
    """What an HTTP request got."""

    status: int
    body: Any


@dataclass
class Steward:
    """A running installation."""

    url: str
    environment: dict[str, str]
    process: "subprocess.Popen[str]"

    def call(self, path: str, key: str, method: str = "GET", body: Any = None) -> Answer:
        """Call the API as a program would."""
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", f"Bearer {key}")
        data = None
        if body is not None:
            request.add_header("Content-Type", "application/json")
            data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data=data, timeout=10) as answer:
                return Answer(answer.status, json.loads(answer.read() or b"null"))
        except urllib.error.HTTPError as refused:
            return Answer(refused.code, json.loads(refused.read()))

    def curl(self, path: str, key: str) -> Answer:
        """Call the API with curl, as the README says."""
        command = ["curl", "-s", "-w", "\n%{http_code}", "-H", f"Authorization: Bearer {key}"]
        done = subprocess.run(
            [*command, self.url + path], capture_output=True, text=True, check=True
        )
        body, _, status = done.stdout.rpartition("\n")
        return Answer(int(status), json.loads(body))

    def manage(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a management command on this installation's data."""
        return subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


def wait_for(condition: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
    """Return what a condition gives once it is true; fail when that takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    pytest.fail(f"Waited {seconds} s in vain for {what}.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def steward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Steward]:
    """Start everything without the demo organization; stop it as Ctrl-C does."""
    port = free_port()
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STEWARD_", "DJANGO_", "DATABASE_", "REDIS_", "CELERY_", "COV"))
    }
    environment = {
        **inherited,
        "PORT": str(port),
        "DEMO": "0",
        "STEWARD_DATA_DIR": str(tmp_path_factory.mktemp("steward")),
        "STEWARD_BASE_URL": f"http://127.0.0.1:{port}",
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "config.supervise"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if "Ctrl-C" in line:
            break
    else:
        pytest.fail("Steward did not start:\n" + "".join(said))
    welcome = "".join(said)
    assert re.search(r"curl -H 'Authorization: Bearer ", welcome)
    yield Steward(f"http://127.0.0.1:{port}", environment, process)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=STOP_SECONDS)
    assert process.returncode == 0
    assert "Stopped." in rest
    assert "Traceback" not in welcome + rest


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the distribution's Chromium."""
    chromium = os.environ.get("STEWARD_CHROMIUM", "/usr/bin/chromium")
    if not Path(chromium).exists():
        pytest.skip(f"There is no browser at {chromium}: set STEWARD_CHROMIUM.")
    return {
        **browser_type_launch_args,
        "executable_path": chromium,
        "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    }


# Playwright's own fixtures last as long as the run. But while it is up, this thread counts as
# one with a running event loop, and Django lets no such thread at the database: whatever the
# same process tests afterwards would fail. So it ends with the module that wanted a browser.


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Have Playwright for one module."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright, browser_type_launch_args: dict[str, Any]) -> Iterator[Browser]:
    """Have a Chromium for one module."""
    launched = playwright.chromium.launch(**browser_type_launch_args)
    yield launched
    launched.close()


@pytest.fixture(scope="module")
def browser_context_args() -> dict[str, Any]:
    """Open pages as the browser would by itself."""
    return {}
