"""The release before this one: its code out of the history, and its database with data.

The fixtures are an installation of that release, filled by its own actions, dumped as SQL for
both databases, with the secrets that it ran with. They are made by

    DJANGO_SETTINGS_MODULE=config.settings.test python -m tests.operations.previous_release

and only a new previous release is a reason to make them again.
"""

import json
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

from tests.operations.installation import ROOT, Installation, installed

COMMIT = "db6bd634606a7e42fd925c8f2f0cc8bfe4f5e41b"
FIXTURES = Path(__file__).resolve().parent / "fixtures"
NAME = "release_0_1"


def is_in_history() -> bool:
    """Whether this checkout has the previous release's code."""
    found = subprocess.run(
        ["git", "cat-file", "-e", f"{COMMIT}^{{commit}}"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    return found.returncode == 0


def extract(folder: Path) -> Path:
    """Write the previous release's code to a folder."""
    folder.mkdir(parents=True)
    packed = subprocess.run(
        ["git", "archive", COMMIT], cwd=ROOT, capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
    return folder


def install(kind: str, installation: Installation) -> dict[str, str]:
    """Give an empty installation the previous release's database and secrets; return the facts."""
    text = (FIXTURES / f"{NAME}.{kind}.sql").read_text()
    if kind == "sqlite":
        with closing(sqlite3.connect(installation.folder / "steward.sqlite3")) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.executescript(text)
    else:
        _client(
            "psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", "-",
            installation.database_url, given=text,
        )  # fmt: skip
    told = json.loads((FIXTURES / f"{NAME}.{kind}.json").read_text())
    (installation.folder / "secrets.json").write_text(json.dumps(told["secrets"]))
    (installation.folder / "started").touch()
    facts: dict[str, str] = told["facts"]
    return facts


def make_fixture(kind: str, code: Path, installation: Installation) -> None:
    """Fill an installation of the previous release and write it down."""
    installation.code = code
    installation.manage("migrate", "-v0")
    installation.manage("seed_demo")
    # Mails are rendered and kept, sealed, in the local outbox.
    installation.manage(
        "shell", "-c", "from kernel.jobs.sweep import sweep\nwhile sweep(): pass"
    )
    told = {
        "secrets": json.loads((installation.folder / "secrets.json").read_text()),
        "facts": json.loads((installation.folder / "demo.json").read_text()),
    }
    (FIXTURES / f"{NAME}.{kind}.json").write_text(json.dumps(told, indent=1) + "\n")
    if kind == "sqlite":
        with closing(sqlite3.connect(installation.folder / "steward.sqlite3")) as database:
            text = "\n".join(database.iterdump())
    else:
        text = _client("pg_dump", "--no-owner", "--no-privileges", installation.database_url)
    # Random words of this dump alone; rows may end in a tab, so nothing is stripped from them.
    drop = ("\\restrict", "\\unrestrict")
    kept = [line for line in text.split("\n") if not line.startswith(drop)]
    (FIXTURES / f"{NAME}.{kind}.sql").write_text("\n".join(kept).strip() + "\n")


def _client(name: str, *arguments: str, given: str = "") -> str:
    program = shutil.which(name)
    assert program, f"The upgrade drill needs {name}."
    return subprocess.run(
        [program, *arguments], input=given, text=True, check=True, capture_output=True
    ).stdout


if __name__ == "__main__":
    import django

    django.setup()
    with tempfile.TemporaryDirectory() as work:
        old_code = extract(Path(work) / "code")
        for each in ("sqlite", "postgresql"):
            with installed(each, Path(work) / each) as made:
                make_fixture(each, old_code, made)
