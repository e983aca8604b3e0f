"""`/Roles`: custom roles, as W&B's SCIM API has them (not of RFC 7643).

A new role is one of teams, as W&B's are, unless it holds what means something for the whole
organization alone.
There are at most fifty, so a filter is decided over all of them.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from identity.directory.represent import moment
from identity.resources import patch, read
from identity.resources.bound import bind
from identity.resources.evaluate import matches
from identity.resources.grammar import parse_filter
from identity.resources.projection import Projection
from identity.resources.refusals import Immutable
from identity.resources.schema import ROLE, ROLE_URN
from identity.scim import asked
from identity.scim.asked import Question
from identity.scim.dialects import wandb_role
from identity.scim.door import WANDB, Answer, Door, versioned
from identity.scim.log import Told
from identity.scim.users import list_response
from kernel.errors import Missing
from orgs.actions import roles
from orgs.models import Role
from orgs.permissions import (
    DESCRIPTIONS,
    ORGANIZATION_ROLES,
    TEAM_LEVEL,
    TEAM_ROLES,
    Permission,
)


class RoleDoor(Door):
    """What the endpoints of Roles share."""

    resource_type: ClassVar[str] = "Role"
    needs: ClassVar[tuple[Permission, ...]] = (Permission.ROLE_READ,)

    def row(self) -> Role:
        """Return the Role of the address, or raise `Missing`."""
        row = Role.objects.of(self.asker.organization).pick(self.kwargs["id"])
        if row.wire_id != self.kwargs["id"]:
            raise Missing("There is no such Role.")
        return row

    def shown(self, row: Role, projection: Projection) -> dict[str, Any]:
        """Return a Role in the caller's form."""
        resource = projection.of(self.whole(row))
        return wandb_role(resource) if self.dialect == WANDB else resource

    def whole(self, row: Role) -> dict[str, Any]:
        """Return a Role as a resource."""
        base = _table(row.scope).get(row.inherits, frozenset())
        held = (base | set(row.added)) - set(row.removed)
        return {
            "schemas": [ROLE_URN],
            "id": row.wire_id,
            **({"externalId": row.external_id} if row.external_id else {}),
            "name": row.name,
            **({"description": row.description} if row.description else {}),
            "inheritedFrom": row.inherits,
            "permissions": [{"name": name, "isInherited": name in base} for name in sorted(held)],
            "organizationID": self.asker.organization.wire_id,
            "meta": {
                "resourceType": "Role",
                "created": moment(row.created_at),
                "location": f"{self.base}/Roles/{row.wire_id}",
                "version": f'W/"{row.version}"',
            },
        }

    def answer(self, row: Role, told: Told, status: int = 200) -> Answer:
        """Answer with a Role."""
        resource = self.shown(row, asked.shown(self.request.GET, ROLE))
        location = {"meta": {"location": f"{self.base}/Roles/{row.wire_id}"}}
        return Answer(resource, status, versioned(location, row.version), told)

    def matching(self, text: str) -> list[Role]:
        """Return the Roles that a filter finds; all without one."""
        rows = list(Role.objects.of(self.asker.organization).order_by("pk"))
        if not text:
            return rows
        node = bind(parse_filter(text), ROLE)
        return [row for row in rows if matches(node, self.whole(row))]

    def page(self, question: Question) -> Answer:
        """Answer with a page of Roles."""
        projection = question.projection(ROLE)
        rows = self.matching(question.asked.filter)
        first = question.asked.start_index - 1
        page = rows[first : first + question.asked.count]
        shown = [self.shown(row, projection) for row in page]
        body = list_response(question, shown, len(shown), len(rows))
        return Answer(body, told=Told("listed", "Role"))


class RolesView(RoleDoor):
    """All custom Roles."""

    def on_get(self) -> Answer:
        """List Roles."""
        return self.page(
            asked.in_query(self.request.GET, everything=self.dialect == WANDB)
        )

    def on_post(self) -> Answer:
        """Create a Role."""
        given = read.normalise(self.body(), ROLE)
        inherits, wanted = _inherited(given, "member"), _names(given)
        scope = _scope_of(wanted)
        row = roles.create(
            actor=self.asker.principal,
            organization=self.asker.organization,
            name=str(given.get("name", "")),
            description=str(given.get("description", "")),
            external_id=str(given.get("externalId", "")),
            scope=scope,
            inherits=inherits,
            added=wanted - _table(scope).get(inherits, frozenset()),
        )
        return self.answer(row, Told("created", "Role", row.wire_id, row.name), status=201)


