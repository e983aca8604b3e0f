"""`/Roles`: custom roles, as W&B's SCIM API has them (not of RFC 7643).

Roles over SCIM are those of teams unless they are there already: W&B gives its own in teams.
There are at most fifty, so a filter is decided over all of them.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from identity.directory.lists import Found
from identity.directory.represent import moment
from identity.resources import patch, read
from identity.resources.bound import bind
from identity.resources.evaluate import matches
from identity.resources.grammar import parse_filter
from identity.resources.projection import Projection
from identity.resources.schema import ROLE, ROLE_URN
from identity.scim import asked
from identity.scim.asked import Question
from identity.scim.dialects import wandb_role
from identity.scim.door import WANDB, Answer, Door, versioned
from identity.scim.log import Told
from identity.scim.users import list_response
from kernel.errors import Invalid, Missing
from orgs.actions import roles
from orgs.models import Role
from orgs.permissions import ORGANIZATION_ROLES, TEAM_ROLES


class RoleDoor(Door):
    """What the endpoints of Roles share."""

    resource_type: ClassVar[str] = "Role"

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
        base = _base_of(row)
        held = (base | set(row.added)) - set(row.removed)
        return {
            "schemas": [ROLE_URN],
            "id": row.wire_id,
            "name": row.name,
            "description": row.description,
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

    def page(self, question: Question) -> Answer:
        """Answer with a page of Roles."""
        projection = question.projection(ROLE)
        rows = list(Role.objects.of(self.asker.organization).order_by("pk"))
        if question.asked.filter:
            node = bind(parse_filter(question.asked.filter), ROLE)
            rows = [row for row in rows if matches(node, self.whole(row))]
        total, first = len(rows), question.asked.start_index - 1
        page = rows[first : first + question.asked.count]
        found = Found(Role.objects.none(), lambda _on_page: total)
        shown = [self.shown(row, projection) for row in page]
        return Answer(list_response(question, found, shown), told=Told("listed", "Role"))


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
        inherits = _inherited(str(given.get("inheritedFrom", "member")))
        row = roles.create(
            actor=self.asker.principal,
            organization=self.asker.organization,
            name=str(given.get("name", "")),
            description=str(given.get("description", "")),
            scope=Role.Scope.TEAM,
            inherits=inherits,
            added=_names(given) - TEAM_ROLES.get(inherits, frozenset()),
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
        """Replace what a Role adds; what it is based on stays."""
        row = self.row()
        given = read.normalise(self.body(), ROLE)
        after = {**_content(row), **{name: given[name] for name in _TEXTS if name in given}}
        if "permissions" in given:
            wanted = _names(given)
            after["added"], after["removed"] = wanted - _base_of(row), set()
        return self._changed(row, given, after)

    def on_patch(self) -> Answer:
        """Change a Role by operations, all or none."""
        row = self.row()
        before = self.whole(row)
        given = patch.apply(self.body(), before, ROLE)
        after = {**_content(row), **{name: given.get(name, "") for name in _TEXTS}}
        held, base = _names(given), _base_of(row)
        after["added"], after["removed"] = held - base, base - held
        return self._changed(row, given, after)

    def on_delete(self) -> Answer:
        """Delete a Role that nobody holds."""
        row = self.row()
        roles.delete(actor=self.asker.principal, organization=self.asker.organization, role=row)
        return Answer(status=204, told=Told("deleted", "Role", row.wire_id, row.name))

    def _changed(self, row: Role, given: Mapping[str, Any], after: Mapping[str, Any]) -> Answer:
        inherits = given.get("inheritedFrom", row.inherits)
        if _inherited(str(inherits)) != row.inherits:
            raise Invalid.field(
                "inheritedFrom", "A role keeps what it is based on: make another one."
            )
        expected = self.expected_version()
        changed = roles.update(
            actor=self.asker.principal,
            organization=self.asker.organization,
            role=row,
            changes={
                "name": after["name"],
                "description": after["description"],
                "added": sorted(after["added"]),
                "removed": sorted(after["removed"]),
            },
            # What was read is what the change is made of: never over somebody else's.
            expected_version=row.version if expected is None else expected,
        )
        return self.answer(changed, Told("updated", "Role", changed.wire_id, changed.name))


_TEXTS = ("name", "description")


def _content(row: Role) -> dict[str, Any]:
    return {
        "name": row.name,
        "description": row.description,
        "added": set(row.added),
        "removed": set(row.removed),
    }


def _base_of(row: Role) -> frozenset[str]:
    table = TEAM_ROLES if row.scope == Role.Scope.TEAM else ORGANIZATION_ROLES
    return table.get(row.inherits, frozenset())


def _inherited(text: str) -> str:
    return text.strip().casefold().replace("-", "_") or "member"


def _names(given: Mapping[str, Any]) -> set[str]:
    """Return the permissions of a body; W&B writes `project:read`, we `project.read`."""
    listed: Iterable[Mapping[str, Any]] = given.get("permissions", ())
    return {str(one.get("name", "")).replace(":", ".") for one in listed if one.get("name")}

