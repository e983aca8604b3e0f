"""What is raced, whoever races it: threads on PostgreSQL, processes on SQLite.

A scenario builds its world, lets `run` call functions at the same moment, and asserts
what must hold afterwards. `run` returns for each function its text, or the code of the
domain error that refused it; any other error (a deadlock, a locked database) is raised.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from kernel.errors import DomainError
from kernel.principal import Principal
from kernel.wiring import wiring
from orgs.actions import entitlements, invitations, members, teams, users
from orgs.models import Invitation, Membership, Organization, SeatPool, Team, User
from tests.factories import (
    OPERATOR,
    MembershipFactory,
    OrganizationFactory,
    TeamFactory,
    UserFactory,
    as_user,
)

Act = Callable[[], object]
Run = Callable[[Sequence[Act]], list[str]]


def outcome_of(act: Act) -> str:
    """Return "done", or the code of the domain error."""
    try:
        act()
    except DomainError as error:
        return error.code
    return "done"


def last_seats(run: Run, *, people: int = 40, free: int = 5) -> None:
    """Many people accept their invitations for the last few seats."""
    organization = OrganizationFactory()
    seats = {"full": free + 1, "viewer": 0}
    entitlements.apply(actor=OPERATOR, organization=organization, source="manual", seats=seats)
    team = TeamFactory(organization=organization)
    invited = [UserFactory() for _ in range(people)]
    invitations.create_many(
        actor=OPERATOR,
        organization=organization,
        addresses=[user.email for user in invited],
        teams=[(team, "member")],
    )
    links = {
        invitation.email: invitations.link(invitation).rpartition("/")[2]
        for invitation in Invitation.objects.of(organization)
    }

    def accept(user: User) -> Act:
        return lambda: invitations.accept(
            actor=as_user(user), token=links[user.email], user=user, addresses=[user.email]
        )

    outcomes = Counter(run([accept(user) for user in invited]))
    assert outcomes == {"done": free, "seat_limit_reached": people - free}
    pool = SeatPool.objects.of(organization).get(seat="full")
    holding = Membership.objects.of(organization).active().filter(seat="full")
    assert pool.used == pool.limit == holding.count() == free + 1
    assert Invitation.objects.of(organization).open().count() == people - free
    assert Team.objects.of(organization).get().member_count == free
    _nothing_is_broken()


def one_link_once(run: Run, *, times: int = 10) -> None:
    """One invitation is accepted many times over by the same person."""
    organization = OrganizationFactory()
    user = UserFactory()
    [made] = invitations.create_many(
        actor=OPERATOR, organization=organization, addresses=[user.email]
    )
    token = invitations.link(made.invitation).rpartition("/")[2]

    def accept() -> object:
        return invitations.accept(
            actor=as_user(user), token=token, user=user, addresses=[user.email]
        )

    outcomes = Counter(run([accept] * times))
    assert outcomes == {"done": 1, "invitation_ended": times - 1}
    _nothing_is_broken()


def last_owner(run: Run, *, rounds: int = 6) -> None:
    """Two owners try in every way, at once, to leave an organization without one."""
    allowed = {"done", "last_owner", "denied", "not_found", "member_not_active", "conflict"}
    for _ in range(rounds):
        organization = OrganizationFactory()
        first = Membership.objects.of(organization).with_user().get()
        second = MembershipFactory(organization=organization, role="owner")
        pair = [(first, second), (second, first)]
        acts = [
            act
            for mine, other in pair
            for act in (
                *_against(as_user(mine.user), organization, other),
                *_against(as_user(mine.user), organization, mine),
                _deletes(mine.user),
            )
        ]
        outcomes = run(acts)
        assert set(outcomes) <= allowed, outcomes
        owners = Membership.objects.of(organization).active().filter(role="owner")
        organization = Organization.objects.get(pk=organization.pk)
        assert owners.count() == organization.owner_count >= 1, outcomes
    _nothing_is_broken()


def one_name_once(run: Run, *, claims: int = 12) -> None:
    """People and teams claim the same name."""
    organization = OrganizationFactory()

    def sign_up() -> object:
        return users.create(actor=OPERATOR, username="Contested", email="x@example.com")

    def create_team() -> object:
        return teams.create(actor=OPERATOR, organization=organization, name="contested")

    outcomes = Counter(run([sign_up, create_team] * (claims // 2)))
    assert outcomes == {"done": 1, "name_taken": claims - 1}
    _nothing_is_broken()


def account_deleted_while_added(run: Run, *, rounds: int = 6) -> None:
    """A person deletes the account while admins of two organizations add it."""
    for _ in range(rounds):
        user = UserFactory()
        held = [OrganizationFactory() for _ in range(2)]

        def add(organization: Organization, user: User = user) -> Act:
            return lambda: members.provision(
                actor=OPERATOR, organization=organization, user=user
            )

        outcomes = run([_deletes(user), *map(add, held)])
        assert set(outcomes) <= {"done", "not_found", "conflict"}, outcomes
        if outcomes[0] == "done":
            assert not Membership.objects.system_of_user(user.pk).exists()
    _nothing_is_broken()


def _against(actor: Principal, organization: Organization, member: Membership) -> list[Act]:
    fields = {"actor": actor, "organization": organization, "member": member}
    return [
        lambda: members.change_role(**fields, role="member"),
        lambda: members.deactivate(**fields),
        lambda: members.remove(**fields),
    ]


def _deletes(user: User) -> Act:
    def delete() -> None:
        users.delete(actor=as_user(user), user=user, confirmation=user.username)

    return delete


def _nothing_is_broken() -> None:
    broken = [violation for check in wiring().invariants for violation in check()]
    assert broken == []


SCENARIOS = (last_seats, one_link_once, last_owner, one_name_once, account_deleted_while_added)
