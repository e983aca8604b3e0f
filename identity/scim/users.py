"""`/Users`: the organization's members (RFC 7644 §3)."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django_scim.constants import SchemaURI

from identity.actions import scim_users
from identity.directory import lists, represent, written
from identity.directory.user_rows import WrittenUser
from identity.directory.user_text import user_name, version
from identity.models import SCIMUser
from identity.resources import patch, read
from identity.resources.projection import Projection
from identity.resources.refusals import Immutable
from identity.resources.schema import STEWARD_URN, USER
from identity.scim import asked
from identity.scim.asked import Question
from identity.scim.dialects import wandb_user
from identity.scim.door import WANDB, Answer, Door, versioned
from identity.scim.log import Told
from kernel.errors import Missing
from kernel.ids import decode


class UserDoor(Door):
    """What the endpoints of Users share."""

    resource_type: ClassVar[str] = "User"

    def as_wandb(self, rows: Sequence[WrittenUser], projection: Projection) -> list[Any]:
        """Return Users in the form of W&B."""
        page = written.Page.of(rows)
        resources = represent.user_resources(self.asker.directory, page, self.base)
        return [
            wandb_user(projection.of(resource), row)
            for resource, row in zip(resources, rows, strict=True)
        ]

    def one(self, row_id: uuid.UUID) -> WrittenUser:
        """Read one User. Raises `Missing`."""
        is_wandb = self.dialect == WANDB
        rows = written.read_these(self.asker.directory, [row_id], with_activity=is_wandb)
        if not rows:
            raise Missing("There is no such User.")
        return rows[0]

    def alone(self, row: WrittenUser, projection: Projection) -> Any:
        """Return one User in the caller's form."""
        if self.dialect != WANDB:
            return represent.user(self.asker.directory, row, self.base, projection)
        return self.as_wandb([row], projection)[0]

    def answer(self, row: SCIMUser, told: Told, status: int = 200) -> Answer:
        """Answer with a User that was written."""
        projection = asked.shown(self.request.GET, USER)
        found = self.one(row.pk)
        return Answer(self.alone(found, projection), status, self.place(found), told)

    def place(self, row: WrittenUser) -> dict[str, str]:
        """Return the header fields that tell where a User is, and which version."""
        location = f"{self.base}/Users/{row.wire_id}"
        return versioned({"meta": {"location": location}}, version(row.text))

    def page(self, question: Question) -> Answer:
        """Answer with a page of Users."""
        organization, directory = self.asker.organization, self.asker.directory
        found = lists.users(organization, directory, question.asked)
        projection = question.projection(USER)
        if self.dialect == WANDB:
            rows = written.read(directory, found, with_activity=True)
            page = written.Page.of(rows)
            resources = self.as_wandb(rows, projection)
        else:
            page = written.page(directory, found)
            resources = represent.users(directory, page, self.base, projection)
        if page.last is not None:
            found.note(page.length, page.last)
        body = list_response(question, resources, page.length, found.total(page.length), found)
        if question.asked.count == lists.EVERYTHING:
            body["itemsPerPage"] = lists.EVERYTHING
        return Answer(body, told=_told_of_list(question, "User"))


class UsersView(UserDoor):
    """All Users."""

    def on_get(self) -> Answer:
        """List Users."""
        return self.page(
            asked.in_query(self.request.GET, everything=self.dialect == WANDB)
        )

    def on_post(self) -> Answer:
        """Create a User."""
        resource = read.normalise(self.body(), USER)
        outcome = scim_users.create(
            actor=self.asker.principal, organization=self.asker.organization, resource=resource
        )
        return self.answer(outcome.row, _told("created", outcome), status=201)


