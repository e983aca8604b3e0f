"""`/Groups`: the organization's teams (RFC 7644 §3)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from identity.actions import scim_groups
from identity.actions.scim_groups import MemberChange
from identity.directory import lists, represent
from identity.models import SCIMGroup
from identity.resources import patch, read
from identity.resources.bound import Comparison, Node, bind_element
from identity.resources.connectives import Or
from identity.resources.evaluate import matches
from identity.resources.grammar import Path, attribute_path, parse_path
from identity.resources.projection import Projection
from identity.resources.refusals import Immutable, InvalidPath, InvalidValue, NoTarget
from identity.resources.schema import GROUP
from identity.scim import asked
from identity.scim.asked import Question
from identity.scim.dialects import wandb_group
from identity.scim.door import RFC, WANDB, Answer, Door, versioned
from identity.scim.log import Told
from identity.scim.users import list_response
from kernel.errors import Missing
from orgs.permissions import Permission

MOST_MEMBERS_SHOWN = 100_000
"""How many members the Groups of one answer have together; a group that has more comes alone."""
_SMALL = 100
"""Up to how many members a group is shown after a change of them."""

_MEMBERS = GROUP.schema.find("members")
assert _MEMBERS is not None  # noqa: S101 - the schema has it


class GroupDoor(Door):
    """What the endpoints of Groups share."""

    resource_type: ClassVar[str] = "Group"
    needs: ClassVar[tuple[Permission, ...]] = (Permission.TEAM_READ, Permission.TEAM_MEMBER_READ)

    def row(self) -> SCIMGroup:
        """Return the Group of the address, or raise `Missing`."""
        rows = SCIMGroup.objects.of(self.asker.organization).select_related("team__organization")
        row = rows.pick(self.kwargs["id"])
        if row.wire_id != self.kwargs["id"]:
            raise Missing("There is no such Group.")
        return row

    def shown(self, rows: Sequence[SCIMGroup], projection: Projection) -> list[dict[str, Any]]:
        """Return Groups in the caller's form; members are read only where they are shown."""
        held: Mapping[Any, Any] | None = None
        if projection.shows("members"):
            held = represent.members_of(self.asker.organization, rows)
        found = []
        for row in rows:
            people = None if held is None else held.get(row.team_id, ())
            resource = projection.of(represent.group(row, people, self.base))
            found.append(wandb_group(resource) if self.dialect == WANDB else resource)
        return found

    def answer(self, row: SCIMGroup, told: Told, status: int = 200) -> Answer:
        """Answer with a Group that was written."""
        resource = self.shown([row], asked.shown(self.request.GET, GROUP))[0]
        return Answer(resource, status, self.place(row), told)

    def place(self, row: SCIMGroup) -> dict[str, str]:
        """Return the header fields that tell where a Group is, and which version."""
        return versioned({"meta": {"location": f"{self.base}/Groups/{row.wire_id}"}}, row.version)

    def page(self, question: Question) -> Answer:
        """Answer with a page of Groups."""
        projection = question.projection(GROUP)
        organization, wanted = self.asker.organization, question.asked
        found = lists.groups(organization, self.asker.directory, wanted)
        rows = list(found.rows().select_related("team"))
        few = fitting(rows, projection)
        if len(few) < len(rows):
            # A shorter page, whose cursor or next index goes on where it ends.
            found = lists.groups(
                organization, self.asker.directory, replace(wanted, count=len(few))
            )
            rows = list(few)
        if rows:
            found.note(len(rows), rows[-1].pk)
        total = found.total(len(rows))
        body = list_response(question, self.shown(rows, projection), len(rows), total, found)
        if question.asked.count == lists.EVERYTHING:
            body["itemsPerPage"] = lists.EVERYTHING
        return Answer(body, told=Told("matched" if question.asked.filter else "listed", "Group"))


def fitting(rows: Sequence[SCIMGroup], projection: Projection) -> Sequence[SCIMGroup]:
    """Return as many Groups as one answer shows with their members, one at least."""
    members = 0
    if projection.shows("members"):
        for number, row in enumerate(rows):
            members += row.team.member_count
            if members > MOST_MEMBERS_SHOWN:
                return rows[: max(1, number)]
    return rows


class GroupsView(GroupDoor):
    """All Groups."""

    def on_get(self) -> Answer:
        """List Groups."""
        return self.page(
            asked.in_query(self.request.GET, everything=self.dialect == WANDB)
        )

    def on_post(self) -> Answer:
        """Create a Group with its members."""
        resource = read.normalise(self.body(), GROUP)
        outcome = scim_groups.create(
            actor=self.asker.principal,
            organization=self.asker.organization,
            display_name=str(resource.get("displayName", "")),
            external_id=str(resource.get("externalId", "")),
            people=MemberChange.of("add", resource.get("members", ())),
        )
        return self.answer(outcome.row, _told("created", outcome), status=201)


