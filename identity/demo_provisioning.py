"""The demo organization's provisioning: a connection, people and a group of it, a few requests."""

import datetime as dt
import json
from typing import Any

from identity.actions import provisioning, scim_groups, scim_users
from identity.actions.scim_groups import MemberChange
from identity.models import ProvisioningConnection, ProvisioningEntry, SCIMUser
from identity.resources.schema import ENTERPRISE_URN, USER_URN
from kernel.clock import now
from kernel.principal import Principal, PrincipalKind
from orgs.models import Organization

PEOPLE = (
    ("priya.raman@northwind.example", "Priya", "Raman", "Data engineering"),
    ("kenji.sato@northwind.example", "Kenji", "Sato", "Data engineering"),
    ("maud.lefevre@northwind.example", "Maud", "Lefèvre", "Finance"),
)
GROUP = "Data engineering"
_CONFLICT = 409


def seed(*, owner: Principal, organization: Organization) -> None:
    """Connect Okta, and let it do what it does on a first day."""
    connection = provisioning.connect(
        actor=owner, organization=organization, name="Okta", provider="okta"
    )
    provisioning.issue_token(
        actor=owner, organization=organization, connection=connection, name="Okta production"
    )
    okta = Principal(
        kind=PrincipalKind.SERVICE_ACCOUNT,
        id=connection.service_account_id,
        label=connection.service_account.name,
        organization_id=organization.pk,
    )
    people = []
    for address, given, family, department in PEOPLE:
        body = {
            "schemas": [USER_URN, ENTERPRISE_URN],
            "userName": address,
            "name": {"givenName": given, "familyName": family},
            "displayName": f"{given} {family}",
            "emails": [{"value": address, "type": "work", "primary": True}],
            "active": True,
            ENTERPRISE_URN: {"department": department},
        }
        outcome = scim_users.create(actor=okta, organization=organization, resource=body)
        people.append(outcome.row)
        _note(
            connection,
            action="created",
            row=outcome.row,
            status=201,
            body=body,
            changes=outcome.changes,
        )
    crew = MemberChange("add", tuple(row.wire_id for row in people[:2]))
    scim_groups.create(actor=okta, organization=organization, display_name=GROUP, people=crew)
    last = people[-1]
    stop = {"Operations": [{"op": "replace", "value": {"active": False}}]}
    stopped = scim_users.change(
        actor=okta,
        organization=organization,
        row=last,
        by=lambda before: {**before, "active": False},
    )
    _note(
        connection,
        action="updated",
        row=stopped.row,
        status=200,
        body=stop,
        changes=stopped.changes,
    )
    again = {"userName": last.user_name}
    _note(connection, action="created", row=last, status=_CONFLICT, body=again, changes={})


def _note(
    connection: ProvisioningConnection,
    *,
    action: str,
    row: SCIMUser,
    status: int,
    body: dict[str, Any],
    changes: dict[str, Any],
) -> None:
    """Write the line that such a request leaves in the log."""
    refused = status == _CONFLICT
    path = "/scim/v2/Users" if action == "created" else f"/scim/v2/Users/{row.wire_id}"
    ProvisioningEntry.objects.create(
        organization=connection.organization,
        connection=connection,
        at=now() - dt.timedelta(minutes=5),
        caller=connection.service_account.name,
        method="POST" if action == "created" else "PATCH",
        path=path,
        resource_type="User",
        resource_id="" if refused else row.wire_id,
        resource_name=row.user_name,
        action="" if refused else action,
        status=status,
        scim_type="uniqueness" if refused else "",
        detail=(
            f"There is a User with the userName “{row.user_name}” already." if refused else ""
        ),
        changes=json.loads(json.dumps(changes, default=str)),
        request_body=json.dumps(body, ensure_ascii=False, indent=2),
        milliseconds=31,
        user_agent="Okta SCIM Client 1.0",
    )
