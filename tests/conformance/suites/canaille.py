"""canaille, an identity provider that others wrote, in an environment of its own.

Its release needs a scim2-client from before httpx2, so it cannot share ours. `make lock`
writes its locked requirements, from `requirements-canaille.in`.

`STEWARD_CANAILLE` names the program of an installation that is already there.
"""

import fcntl
import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

REQUIREMENTS = Path(__file__).with_name("requirements-canaille.txt")
SECONDS = 300
REFUSED = ("failed", "Unable to find user", "SCIM protocol not supported", "Traceback")
"""What canaille logs, and goes on, when the other side does not do what it asks for."""

CONFIGURATION = """
SECRET_KEY = "only-of-the-tests-only-of-the-tests"
SERVER_NAME = "idp.example.org"
PREFERRED_URL_SCHEME = "http"

[CANAILLE]
DATABASE = "sql"

[CANAILLE_SQL]
DATABASE_URI = "sqlite:///{database}"

[CANAILLE_OIDC]
# Every client below these names is trusted, and told of every change.
TRUSTED_DOMAINS = ["127.0.0.1", "localhost"]

[CANAILLE_SCIM]
ENABLE_CLIENT = true
"""

NEWER_STANDARD = """
from scim2_models import ServiceProviderConfig

ServiceProviderConfig.model_config["extra"] = "ignore"
ServiceProviderConfig.model_rebuild(force=True)
"""
"""Its models are older than RFC 9865 and refuse the attribute that announces cursors."""


@functools.cache
def program() -> str:
    """Return canaille's program, after installing what is locked if that is not there yet."""
    if named := os.environ.get("STEWARD_CANAILLE"):
        return named
    home = settings.BASE_DIR / "build" / "canaille-venv"
    stamp = home / "requirements.txt"
    home.parent.mkdir(exist_ok=True)
    with home.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != REQUIREMENTS.read_text():
            _run([sys.executable, "-m", "venv", "--clear", str(home)])
            pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            _run([*pip, "--require-hashes", "-r", str(REQUIREMENTS)])
            stamp.write_text(REQUIREMENTS.read_text())
    return str(home / "bin" / "canaille")


def _run(command: list[str], **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command that must succeed, and return it with what it said."""
    run = subprocess.run(
        command, capture_output=True, check=False, text=True, timeout=SECONDS, **options
    )
    assert run.returncode == 0, f"{command}\n{run.stdout}\n{run.stderr}"
    return run


@dataclass(frozen=True, slots=True)
class Canaille:
    """An identity provider with its database, driven by its own command line."""

    home: Path

    @classmethod
    def install(cls, home: Path) -> "Canaille":
        """Create an empty one."""
        (home / "canaille.toml").write_text(CONFIGURATION.format(database=home / "canaille.sqlite"))
        (home / "sitecustomize.py").write_text(NEWER_STANDARD)
        made = cls(home)
        made._say("install")
        return made

    def provision(self, url: str, token: str) -> None:
        """Tell it of a service that it keeps up to date, and of the token for that."""
        self.create("client", client_id="steward", client_name="Steward", client_uri=url)
        self.create(
            "token",
            token_id="steward",
            access_token=token,
            client="steward",
            audience="steward",
            type="access_token",
            scope="profile",
            issue_date="2026-01-01T00:00:00+00:00",
            lifetime=10 * 365 * 86_400,
        )

    def create(self, kind: str, **values: Any) -> Any:
        """Create something, and return it."""
        return json.loads(self._say("create", kind, *_options(values)))

    def edit(self, kind: str, name: str, **values: Any) -> Any:
        """Change something, and return it."""
        return json.loads(self._say("set", kind, name, *_options(values)))

    def delete(self, kind: str, **which: Any) -> None:
        """Delete what is named so."""
        self._say("delete", kind, "--noconfirm", *_options(which))

    def _say(self, *words: str) -> str:
        """Run a command of it, and return the last line of what it answered."""
        configuration = str(self.home / "canaille.toml")
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CANAILLE", "PYTHON", "DJANGO", "COV"))
        }
        run = _run(
            [program(), *words],
            cwd=self.home,
            env={**environment, "CANAILLE_CONFIG": configuration, "PYTHONPATH": str(self.home)},
        )
        for word in REFUSED:
            assert word not in run.stdout + run.stderr, f"{words}\n{run.stdout}\n{run.stderr}"
        return (run.stdout.strip().splitlines() or [""])[-1]


def _options(values: dict[str, Any]) -> list[str]:
    """Return values as options; of a list, one option for each."""
    words = []
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            words += [f"--{name.replace('_', '-')}", str(one)]
    return words
