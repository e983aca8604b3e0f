"""The rows of Users: read under a lock, looked at for what is unique, and as resources."""

import json
from collections.abc import Mapping
from typing import Any

from identity.actions.scim_content import Content
from identity.errors import NotUnique
from identity.models import SCIMUser
from identity.models.scim import SCIMUserQuerySet
from identity.resources.schema import STEWARD_URN
from kernel.errors import Missing
from orgs.models import Organization, TeamMembership

_LONGEST_TOLD = 4_000


def require_free(
    organization: Organization, content: Content, besides: SCIMUser | None = None
) -> None:
    """Raise `NotUnique` for a userName or externalId that another User has."""
    others = SCIMUser.objects.of(organization)
    if besides is not None:
        others = others.exclude(pk=besides.pk)
    if others.named(content.user_name_key).exists():
        raise NotUnique(f"There is a User with the userName “{content.user_name}” already.")
    if content.external_id and others.filter(external_id=content.external_id).exists():
        raise NotUnique(f"There is a User with the externalId “{content.external_id}” already.")


def locked(organization: Organization, row: SCIMUser) -> SCIMUser:
    """Lock a User and read it anew, with what it stands on. Raises `Missing`."""
    rows = SCIMUser.objects.of(organization).select_for_update(of=("self",))
    found: SCIMUser | None = _with_place(rows).filter(pk=row.pk).first()
    if found is None:
        raise Missing
    return found


def read(organization: Organization, pk: Any) -> SCIMUser:
    """Read a User anew, with what it stands on."""
    return _with_place(SCIMUser.objects.of(organization)).get(pk=pk)


def _with_place(rows: SCIMUserQuerySet) -> SCIMUserQuerySet:
    return rows.select_related(
        "membership__user", "membership__custom_role", "invitation__custom_role"
    )


def as_resource(row: SCIMUser) -> dict[str, Any]:
    """Return the User as clients change it: without what is derived."""
    held = row.membership or row.invitation
    steward: dict[str, Any] = {}
    if held is not None:
        steward["organizationRole"] = held.custom_role.name if held.custom_role else held.role
        steward["seat"] = str(held.seat)
    if row.membership is not None:
        places = TeamMembership.objects.of(row.organization_id).filter(membership=row.membership)
        held_in = [
            {"teamName": team, "roleName": custom or role}
            for team, role, custom in places.order_by("id").values_list(
                "team__name", "role", "custom_role__name"
            )
        ]
        if held_in:
            steward["teamRoles"] = held_in
    resource: dict[str, Any] = {"userName": row.user_name, "active": row.is_active}
    if row.external_id:
        resource["externalId"] = row.external_id
    # A copy: whoever changes the resource must not change the row.
    resource |= json.loads(json.dumps(row.resource))
    if steward:
        resource[STEWARD_URN] = steward
    return resource


def different(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs, by attribute; those of extensions by their own names.

    It goes into the trail and the log for good: large values are told by their size.
    """
    flat = [_flat(before), _flat(after)]
    names = sorted(flat[0].keys() | flat[1].keys())
    return {
        name: [_told(flat[0].get(name)), _told(flat[1].get(name))]
        for name in names
        if flat[0].get(name) != flat[1].get(name)
    }


def _told(value: Any) -> Any:
    size = len(json.dumps(value))
    return value if size <= _LONGEST_TOLD else f"{size:,} characters"


def _flat(resource: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in resource.items():
        if name.startswith("urn:"):
            found |= value
        else:
            found[name] = value
    return found
