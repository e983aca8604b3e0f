"""scim2-tester: a public suite's whole compliance check, against the running service.

It reads what the service publishes of itself and tries all of that: every attribute of
every resource type, created, read, projected, searched, replaced, patched and deleted.
"""

import json
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

from orgs.permissions import TEAM_LEVEL
from tests.conformance.suites.conftest import Door

pytestmark = pytest.mark.slow

BAD = {Status.DEVIATION, Status.ERROR, Status.CRITICAL}

STEWARD = "urn:ietf:params:scim:schemas:extension:steward:2.0:User"

ALWAYS_THERE = {
    "active",
    STEWARD,
    f"{STEWARD}:organizationRole",
    f"{STEWARD}:seat",
    "inheritedFrom",
}
"""What everybody has: removing it is refused, by name and with `mutability`."""

SAID_MORE = {"members", STEWARD, "permissions"}
"""Whose answers add what is read-only or inherited; the suite compares them as a whole."""


def said(result: CheckResult) -> str:
    """Return one result as lines to read."""
    about = f"{result.status.name} {result.resource_type or 'service'}: {result.title}"
    lines = [about, *(result.reason or "").splitlines()]
    data: Any = result.data
    if data is not None:
        lines.append(str(getattr(data, "text", data))[:2_000])
    return "\n    ".join(lines)


def holds(answered: Any, given: Any) -> bool:
    """Whether an answer has all that was given, and perhaps more."""
    given, answered = (
        one.model_dump() if hasattr(one, "model_dump") else one for one in (given, answered)
    )
    if isinstance(given, dict):
        return isinstance(answered, dict) and all(
            holds(answered.get(name), value)
            for name, value in given.items()
            if value is not None and name != "schemas"
        )
    if isinstance(given, list):
        return all(any(holds(one, value) for one in answered or []) for value in given)
    return bool(given == answered)


def explained(result: CheckResult) -> bool:
    """Whether the suite expects here what is not so by this service's rules."""
    data = result.data if isinstance(result.data, dict) else {}
    urn = data.get("urn")
    if result.title == "check_remove_attribute":
        return urn in ALWAYS_THERE and "stays: say what it shall be" in (result.reason or "")
    answered = data.get("modify_actual", data.get("actual"))
    return urn in SAID_MORE and answered is not None and holds(answered, data.get("expected"))


@pytest.fixture
def known(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the suite name roles, seats and teams that there are, where it would name any."""
    values = {
        "organization_role": ["admin", "member"],
        "seat": ["full"],
        "team_name": [door.world.team.name],
        "role_name": ["admin", "member"],
        "inherited_from": ["member"],
        "Permissions.name": sorted(str(one) for one in TEAM_LEVEL),
    }
    random.seed(1)  # the suite draws booleans and list members
    drawn = filling.get_random_example_value

    def draw(path: Any) -> Any:
        binding = path.resolve()
        if binding is not None and binding.target_model is not None:
            field = binding.target_field_name
            for name in (field, f"{binding.target_model.__name__}.{field}"):
                if name in values:
                    return random.choice(values[name])
        return drawn(path)

    monkeypatch.setattr(filling, "get_random_example_value", draw)


def test_the_whole_compliance_check_finds_nothing(wire: Client, known: None) -> None:
    results = check_server(SyncSCIMClient(wire))
    bad = [said(one) for one in results if one.status in BAD and not explained(one)]
    assert not bad, f"{len(bad)} of {len(results)} checks failed:\n" + "\n".join(bad)
    # What is left out must be said: everything that the suite has was tried.
    skipped = [said(one) for one in results if one.status is Status.SKIPPED]
    assert not skipped, "\n".join(skipped)
    assert {one.resource_type for one in results} >= {"User", "Group", "Role"}
    assert len(results) > 100


def test_the_command_line_client_creates_finds_and_deletes(door: Door, tmp_path: Path) -> None:
    def scim2(*words: str, given: Any = None) -> Any:
        run = subprocess.run(
            [str(Path(sys.executable).with_name("scim2")), "--url", door.url, *words],
            cwd=tmp_path,
            env={**os.environ, "SCIM_CLI_HEADERS": f"Authorization: Bearer {door.token}"},
            input="" if given is None else json.dumps(given),
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        assert door.token not in run.stdout + run.stderr
        return json.loads(run.stdout) if run.stdout.strip() else None

    address = "ada@example.org"
    body = {"userName": address, "emails": [{"value": address, "primary": True}]}
    schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"]
    made = scim2("create", "user", given={"schemas": schemas, **body})
    assert made["userName"] == address
    found = scim2("query", "user", "--filter", f'userName eq "{address}"')
    assert [one["id"] for one in found["Resources"]] == [made["id"]]
    scim2("delete", "user", made["id"])
    found = scim2("query", "user", "--filter", f'userName eq "{address}"')
    assert found["totalResults"] == 0
