"""What there is in the model: people, organizations and everything in them, in plain Python."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from orgs.models.seat import SeatType
from orgs.queries import ENFORCEMENTS

SEATED = (SeatType.FULL, SeatType.VIEWER)


@dataclass(eq=False)
class User:
    """An account."""

    row: Any
    username: str
    email: str
    display_name: str = ""
    proved: set[str] = field(default_factory=set)
    features: dict[str, bool] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)
    is_there: bool = True


@dataclass(eq=False)
class Member:
    """A membership, whatever its state."""

    org: "Org"
    user: User
    row: Any
    role: str
    custom: "Role | None"
    seat: str
    status: str = "active"

    @property
    def is_active(self) -> bool:
        return self.status == "active"

    @property
    def is_there(self) -> bool:
        return self.org.is_there and self.user.is_there


@dataclass(eq=False)
class Role:
    """A custom role."""

    org: "Org"
    row: Any
    name: str
    scope: str
    inherits: str
    added: frozenset[str]
    removed: frozenset[str]
    is_there: bool = True


@dataclass(eq=False)
class Team:
    """A team with who is in it: member → (role, custom role)."""

    org: "Org"
    row: Any
    name: str
    settings: dict[str, bool] = field(default_factory=dict)
    places: dict[Member, tuple[str, Role | None]] = field(default_factory=dict)
    features: dict[str, bool] = field(default_factory=dict)
    is_there: bool = True

    def effective(self, setting: str) -> bool:
        policy, value = ENFORCEMENTS[setting]
        return value if self.org.policies.get(policy) else self.settings.get(setting, False)


@dataclass(eq=False)
class Machine:
    """A service account."""

    org: "Org"
    row: Any
    team: Team | None
    name: str
    role: str
    custom: Role | None
    is_disabled: bool = False
    is_there: bool = True


@dataclass(eq=False)
class Project:
    """A project with who is named on it: holder → role."""

    org: "Org"
    row: Any
    team: Team
    name: str
    visibility: str
    named: dict[Member | Machine, str] = field(default_factory=dict)
    is_there: bool = True


@dataclass(eq=False)
class Grant:
    """A role for a time."""

    org: "Org"
    row: Any
    holder: Member | Machine
    team: Team | None
    role: str
    custom: Role | None
    until: dt.datetime
    has_ended: bool = False
    is_there: bool = True


@dataclass(eq=False)
class Invitation:
    """An offer to an address."""

    org: "Org"
    row: Any
    email: str
    role: str
    custom: Role | None
    seat: str
    teams: dict[Team, str]
    by: User | Machine | None
    expires_at: dt.datetime
    state: str = "open"
    is_there: bool = True


@dataclass(eq=False)
class Request:
    """A wish for more."""

    member: Member
    row: Any
    kind: str
    team: Team | None
    role: str
    seat: str
    hours: int | None
    state: str = "pending"
    is_there: bool = True


@dataclass(eq=False)
class Key:
    """An API key of a person or a machine."""

    org: "Org | None"
    row: Any
    owner: User | Machine
    secret: str
    expires_at: dt.datetime | None
    ends_at: dt.datetime | None = None
    is_revoked: bool = False
    is_there: bool = True

    def is_live(self, now: dt.datetime) -> bool:
        over = any(end is not None and end <= now for end in (self.expires_at, self.ends_at))
        return self.is_there and not self.is_revoked and not over


@dataclass(eq=False)
class Source:
    """What one source entitles to."""

    seats: dict[str, int | None]
    until: dt.datetime | None
    lapse_noted: bool = False


@dataclass(eq=False)
class Org:
    """A tenant."""

    row: Any
    name: str
    slug: str
    policies: dict[str, Any] = field(default_factory=lambda: {"allows_api_key_creation": True})
    members: dict[User, Member] = field(default_factory=dict)
    teams: list[Team] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    machines: list[Machine] = field(default_factory=list)
    projects: list[Project] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    invitations: list[Invitation] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    restrictions: set[tuple[str, str]] = field(default_factory=set)
    sources: dict[str, Source] = field(default_factory=dict)
    limits: dict[str, int | None] = field(default_factory=dict)
    features: dict[str, bool] = field(default_factory=dict)
    purge_at: dt.datetime | None = None
    is_there: bool = True

    @property
    def is_closed(self) -> bool:
        """Whether nobody may join."""
        return self.purge_at is not None or bool(
            {kind for kind, _ in self.restrictions} & {"suspended", "read_only"}
        )

    def active(self) -> list[Member]:
        return [member for member in self.members.values() if member.is_active]

    def owners(self) -> list[Member]:
        return [member for member in self.active() if member.role == "owner"]

    def used(self, seat: str) -> int:
        return sum(member.seat == seat for member in self.active())

    def seat_given(self, wanted: str) -> str | None:
        """Return the seat that somebody gets who wants one, or None."""
        if wanted == SeatType.NONE or self._is_free(wanted):
            return wanted
        falls_back = self.policies.get("seat_policy") == "viewer" and wanted == SeatType.FULL
        return str(SeatType.VIEWER) if falls_back and self._is_free(SeatType.VIEWER) else None

    def _is_free(self, seat: str) -> bool:
        limit = self.limits[seat]
        return limit is None or self.used(seat) < limit

    def fit_limits(self, now: dt.datetime) -> None:
        live = [s for s in self.sources.values() if s.until is None or s.until > now]
        for seat in SEATED:
            offers = [source.seats[seat] for source in live if seat in source.seats]
            known = [offer for offer in offers if offer is not None]
            self.limits[seat] = None if len(known) < len(offers) else max(known, default=0)


@dataclass(frozen=True)
class Actor:
    """Who acts: the operator (None), a person or a machine."""

    who: User | Machine | None

    @property
    def is_operator(self) -> bool:
        return self.who is None


Resource = Org | Team | Project | Machine