class GroupView(GroupDoor):
    """One Group."""

    def on_get(self) -> Answer:
        """Show a Group, or say that the client has it."""
        row = self.row()
        told = Told("read", "Group", row.wire_id, row.display_name)
        if self.is_known(row.version):
            return Answer(status=304, headers={"ETag": f'W/"{row.version}"'}, told=told)
        resource = self.shown([row], asked.shown(self.request.GET, GROUP))[0]
        return Answer(resource, headers=self.place(row), told=told)

    def on_put(self) -> Answer:
        """Replace a Group; without a word about members they stay."""
        body = self.body()
        given = read.normalise(body, GROUP)
        people = []
        if any(str(name).lower() == "members" for name in body):
            people.append(MemberChange.of("replace", given.get("members", ())))
        return self._changed(lambda _before: given, people)

    def on_patch(self) -> Answer:
        """Change a Group by operations, all or none.

        A large group is not read for an answer that nobody asked for: 204 (RFC 7644 §3.5.2).
        """
        rest, people = _taken_apart(patch.operations_in(self.body()), self._inside)
        if not rest:
            return self._changed(None, people, is_brief=True)
        body = {"Operations": rest}
        return self._changed(lambda before: patch.apply(body, before, GROUP), people)

    def on_delete(self) -> Answer:
        """Delete a Group with its team, if nothing is lost with it."""
        outcome = scim_groups.delete(
            actor=self.asker.principal,
            organization=self.asker.organization,
            row=self.row(),
            expected_version=self.expected_version(),
        )
        return Answer(status=204, told=_told("deleted", outcome))

    def _changed(
        self, by: Any, people: Sequence[MemberChange], *, is_brief: bool = False
    ) -> Answer:
        outcome = scim_groups.change(
            actor=self.asker.principal,
            organization=self.asker.organization,
            row=self.row(),
            by=by,
            people=people,
            expected_version=self.expected_version(),
        )
        row, told = outcome.row, _told("updated", outcome)
        asks = {"attributes", "excludedAttributes"} & set(self.request.GET)
        if is_brief and self.dialect == RFC and not asks and row.team.member_count > _SMALL:
            return Answer(status=204, headers=self.place(row), told=told)
        return self.answer(row, told)

    def _inside(self, node: Node) -> list[str]:
        """Return the ids of members that a filter finds, other than by naming them."""
        row = self.row()
        held = represent.members_of(self.asker.organization, [row]).get(row.team_id, ())
        members = represent.group(row, held, self.base)["members"]
        return [one["value"] for one in members if matches(node, one)]


def _taken_apart(
    operations: Iterable[tuple[str, str | None, Any]], inside: Any
) -> tuple[list[dict[str, Any]], list[MemberChange]]:
    """Part the operations of a PATCH: those about members become changes of their own."""
    rest: list[dict[str, Any]] = []
    people: list[MemberChange] = []
    for kind, path, value in operations:
        if path is None and kind == "remove":
            raise NoTarget("An operation “remove” needs a “path”.")
        if path is None and isinstance(value, Mapping):
            named = {key: one for key, one in value.items() if _names_members(str(key))}
            people += [_change(kind, None, one, inside) for one in named.values()]
            left = {key: one for key, one in value.items() if key not in named}
            if left or not named:
                rest.append({"op": kind, "value": left})
            continue
        parsed = parse_path(path) if path is not None else None
        if parsed is not None and _is_members(parsed):
            people.append(_change(kind, parsed, value, inside))
        else:
            rest.append({"op": kind, "path": path, "value": value})
    return rest, people


def _names_members(key: str) -> bool:
    path = attribute_path(key)
    return path is not None and path.sub is None and _is_members(Path(path))


def _is_members(path: Path) -> bool:
    at = path.attribute
    target = GROUP.resolve(at.urn, at.name)
    return target is not None and target.attribute is _MEMBERS


def _change(kind: str, path: Path | None, value: Any, inside: Any) -> MemberChange:
    """Return the change of members that an operation means."""
    assert _MEMBERS is not None  # noqa: S101 - the schema has it
    if path is not None and (path.sub or path.attribute.sub):
        sub = path.sub or path.attribute.sub
        if _MEMBERS.find(str(sub)) is None:
            raise InvalidPath(f"“members” has no sub-attribute “{sub}”.")
        raise Immutable("Members are added and removed; they do not change.")
    if path is not None and path.node is not None:
        node = bind_element(path.node, _MEMBERS)
        if kind == "remove":
            named = _named(node)
            return MemberChange("remove", tuple(inside(node) if named is None else named))
        if kind == "replace" and not inside(node):
            raise NoTarget("No member is what the path asks for.")
        raise Immutable("Members are added and removed; they do not change.")
    if kind == "remove" and value is None:
        return MemberChange("clear")
    if value is None and kind == "add":
        raise InvalidValue("An operation “add” needs a “value”.")
    elements = read.coerced(_MEMBERS, value) or []
    return MemberChange.of(kind, elements)


def _named(node: Node) -> list[str] | None:
    """Return the ids that a filter names outright, None if it asks for something else."""
    match node:
        case Comparison(target, "eq", value) if target.attribute and isinstance(value, str):
            return [value] if target.attribute.name == "value" else None
        case Or(nodes):
            parts = [_named(part) for part in nodes]
            if any(part is None for part in parts):
                return None
            return [value for part in parts for value in part or ()]
        case _:
            return None


def _told(verb: str, outcome: scim_groups.Outcome) -> Told:
    row = outcome.row
    return Told(verb, "Group", row.wire_id, row.display_name, outcome.changes)
