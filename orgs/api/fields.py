"""How roles, people and holders look on the wire, whatever noun they stand in."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from kernel.api.fields import WireId
from kernel.ids import encode
from orgs.models import Role


@extend_schema_field({"type": "string", "examples": ["admin"]})
class RoleField(serializers.Field[Any, Any, str, Any]):
    """A row's role in one word: the built-in role's name, or the id of the custom one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, source="*", **kwargs)

    def to_representation(self, row: Any) -> str:
        """Return `admin`, or `role_…`."""
        if row.custom_role_id:
            return encode(Role.wire_prefix, row.custom_role_id)
        return str(row.role)


@extend_schema_field(
    {
        "type": "object",
        "required": ["kind", "id", "name"],
        "properties": {
            "kind": {"type": "string", "enum": ["member", "service_account"]},
            "id": {"type": "string", "pattern": "^(mem|sa)_[0-9a-f]{32}$"},
            "name": {"type": "string"},
        },
    }
)
class HolderField(serializers.Field[Any, Any, dict[str, str], Any]):
    """The member or service account of a row that has either."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, source="*", **kwargs)

    def to_representation(self, row: Any) -> dict[str, str]:
        """Return the kind, id and name."""
        if row.membership_id:
            user = row.membership.user
            return {"kind": "member", "id": row.membership.wire_id, "name": user.name}
        account = row.service_account
        return {"kind": "service_account", "id": account.wire_id, "name": account.name}


class PersonShape(serializers.Serializer[Any]):
    """A person as fellow members see them."""

    id = WireId("usr", source="pk")
    username = serializers.CharField()
    display_name = serializers.CharField()
    email = serializers.CharField()


class TeamReferenceShape(serializers.Serializer[Any]):
    """A team in a few words."""

    id = WireId("team", source="pk")
    name = serializers.CharField()