class RoleView(RoleDoor):
    """One custom Role."""

    def on_get(self) -> Answer:
        """Show a Role, or say that the client has it."""
        row = self.row()
        told = Told("read", "Role", row.wire_id, row.name)
        if self.is_known(row.version):
            return Answer(status=304, headers={"ETag": f'W/"{row.version}"'}, told=told)
        return self.answer(row, told)

    def on_put(self) -> Answer:
        """Replace what is named of a Role; another base keeps what the role adds."""
        row = self.row()
        given = read.normalise(self.body(), ROLE)
        after = {ours: given[name] for name, ours in _TEXTS.items() if name in given}
        inherits = _inherited(given, row.inherits)
        if "permissions" in given:
            base = _table(row.scope).get(inherits, frozenset())
            after |= {"added": sorted(_names(given) - base), "removed": []}
        return self._changed(row, after | {"inherits": inherits})

    def on_patch(self) -> Answer:
        """Change a Role by operations, all or none."""
        row = self.row()
        before = self.whole(row)
        before["permissions"] = [{"name": one["name"]} for one in before["permissions"]]
        given = patch.apply(_dotted(self.body()), before, ROLE)
        if "inheritedFrom" not in given:
            raise Immutable("“inheritedFrom” stays: say what it shall be instead.")
        inherits = _inherited(given, row.inherits)
        held, base = _names(given), _table(row.scope).get(inherits, frozenset())
        after = {ours: given.get(name, "") for name, ours in _TEXTS.items()}
        after |= {"added": sorted(held - base), "removed": sorted(base - held)}
        return self._changed(row, after | {"inherits": inherits})

    def on_delete(self) -> Answer:
        """Delete a Role; whoever holds it has its base from then on."""
        row = self.row()
        roles.retire(actor=self.asker.principal, organization=self.asker.organization, role=row)
        return Answer(status=204, told=Told("deleted", "Role", row.wire_id, row.name))

    def _changed(self, row: Role, after: Mapping[str, Any]) -> Answer:
        expected = self.expected_version()
        changed = roles.update(
            actor=self.asker.principal,
            organization=self.asker.organization,
            role=row,
            changes=after,
            # What was read is what the change is made of: never over somebody else's.
            expected_version=row.version if expected is None else expected,
        )
        return self.answer(changed, Told("updated", "Role", changed.wire_id, changed.name))


_TEXTS = {"name": "name", "description": "description", "externalId": "external_id"}


def _table(scope: str) -> Mapping[str, frozenset[str]]:
    return TEAM_ROLES if scope == Role.Scope.TEAM else ORGANIZATION_ROLES


def _scope_of(wanted: set[str]) -> str:
    """Return where a role of these permissions can be given: in teams, unless one is wider."""
    wide = wanted & set(DESCRIPTIONS) - TEAM_LEVEL
    return Role.Scope.ORGANIZATION if wide else Role.Scope.TEAM


def _inherited(given: Mapping[str, Any], otherwise: str) -> str:
    text = str(given.get("inheritedFrom") or otherwise)
    return text.strip().casefold().replace("-", "_").replace(" ", "_")


def _dotted(body: Any) -> Any:
    """Return a PATCH body with its permissions named as here, so that they can be told apart."""
    operations = []
    for kind, given_path, value in patch.operations_in(body):
        path, inner = given_path, value
        if path is not None and path.lower().startswith("permissions"):
            path, inner = path.replace(":", "."), _dotted_names(value)
        elif isinstance(value, Mapping):
            inner = {
                key: _dotted_names(one) if str(key).lower() == "permissions" else one
                for key, one in value.items()
            }
        operations.append({"op": kind, "path": path, "value": inner})
    return {"Operations": operations}


def _dotted_names(value: Any) -> Any:
    if isinstance(value, list):
        return [_dotted_names(one) for one in value]
    if isinstance(value, Mapping):
        return {key: _dotted_names(one) for key, one in value.items()}
    return value.replace(":", ".") if isinstance(value, str) else value


def _names(given: Mapping[str, Any]) -> set[str]:
    """Return the permissions of a body; W&B writes `project:read`, we `project.read`."""
    listed: Iterable[Mapping[str, Any]] = given.get("permissions", ())
    return {str(one.get("name", "")).replace(":", ".") for one in listed if one.get("name")}

