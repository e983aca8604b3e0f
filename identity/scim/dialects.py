"""The form that W&B's SCIM API answers in, which the scripts of this field read.

Its documentation shows `emails` as one object, member keys with capitals and relative
locations ("SCIM API", docs.wandb.ai). Input is understood in both forms everywhere.
"""

from collections.abc import Mapping
from typing import Any

from identity.directory.user_rows import WrittenUser
from identity.directory.user_text import rfc3339
from identity.resources.schema import STEWARD_URN, USER_URN


def wandb_user(resource: Mapping[str, Any], row: WrittenUser) -> dict[str, Any]:
    """Return a User as W&B shows it; what it has no form for stays as it is."""
    shown = {name: value for name, value in resource.items() if not name.startswith("urn:")}
    if "schemas" in shown:
        shown["schemas"] = [USER_URN]
    if "emails" in shown:
        shown["emails"] = _email(shown["emails"])
    elif not resource.get("emails") and "userName" in shown:
        shown["emails"] = _email([])
    if "groups" in shown:
        shown["groups"] = [{"value": one["value"]} for one in shown["groups"] if "value" in one]
    if "meta" in shown:
        shown["meta"] = _meta(shown["meta"], "Users", row.wire_id)
    if "displayName" not in shown and "userName" in shown:
        shown["displayName"] = shown["userName"]
    steward = resource.get(STEWARD_URN, {})
    for name, ours in (
        ("organizationRole", "organizationRole"),
        ("modelsSeat", "seat"),
        ("teamRoles", "teamRoles"),
    ):
        if ours in steward:
            shown[name] = steward[ours]
    if steward:
        shown["lastActiveAt"] = rfc3339(row.last_active) if row.last_active else None
        # Not known here; scripts read it all the same.
        shown["daysActive"] = None
    return shown


def wandb_group(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Group as W&B shows it; a team without members has null there."""
    shown = dict(resource)
    if "members" in shown:
        shown["members"] = [
            {
                "Value": one.get("value", ""),
                "Ref": "",
                "Type": "",
                "Display": one.get("display", ""),
            }
            for one in shown["members"]
        ] or None
    if "meta" in shown:
        shown["meta"] = _meta(shown["meta"], "Groups", str(resource["id"]))
    return shown


def wandb_role(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Role as W&B shows it: permissions with a colon, and no schema's name."""
    shown = {"description": "", **resource, "schemas": [""]}
    if "permissions" in shown:
        shown["permissions"] = [
            {**one, "name": str(one["name"]).replace(".", ":")} for one in shown["permissions"]
        ]
    if "meta" in shown:
        shown["meta"] = _meta(shown["meta"], "Roles", str(resource["id"]))
    return shown


def _email(elements: list[Mapping[str, Any]]) -> dict[str, Any]:
    primary = next((one for one in elements if one.get("primary") is True), None)
    one = primary or (elements[0] if elements else {})
    return {
        "Value": one.get("value", ""),
        "Display": one.get("display", ""),
        "Type": one.get("type", ""),
        "Primary": bool(one.get("primary", bool(one))),
    }


def _meta(meta: Mapping[str, Any], endpoint: str, wire_id: str) -> dict[str, Any]:
    return dict(meta) | ({"location": f"{endpoint}/{wire_id}"} if "location" in meta else {})
