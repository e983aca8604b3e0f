"""scim2-tester: a public suite's whole compliance check, against the running service.

It reads what the service publishes of itself and tries all of that: every attribute of
every resource type, created, read, projected, searched, replaced, patched and deleted.
"""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import CheckResult, Status, check_server, filling

from tests.conformance.suites.conftest import Door

pytestmark = pytest.mark.slow

BAD = {Status.DEVIATION, Status.ERROR, Status.CRITICAL}

STEWARD = "urn:ietf:params:scim:schemas:extension:steward:2.0:User"


def said(result: CheckResult) -> str:
    """Return one result as lines to read."""
    about = f"{result.status.name} {result.resource_type or 'service'}: {result.title}"
    lines = [about, *(result.reason or "").splitlines()]
    data: Any = result.data
    if data is not None:
        lines.append(str(getattr(data, "text", data))[:2_000])
    return "\n    ".join(lines)


@pytest.fixture
def known(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the suite name roles, seats and teams that there are, where it would name any."""
    values = {
        f"{STEWARD}:organizationRole": ["admin", "member"],
        f"{STEWARD}:seat": ["full"],
        f"{STEWARD}:teamRoles.teamName": [door.world.team.name],
        f"{STEWARD}:teamRoles.roleName": ["admin", "member"],
        "inheritedFrom": ["member"],
        "permissions.name": ["team:read"],
    }
    drawn = filling.get_random_example_value

    def draw(path: Any) -> Any:
        for name in (str(path), str(path).rpartition(":2.0:Role:")[2]):
            if name in values:
                return random.choice(values[name])
        return drawn(path)

    monkeypatch.setattr(filling, "get_random_example_value", draw)


def test_the_whole_compliance_check_finds_nothing(wire: Client, known: None) -> None:
    results = check_server(SyncSCIMClient(wire))
    bad = [said(result) for result in results if result.status in BAD]
    assert not bad, f"{len(bad)} of {len(results)} checks failed:\n" + "\n".join(bad)
