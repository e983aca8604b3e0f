"""Fill the database: two organizations full of members, keys to read them, people invited.

Many rows of one kind are inserted in bulk, with their counters, seats and audit chain as
the actions would have left them; everything else goes through the actions.
`manage.py check_invariants` agrees, and the runner asks it.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F
from django.utils.crypto import get_random_string

from identity.accounts.adapter import INVITATION_IN_SESSION
from identity.actions import api_keys
from identity.models import EmailAddress, UserSession
from kernel.clock import now
from kernel.events.chain import link
from kernel.events.models import ChainHead, Event
from kernel.jobs.models import Job
from kernel.principal import Credential, CredentialKind, Principal, PrincipalKind
from orgs.actions import entitlements, invitations, organizations
from orgs.models import Entity, Membership, Organization, SeatPool, SeatType, User

AGENT = "steward-bench"
BATCH = 2000
"""How many rows are made and inserted at once."""
KEYS = 300


@dataclass(frozen=True, slots=True)
class Invitee:
    """A signed-in person who has followed an invitation's link: the browser's cookies."""

    session: str
    csrf: str


@dataclass(frozen=True, slots=True)
class World:
    """What the cases need to know: keys by organization, and who may join which one."""

    keys: dict[str, list[str]]
    joining: str
    invitees: list[Invitee]

    def save(self, path: Path) -> None:
        """Write it down, for the profiler."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> "World":
        """Read what `save` wrote."""
        facts = json.loads(path.read_text())
        return cls(facts["keys"], facts["joining"], [Invitee(**one) for one in facts["invitees"]])


def fill(sizes: dict[str, int], *, invitees: int) -> World:
    """Make an organization of each slug and size, and one that people are invited to."""
    keys = {slug: _full_organization(slug, size) for slug, size in sizes.items()}
    joining = "bench-joining"
    return World(keys, joining, _invited(joining, invitees))


def _full_organization(slug: str, size: int) -> list[str]:
    organization, owner = _organization(slug, seats=size)
    readers: list[User] = []
    # In parts: the database ends a transaction that idles while thousands of rows are made.
    for start in range(1, size, BATCH):
        rows = _add_members(organization, owner, range(start, min(start + BATCH, size)))
        readers += [row.user for row in rows if row.role == "member"][: KEYS - len(readers)]
    return [
        api_keys.create(
            actor=_as(user), organization=organization, owner=user, name="benchmark"
        ).secret
        for user in readers
    ]


@transaction.atomic
def _add_members(organization: Organization, owner: User, numbers: range) -> list[Membership]:
    rows = [
        Membership(
            organization=organization,
            user=user,
            role="admin" if number % 50 == 0 else "viewer" if number % 10 == 0 else "member",
            seat=SeatType.VIEWER if number % 10 == 0 and number % 50 else SeatType.FULL,
        )
        for number, user in zip(numbers, _people(organization.slug, numbers), strict=True)
    ]
    Membership.objects.bulk_create(rows)
    for seat in (SeatType.FULL, SeatType.VIEWER):
        taken = sum(row.seat == seat for row in rows)
        SeatPool.objects.of(organization).filter(seat=seat).update(used=F("used") + taken)
    Organization.objects.filter(pk=organization.pk).update(
        member_count=F("member_count") + len(rows)
    )
    head = ChainHead.objects.select_for_update().get(pk=organization.pk)
    Event.objects.bulk_create(_events(head, owner, rows))
    head.save()
    return rows


@transaction.atomic
def _invited(slug: str, count: int) -> list[Invitee]:
    organization, owner = _organization(slug, seats=count + 1)
    people = _people(slug, range(count))
    outcomes = []
    for start in range(0, count, invitations.AT_ONCE):
        some = people[start : start + invitations.AT_ONCE]
        outcomes += invitations.create_many(
            actor=_as(owner), organization=organization, addresses=[user.email for user in some]
        )
    sessions = []
    for user, outcome in zip(people, outcomes, strict=True):
        assert outcome.invitation is not None
        token = invitations.link(outcome.invitation).rpartition("/")[2]
        sessions.append(_sign_in(user, {INVITATION_IN_SESSION: token}))
    Session.objects.bulk_create([row for row, _ in sessions], batch_size=BATCH)
    UserSession.objects.bulk_create([seen for _, seen in sessions], batch_size=BATCH)
    # The mails count as sent: no worker runs here, and a waiting job is a broken invariant.
    Job.objects.filter(organization_id=organization.pk).update(state="done", done_at=now())
    return [Invitee(row.session_key, get_random_string(32)) for row, _ in sessions]


def _organization(slug: str, *, seats: int) -> tuple[Organization, User]:
    (owner,) = _people(f"{slug}-owner", range(1))
    organization = organizations.create(actor=_as(owner), name=slug, owner=owner, slug=slug)
    entitlements.apply(
        actor=Principal.system("benchmark"),
        organization=organization,
        source="manual",
        seats={SeatType.FULL: seats, SeatType.VIEWER: seats},
    )
    return organization, owner


def _people(prefix: str, numbers: range) -> list[User]:
    """Make accounts that own their names and have proved their addresses."""
    password = make_password(None)
    users = [
        User(
            username=f"{prefix}-{number}",
            email=f"{prefix}-{number}@people.example",
            display_name=f"Person {number} of {prefix}",
            password=password,
        )
        for number in numbers
    ]
    User.objects.bulk_create(users, batch_size=BATCH)
    Entity.objects.bulk_create(
        [Entity(name=user.username, name_key=user.username, user=user) for user in users],
        batch_size=BATCH,
    )
    EmailAddress.objects.bulk_create(
        [EmailAddress(user=user, email=user.email, verified=True, primary=True) for user in users],
        batch_size=BATCH,
    )
    return users


def _events(head: ChainHead, owner: User, members: Sequence[Membership]) -> Iterator[Event]:
    """Yield how the owner added each member, and move the head along."""
    for member in members:
        changes: dict[str, Any] = {
            "user": member.user.wire_id,
            "role": [None, member.role],
            "seat": [None, str(member.seat)],
        }
        event = Event(
            organization_id=head.organization_id,
            sequence=head.sequence + 1,
            occurred_at=member.joined_at,
            type="orgs.member.added",
            actor_kind="user",
            actor_id=str(owner.pk),
            actor_label=owner.username,
            target_kind="membership",
            target_id=member.wire_id,
            target_label=str(member),
            changes=changes,
            previous_hash=head.hash,
        )
        event.hash = link(event)
        head.sequence, head.hash = event.sequence, event.hash
        yield event


def _sign_in(user: User, held: dict[str, str]) -> tuple[Session, UserSession]:
    store = SessionStore()
    key = get_random_string(32, "abcdefghijklmnopqrstuvwxyz0123456789")
    facts = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: "identity.accounts.backend.OneHashBackend",
        HASH_SESSION_KEY: user.get_session_auth_hash(),
        **held,
    }
    row = Session(
        session_key=key, session_data=store.encode(facts), expire_date=store.get_expiry_date()
    )
    return row, UserSession(user=user, ip="127.0.0.1", user_agent=AGENT, session_key=key)


def _as(user: User) -> Principal:
    return Principal(
        kind=PrincipalKind.USER,
        id=user.pk,
        label=user.username,
        credential=Credential(CredentialKind.SESSION, "benchmark"),
    )
