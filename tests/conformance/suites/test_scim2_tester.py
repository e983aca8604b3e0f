"""scim2-tester: a public suite's whole compliance check, against the running service.

It reads what the service publishes of itself and tries all of that: every attribute of
every resource type, created, read, projected, searched, replaced, patched and deleted.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import CheckResult, Status, check_server

from tests.conformance.suites.conftest import Door

pytestmark = pytest.mark.slow

CHECKED = {"User", "Group"}
"""The resource types that must have been tried, whatever else is published."""

BAD = {Status.DEVIATION, Status.ERROR, Status.CRITICAL}


def said(result: CheckResult) -> str:
    """Return one result as lines to read."""
    about = f"{result.status.name} {result.resource_type or 'service'}: {result.title}"
    lines = [about, *(result.reason or "").splitlines()]
    data: Any = result.data
    if data is not None:
        lines.append(str(getattr(data, "text", data))[:2_000])
    return "\n    ".join(lines)


def test_the_whole_compliance_check_finds_nothing(wire: Client) -> None:
    results = check_server(SyncSCIMClient(wire))
    bad = [said(result) for result in results if result.status in BAD]
    assert not bad, f"{len(bad)} of {len(results)} checks failed:\n" + "\n".join(bad)
    # What is left out must be said: everything that the suite has was tried.
    skipped = [said(result) for result in results if result.status is Status.SKIPPED]
    assert not skipped, "\n".join(skipped)
    assert {result.resource_type for result in results} >= CHECKED
    assert len(results) > 100


def test_the_command_line_client_passes_the_service_too(door: Door, tmp_path: Path) -> None:
    """The way a customer would run it: `scim2 --url … test`."""
    run = subprocess.run(
        [str(Path(sys.executable).with_name("scim2")), "--url", door.url, "test", "--verbose"],
        cwd=tmp_path,
        env={**os.environ, "SCIM_CLI_HEADERS": f"Authorization: Bearer {door.token}"},
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert door.token not in run.stdout
