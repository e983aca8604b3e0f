"""Lists of members and the page of one."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.functional import cached_property

from kernel import sheet
from kernel.clock import now
from kernel.events.models import Event
from kernel.pagination import Order, paginate
from orgs import access, queries
from orgs.access import role_permissions
from orgs.actions import exports
from orgs.console.choices import SEATS, Choices, custom_roles, role_value, roles_to_give
from orgs.console.trail import tell
from orgs.doors.console import OrganizationPage
from orgs.models import (
    AccessRequest,
    Grant,
    Membership,
    OrganizationRole,
    Role,
    Team,
    TeamMembership,
)
from orgs.permissions import DESCRIPTIONS, Permission

_BATCH = 500
_COLUMNS = (
    "id", "username", "name", "email", "role", "seat", "status", "teams", "joined_at",
    "last_active_at",
)  # fmt: skip
AT_MOST = 99
"""Up to which number a tab counts; more is `99+`. A list is never counted whole."""

Status = Membership.Status


class MembersPage(OrganizationPage):
    """What the pages beside the list of members share: tabs, seats, what may be given."""

    section = "members"
    permission = Permission.MEMBER_READ

    tab = "active"

    def render(self, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """Draw with the tabs' counts; a fragment needs none."""
        if not self.is_fragment:
            context = {"tabs": self._tabs(), "tab": self.tab, **context}
        return super().render(template, status=status, **context)

    @cached_property
    def custom_roles(self) -> list[Role]:
        """Return the organization's own roles for members."""
        return custom_roles(self.organization, Role.Scope.ORGANIZATION)

    @cached_property
    def visible_teams(self) -> QuerySet[Team]:
        """Return the teams that the person can see, to be narrowed; what it takes is read once."""
        return access.teams_for(self.principal, self.organization)

    @cached_property
    def roles_to_give(self) -> Choices:
        """Return the roles that the person may give."""
        return roles_to_give(self.held, Role.Scope.ORGANIZATION, self.custom_roles)

    @cached_property
    def roles_known(self) -> Choices:
        """Return every role of the organization, to filter by."""
        built_in = [(str(role.value), str(role.label)) for role in OrganizationRole]
        return built_in + [(role.wire_id, role.name) for role in self.custom_roles]

    def _tabs(self) -> dict[str, str]:
        invited = access.invitations_for(self.principal, self.organization)
        asked = access.access_requests_for(self.principal, self.organization)
        gone = Membership.objects.of(self.organization).filter(status=Status.DEACTIVATED)
        return {
            "active": str(self.organization.member_count),
            "invitations": counted(invited.in_state("pending", now())),
            "requests": counted(asked.filter(state=AccessRequest.State.PENDING)),
            "deactivated": counted(gone),
        }


def counted(rows: QuerySet[Any]) -> str:
    """Return how many rows there are, up to `AT_MOST`, without counting the rest."""
    found = len(rows.order_by().values_list("pk", flat=True)[: AT_MOST + 1])
    return f"{AT_MOST}+" if found > AT_MOST else str(found)


@dataclass(frozen=True, slots=True)
class Row:
    """A member in a list, with what the person may do to them."""

    member: Membership
    teams: list[str]
    roles: Choices
    role_value: str
    is_self: bool
    may_change: bool
    may_remove: bool
    error: str = ""


class MemberList(MembersPage):
    """Active members, searched and filtered by the query string."""

    status = Status.ACTIVE
    template = "orgs/members/list.html"

    def get(self, request: HttpRequest, organization: str) -> HttpResponseBase:
        newest_first = self.query("sort") == "newest"
        page = paginate(
            self._rows(),
            order=Order("id", descending=newest_first),
            cursor=self.query("cursor") or None,
        )
        return self.render(
            self.template,
            rows=rows_of(self, page.rows),
            pages=page,
            newest_first=newest_first,
            seats=queries.seat_summary(self.organization)
            if self.may(Permission.SEAT_READ)
            else [],
            filters=self._filters(),
            seat_choices=SEATS,
            teams=self._teams() if self.status == Status.ACTIVE else [],
        )

    def _rows(self) -> QuerySet[Membership]:
        role, custom = self._role()
        rows = queries.members_of(
            self.organization,
            status=self.status,
            role=role,
            custom_role=custom,
            seat=self.query("seat"),
            team=self._team,
            text=self.query("q"),
        )
        if self.query("idle"):
            idle = queries.idle_members_of(self.organization)
            rows = rows.filter(pk__in=idle.values("pk"))
        return rows

    def _role(self) -> tuple[str, Role | None]:
        value = self.query("role")
        custom = next((role for role in self.custom_roles if role.wire_id == value), None)
        return ("", custom) if custom else (value, None)

    @cached_property
    def _team(self) -> Team | None:
        name = self.query("team")
        return access.team_for(self.principal, self.organization, name) if name else None

    def _teams(self) -> list[Team]:
        return list(self.visible_teams.order_by("name")[:50])

    def _filters(self) -> dict[str, str]:
        """Return the filters that are set, in words; empty when none is."""
        seats, roles = dict(SEATS), dict(self.roles_known)
        found = {
            "q": self.query("q"),
            "role": roles.get(self.query("role"), self.query("role")),
            "seat": seats.get(self.query("seat"), self.query("seat")),
            "team": str(self._team) if self._team else "",
            "idle": "yes" if self.query("idle") else "",
        }
        return {name: value for name, value in found.items() if value}