class UserView(UserDoor):
    """One User."""

    def on_get(self) -> Answer:
        """Show a User, or say that the client has it."""
        projection = asked.shown(self.request.GET, USER)
        row = self.one(decode(SCIMUser.wire_prefix, self.kwargs["id"]))
        if self.kwargs["id"] != row.wire_id:
            raise Missing("There is no such User.")
        told = Told("read", "User", row.wire_id, user_name(row.text))
        if self.is_known(version(row.text)):
            return Answer(status=304, headers={"ETag": f'W/"{version(row.text)}"'}, told=told)
        return Answer(self.alone(row, projection), headers=self.place(row), told=told)

    def on_put(self) -> Answer:
        """Replace a User; what has no word about it is cleared, but for what it may do here."""
        given = read.normalise(self.body(), USER)

        def replaced(before: Mapping[str, Any]) -> Mapping[str, Any]:
            kept = {name: before[name] for name in ("active", STEWARD_URN) if name in before}
            stewards = {**before.get(STEWARD_URN, {}), **given.get(STEWARD_URN, {})}
            return {**kept, **given, **({STEWARD_URN: stewards} if stewards else {})}

        return self._changed(replaced)

    def on_patch(self) -> Answer:
        """Change a User by operations, all or none."""
        body = self.body()
        removes = any(
            kind == "remove" and "teamroles" in str(path).lower()
            for kind, path, _value in patch.operations_in(body)
        )

        def patched(before: Mapping[str, Any]) -> Mapping[str, Any]:
            after = patch.apply(body, before, USER)
            _require_kept(before, after)
            return after if removes else _with_teams_of(before, after)

        return self._changed(patched)

    def on_delete(self) -> Answer:
        """Take a User out of the organization."""
        outcome = scim_users.delete(
            actor=self.asker.principal,
            organization=self.asker.organization,
            row=self._row(),
            expected_version=self.expected_version(),
        )
        return Answer(status=204, told=_told("deleted", outcome))

    def _changed(self, by: scim_users.Change) -> Answer:
        outcome = scim_users.change(
            actor=self.asker.principal,
            organization=self.asker.organization,
            row=self._row(),
            by=by,
            expected_version=self.expected_version(),
        )
        return self.answer(outcome.row, _told("updated", outcome))

    def _row(self) -> SCIMUser:
        row = SCIMUser.objects.of(self.asker.organization).pick(self.kwargs["id"])
        if row.wire_id != self.kwargs["id"]:
            raise Missing("There is no such User.")
        return row


class MeView(UserView):
    """`/Me`: the User behind a person's own key (RFC 7644 §3.11)."""

    http_method_names: ClassVar[list[str]] = ["get", "head"]

    def on_get(self) -> Answer:
        """Show the person their own User."""
        principal = self.asker.principal
        row = None
        if principal.is_user and principal.id is not None:
            rows = SCIMUser.objects.of(self.asker.organization)
            row = rows.filter(membership__user_id=principal.id).first()
        if row is None:
            raise Missing("This token is no person's: nobody is “Me”.")
        self.kwargs["id"] = row.wire_id
        return super().on_get()


def _require_kept(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raise `Immutable` where a removal is asked of what everybody has."""
    steward, left = before.get(STEWARD_URN, {}), after.get(STEWARD_URN, {})
    gone = [name for name in ("organizationRole", "seat") if name in steward and name not in left]
    if "active" not in after:
        gone.append("active")
    if gone:
        raise Immutable(f"“{gone[0]}” stays: say what it shall be instead.")


def _with_teams_of(before: Mapping[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Keep the teams that an operation does not name: naming one takes nobody out of another."""
    held = before.get(STEWARD_URN, {}).get("teamRoles", ())
    given = after.get(STEWARD_URN, {}).get("teamRoles", [])
    named = {str(one.get("teamName", "")).casefold() for one in given}
    rest = [one for one in held if one["teamName"].casefold() not in named]
    if rest:
        after[STEWARD_URN] = {**after.get(STEWARD_URN, {}), "teamRoles": [*rest, *given]}
    return after


def list_response(
    question: Question, resources: Any, number: int, total: int, found: lists.Found | None = None
) -> dict[str, Any]:
    """Return the body of a list with so many resources (RFC 7644 §3.4.2, RFC 9865)."""
    body: dict[str, Any] = {
        "schemas": [SchemaURI.LIST_RESPONSE],
        "totalResults": total,
        "itemsPerPage": number,
    }
    if question.asked.cursor is None:
        body["startIndex"] = question.asked.start_index
    if found and found.next_cursor:
        body["nextCursor"] = found.next_cursor
    if found and found.previous_cursor:
        body["previousCursor"] = found.previous_cursor
    body["Resources"] = resources
    return body


def _told(verb: str, outcome: scim_users.Outcome) -> Told:
    row = outcome.row
    return Told(verb, "User", row.wire_id, row.user_name, outcome.changes)


def _told_of_list(question: Question, kind: str) -> Told:
    return Told("matched" if question.asked.filter else "listed", kind)
