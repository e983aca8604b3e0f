"""schemathesis against the running service: the document says what the service does.

Every operation, as an owner, with data that fits the document and data that does not, and
chains of operations that use what an earlier one answered: no 5xx, no status or media type
or header that the document does not name, every answer as its schema says, nothing
answered without a credential, nothing there any more after its deletion.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from identity.models import APIKey
from orgs.models import (
    AccessRequest,
    FeatureFlag,
    Grant,
    Invitation,
    Membership,
    Project,
    Role,
    ServiceAccount,
    Team,
)
from tests.wire.crowd import fill
from tests.wire.stage import Stage, build

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]

SECONDS = int(os.environ.get("STEWARD_SCHEMATHESIS_SECONDS", "30"))
"""How long to try; the same seed every time. Give it minutes before a release."""

LEFT_OUT = "positive_data_acceptance"
"""Data that fits the document may still break a rule that only the service knows."""


@pytest.mark.parametrize("phases", ["examples,coverage,fuzzing", "stateful"])
def test_the_service_does_what_its_document_says(
    live_server: Any, tmp_path: Path, phases: str
) -> None:
    stage = build("acme")
    fill(stage)
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{live_server.url}/api/schema?format=json",
        "--url",
        live_server.url,
        "--header",
        f"Authorization: Bearer {stage.owner.key}",
        "--checks",
        "all",
        "--exclude-checks",
        LEFT_OUT,
        "--phases",
        phases,
        "--max-time",
        str(SECONDS),
        "--max-examples",
        "20",
        "--seed",
        "1",
        "--generation-database",
        "none",
        "--suppress-health-check",
        "all",
        "--warnings",
        "off",
        "--continue-on-failure",
        "--no-color",
    ]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.conformance.hooks",
        "STEWARD_CONFORMANCE_IDS": json.dumps(known_ids(stage)),
        "PYTHONPATH": str(settings.BASE_DIR),
    }
    run = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=SECONDS + 300,
    )
    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "No issues found" in run.stdout, run.stdout


def known_ids(stage: Stage) -> dict[str, list[str]]:
    """Return what the parts of paths may name; nothing that the run itself stands on."""
    here = stage.organization
    mine = APIKey.objects.of(here).filter(user=stage.owner.user)
    members = Membership.objects.of(here).exclude(user=stage.owner.user)

    def wire(rows: Any) -> list[str]:
        return [row.wire_id for row in rows.order_by("pk")]

    return {
        "organization": [here.slug],
        "team": [stage.team.name, *Team.objects.of(here).values_list("name", flat=True)],
        "member": wire(members),
        "collaborator": wire(members),
        "role": wire(Role.objects.of(here)),
        "grant": wire(Grant.objects.of(here)),
        "wish": wire(AccessRequest.objects.of(here)),
        "invitation": wire(Invitation.objects.of(here)),
        "account": wire(ServiceAccount.objects.of(here)),
        "project": wire(Project.objects.of(here)),
        "feature": list(FeatureFlag.objects.values_list("name", flat=True)),
        "key": wire(mine),
    }