class Deactivated(MemberList):
    """Members who were deactivated and may come back."""

    tab = "deactivated"
    status = Status.DEACTIVATED


def rows_of(
    page: MembersPage, members: Iterable[Membership], errors: Mapping[UUID, str] | None = None
) -> list[Row]:
    """Return members with their teams and what may be done to each; one query."""
    members = list(members)
    teams: dict[UUID, list[str]] = defaultdict(list)
    places = TeamMembership.objects.of(page.organization).filter(
        membership__in=[member.pk for member in members],
        team__in=page.visible_teams.values("pk"),
    )
    for place in places.select_related("team").order_by("team__name"):
        teams[place.membership_id].append(str(place.team))
    updates, removes = page.may(Permission.MEMBER_UPDATE), page.may(Permission.MEMBER_REMOVE)
    over_owners = page.may(Permission.OWNER_MANAGE)
    found = []
    for member in members:
        reach = over_owners or not member.is_owner
        value = role_value(member.role, member.custom_role)
        roles = page.roles_to_give
        if value not in dict(roles):
            roles = [(value, member.role_name), *roles]
        found.append(
            Row(
                member=member,
                teams=teams[member.pk],
                roles=roles,
                role_value=value,
                is_self=member.user_id == page.principal.id,
                may_change=updates and reach,
                may_remove=removes and reach,
                error=(errors or {}).get(member.pk, ""),
            )
        )
    return found


class Export(MemberList):
    """The members that the same filters show, as CSV, however many there are."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponseBase:
        wanted = self.query("status")
        if wanted == Status.DEACTIVATED:
            self.status = Status.DEACTIVATED
        rows = self._rows()
        exports.note(
            actor=self.principal,
            organization=self.organization,
            what="members",
            filters={**self._filters(), "status": str(self.status)},
        )
        name = f"{self.organization.slug}-members-{now():%Y-%m-%d}.csv"
        return sheet.download(name, _COLUMNS, self._cells(rows))

    def _cells(self, members: QuerySet[Membership]) -> Iterator[list[str]]:
        """Yield a member's cells, read batch by batch in the order of joining."""
        members = members.order_by("id")
        batch = list(members[:_BATCH])
        while batch:
            for row in rows_of(self, batch):
                yield _told(row)
            batch = list(members.filter(id__gt=batch[-1].pk)[:_BATCH])


def _told(row: Row) -> list[str]:
    member = row.member
    seen = member.last_active_at
    return [
        member.wire_id,
        member.user.username,
        member.user.name,
        member.user.email,
        member.role_name,
        member.seat,
        member.status,
        " ".join(row.teams),
        member.joined_at.isoformat(timespec="seconds"),
        seen.isoformat(timespec="seconds") if seen else "",
    ]


@dataclass(frozen=True, slots=True)
class Because:
    """A permission and what it rests on."""

    permission: str
    description: str
    reasons: list[str]


class MemberPage(MembersPage):
    """A page about one member, named in the URL."""

    @cached_property
    def subject(self) -> Membership:
        """Return the member; raise `Missing`, also for one who was removed."""
        rows = queries.members_of(self.organization)
        return rows.pick(self.kwargs["member"])

    @property
    def row(self) -> Row:
        """Return the member with what may be done to them."""
        return rows_of(self, [self.subject])[0]


class MemberDetail(MemberPage):
    """One member: place, seat, teams, and what they may do because of what."""

    def get(self, request: HttpRequest, organization: str, member: str) -> HttpResponse:
        subject = self.subject
        grants = access.grants_for(self.principal, self.organization).live(now())
        grants = grants.filter(membership=subject)
        places = TeamMembership.objects.of(self.organization).filter(membership=subject)
        places = places.filter(team__in=self.visible_teams.values("pk"))
        found = list(grants)
        return self.render(
            "orgs/members/detail.html",
            subject=subject,
            row=self.row,
            seat_choices=SEATS,
            grants=found,
            places=places.select_related("team", "custom_role").order_by("team__name"),
            because=_because(subject, found),
            events=self._events(subject),
        )

    def _events(self, subject: Membership) -> list[Any]:
        if not self.may(Permission.AUDIT_READ):
            return []
        rows: Any = Event.objects.of(self.organization)
        return tell(rows.filter(target_id=subject.wire_id).order_by("-sequence")[:8])


def _because(subject: Membership, grants: Iterable[Grant]) -> list[Because]:
    """Return what a member may do on the whole organization, each with its reasons."""
    reasons: dict[str, list[str]] = defaultdict(list)
    if subject.is_active:
        for name in role_permissions(subject.role, subject.custom_role, "organization"):
            reasons[name].append(f"role {subject.role_name}")
        for grant in grants:
            if grant.team_id is None:
                for name in role_permissions(grant.role, grant.custom_role, "organization"):
                    reasons[name].append(f"temporary access: {grant.reason}")
    return [
        Because(name, DESCRIPTIONS.get(name, ""), found)
        for name, found in sorted(reasons.items())
    ]

