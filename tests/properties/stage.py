"""The stage on which the rules play: a world of rows and its model, acts, and the comparison.

Every act is done as the doors do it (the organization read anew, walled into it) and its
outcome is predicted: without a reason for a refusal it must succeed, with reasons it must
be refused for one of them.
"""

import contextlib
import datetime as dt
import itertools
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import override_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant

from identity.models import UserSession
from kernel import clock
from kernel.database.scope import within
from kernel.errors import DomainError, Missing
from kernel.ids import encode
from kernel.invariants import broken_rules
from kernel.jobs.models import Job
from kernel.principal import Principal
from orgs.models import Organization
from tests.factories import as_service_account, as_user
from tests.properties.model import World
from tests.properties.state import in_the_model, in_the_rows
from tests.properties.things import Actor, Machine, Member, Org, Team, User

organizations = Bundle("organizations")
users = Bundle("users")
memberships = Bundle("memberships")
teams = Bundle("teams")
custom_roles = Bundle("custom_roles")
machines = Bundle("machines")
projects = Bundle("projects")
lent = Bundle("grants")
invited = Bundle("invitations")
wishes = Bundle("requests")
keys = Bundle("keys")

ACTORS = st.integers(0, 11)
NAMES = st.sampled_from(["alpha", "beta", "Gamma", "gamma", "delta-1"])
ORGANIZATION_ROLE = st.sampled_from(
    ["member", "viewer", "billing_admin", "admin", "owner", "team-lead"]
)
TEAM_ROLE = st.sampled_from(["member", "viewer", "admin", "owner"])
SEAT = st.sampled_from(["full", "viewer", "none"])
SWITCH = st.sampled_from([True, False, None])

JOB = Job(kind="test", payload={})
OPERATOR = Principal.system("test")
SMALL = {"full": 3, "viewer": 2}

DONE: Counter[str] = Counter()
"""How often each action succeeded, over all examples of this process."""
REFUSED: Counter[str] = Counter()
"""How often each action was refused, as predicted."""
STEPS: Counter[str] = Counter()


class Stage(RuleBasedStateMachine):
    """One example: a transaction that is rolled back, small seats, and a clock to move."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.numbers = itertools.count(1)
        self.ends = contextlib.ExitStack()
        self.ends.enter_context(override_settings(STEWARD_DEFAULT_SEATS=SMALL))
        self.ends.callback(clock.follow, None)
        clock.follow(None)
        outer = transaction.atomic()
        outer.__enter__()
        self.ends.callback(self._roll_back, outer)

    def teardown(self) -> None:
        """Undo everything."""
        self.ends.close()

    @staticmethod
    def _roll_back(outer: Any) -> None:
        transaction.set_rollback(True)
        outer.__exit__(None, None, None)

    @property
    def now(self) -> dt.datetime:
        """Return the time by which the product goes."""
        return clock.now()

    def pass_time(self, span: dt.timedelta) -> None:
        """Move the clock on."""
        clock.follow(clock.Anchor(clock.now() + span, time.monotonic()))

    # --- who acts -----------------------------------------------------------------------

    def actor(self, number: int, org: Org | None) -> Actor:
        """Return the operator, an owner, somebody inside or anybody, by a small number."""
        if number == 0:
            return Actor(None)
        inside = org.active() if org else []
        owners = org.owners() if org else []
        if number <= 4 and owners:
            return Actor(owners[number % len(owners)].user)
        if number <= 8 and inside:
            return Actor(inside[number % len(inside)].user)
        if number == 9 and org and org.machines:
            return Actor(org.machines[-1])
        return Actor(self.world.users[number % len(self.world.users)])

    def principal(self, actor: Actor) -> Principal:
        """Return how the actor acts: people in a session, machines by a key."""
        if actor.who is None:
            return OPERATOR
        if isinstance(actor.who, Machine):
            return as_service_account(actor.who.row)
        return as_user(actor.who.row)

    def fresh(self, org: Org) -> Any:
        """Return the organization as a request would read it; the old object if it is gone."""
        return Organization.objects.filter(pk=org.row.pk).first() or org.row

    def again(self, thing: Any, *along: str) -> Any:
        """Return a thing's row as a request would read it; the old object if it is gone."""
        rows = type(thing.row)._base_manager.select_related(*along)
        return rows.filter(pk=thing.row.pk).first() or thing.row

    # --- acts ---------------------------------------------------------------------------

    def act(
        self,
        name: str,
        refusals: list[type[Exception]],
        call: Callable[[], Any],
        *,
        inside: Org | None = None,
    ) -> Any:
        """Do something; return its result (True for none), or None if it was refused rightly."""
        STEPS["acts"] += 1
        wall = within(inside.row.pk) if inside else contextlib.nullcontext()
        try:
            with transaction.atomic(), wall:
                result = call()
        except DomainError as error:
            if not isinstance(error, tuple(refusals)):
                expected = " or ".join(kind.__name__ for kind in refusals) or "success"
                raise AssertionError(f"{name}: {error!r} instead of {expected}") from error  # noqa: TRY004 - the test failed
            REFUSED[name] += 1
            return None
        assert not refusals, f"{name} was done and should be refused for {refusals}"
        DONE[name] += 1
        return True if result is None else result

    @staticmethod
    def one_of(inside: Any, number: int, otherwise: Any) -> Any:
        """Return one of those inside for odd numbers, so that the act is not always refused."""
        return list(inside)[number % len(inside)] if inside and number % 2 else otherwise

    def gone(self, *things: Any) -> list[type[Exception]]:
        """Return Missing if any of the things is not there (any more)."""
        return [] if all(thing is None or thing.is_there for thing in things) else [Missing]

    def foreign(self, org: Org, *things: Any) -> list[type[Exception]]:
        """Return Missing if any of the things is another organization's."""
        return [] if all(thing is None or thing.org is org for thing in things) else [Missing]

    def claim(self, name: str, holder: User | Team) -> None:
        """Note that a name is somebody's."""
        self.world.names[name.casefold()] = (holder, None)

    def session_of(self, user: User) -> str:
        """Sign somebody in, as far as rows go."""
        key = f"session-{next(self.numbers)}-{id(self)}"[:40]
        Session.objects.create(
            session_key=key, session_data="-", expire_date=self.now + dt.timedelta(days=900)
        )
        UserSession.objects.create(
            user=user.row, session_key=key, ip="127.0.0.1", last_seen_at=self.now, data={}
        )
        user.sessions.add(key)
        return key

    def member_of_row(self, org: Org, user: User, row: Any, seat: str, **given: Any) -> Member:
        """Note a new or returning member."""
        member = org.members.get(user)
        if member is None:
            member = Member(org, user, row, seat=seat, **given)
            org.members[user] = member
        member.row, member.status, member.seat = row, "active", seat
        member.role, member.custom = given["role"], given["custom"]
        return member

    # --- what must hold -----------------------------------------------------------------

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        """Compare every row of the domain with the model."""
        STEPS["steps"] += 1
        rows, model = in_the_rows(self.now), in_the_model(self.world, self.now)
        assert rows == model, _difference(rows, model)

    @invariant()
    def nothing_is_broken(self) -> None:
        """Ask for every invariant of the house."""
        assert broken_rules() == []


def _difference(rows: set[Any], model: set[Any]) -> str:
    only = [f"only in the rows: {fact}" for fact in sorted(rows - model)]
    only += [f"only in the model: {fact}" for fact in sorted(model - rows)]
    return "\n".join(only[:20])


def wire(prefix: str, row: Any) -> str:
    """Return a row's id on the wire."""
    return encode(prefix, row.pk)
