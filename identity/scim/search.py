"""Searching with a body instead of a query (RFC 7644 §3.4.3), and over all types at once."""

from typing import Any, ClassVar

from identity.directory import lists, represent, written
from identity.resources.refusals import InvalidFilter, InvalidValue
from identity.resources.schema import GROUP, ROLE, USER
from identity.scim import asked
from identity.scim.asked import Question
from identity.scim.door import Answer
from identity.scim.groups import GroupDoor, fitting
from identity.scim.log import Told
from identity.scim.roles import RoleDoor
from identity.scim.users import UserDoor, list_response
from orgs.permissions import Permission


class UserSearchView(UserDoor):
    """Search among Users."""

    http_method_names: ClassVar[list[str]] = ["post"]

    def on_post(self) -> Answer:
        """Find Users."""
        return self.page(asked.in_body(self.body()))


class GroupSearchView(GroupDoor):
    """Search among Groups."""

    http_method_names: ClassVar[list[str]] = ["post"]

    def on_post(self) -> Answer:
        """Find Groups."""
        return self.page(asked.in_body(self.body()))


class RoleSearchView(RoleDoor):
    """Search among Roles."""

    http_method_names: ClassVar[list[str]] = ["post"]

    def on_post(self) -> Answer:
        """Find Roles."""
        return self.page(asked.in_body(self.body()))


class RootSearchView(RoleDoor):
    """Search among all: Users first, then Groups, then Roles."""

    resource_type: ClassVar[str] = ""
    needs: ClassVar[tuple[Permission, ...]] = (
        Permission.MEMBER_READ,
        *GroupDoor.needs,
        *RoleDoor.needs,
    )

    http_method_names: ClassVar[list[str]] = ["get", "head", "post"]

    def on_get(self) -> Answer:
        """Find resources by a query."""
        return self._page(asked.in_query(self.request.GET))

    def on_post(self) -> Answer:
        """Find resources by a body."""
        return self._page(asked.in_body(self.body()))

    def _page(self, question: Question) -> Answer:
        wanted = question.asked
        if wanted.cursor is not None or wanted.sort_by:
            raise InvalidValue("Search /Users or /Groups for pages by cursor and for an order.")
        organization, directory = self.asker.organization, self.asker.directory
        users = self._among(lambda: lists.users(organization, directory, wanted))
        resources: list[Any] = []
        user_total = 0
        if users is not None:
            page = written.page(directory, users)
            user_total = users.total(page.length)
            shown = question.projection(USER)
            found = represent.user_resources(directory, page, self.base)
            resources += [shown.of(one) for one in found]
        rest = lists.Asked(
            filter=wanted.filter,
            start_index=max(1, wanted.start_index - user_total),
            count=wanted.count - len(resources),
        )
        groups = self._among(lambda: lists.groups(organization, directory, rest))
        group_total, is_whole = 0, True
        if groups is not None:
            every = list(groups.rows().select_related("team"))
            group_total = groups.total(len(every))
            projection = question.projection(GROUP)
            fit = fitting(every, projection)
            is_whole = len(fit) == len(every)
            held = (
                represent.members_of(organization, fit) if projection.shows("members") else None
            )
            for row in fit:
                people = None if held is None else held.get(row.team_id, ())
                resources.append(projection.of(represent.group(row, people, self.base)))
        # After a part of the Groups nothing follows: the next page goes on with the rest.
        on_page = len(resources) if is_whole else wanted.count
        roles = self._roles(question, user_total + group_total, on_page)
        if users is None and groups is None and roles is None:
            raise InvalidFilter("Nothing here has what the filter asks for.")
        resources += roles[0] if roles else []
        total = user_total + group_total + (roles[1] if roles else 0)
        body = list_response(question, resources, len(resources), total)
        return Answer(body, told=Told("matched" if wanted.filter else "listed", "Search"))

    def _roles(
        self, question: Question, before: int, on_page: int
    ) -> tuple[list[Any], int] | None:
        """Return the Roles of the page, and how many there are; None if none can fit."""
        try:
            rows = self.matching(question.asked.filter)
        except InvalidFilter:
            return None
        projection = question.projection(ROLE)
        first = max(0, question.asked.start_index - 1 - before)
        page = rows[first : first + max(0, question.asked.count - on_page)]
        return [projection.of(self.whole(row)) for row in page], len(rows)

    def _among(self, find: Any) -> lists.Found | None:
        """Return a page of one type, None where its resources have no such attribute."""
        try:
            found: lists.Found = find()
        except InvalidFilter:
            return None
        return found
