"""The races on SQLite, whatever database the suite itself runs on."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.races.scenarios import SCENARIOS

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.sqlite, pytest.mark.slow]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_rule_holds_among_processes(scenario: Callable[..., None], tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.races.on_sqlite", scenario.__name__],
        cwd=ROOT,
        env={**os.environ, "STEWARD_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
