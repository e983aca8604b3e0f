"""Failure 8: many clients put members into one team and take others out, all at once."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from tests.chaos.house import House
from tests.chaos.ledger import Ledger, Outcome
from tests.chaos.load import Caller
from tests.chaos.verdict import judge

pytestmark = [pytest.mark.postgresql, pytest.mark.redis, pytest.mark.slow]

ADDERS, REMOVERS = 8, 4


@pytest.fixture
def house(shared_house) -> Iterator[House]:
    with shared_house.on_its_own():
        shared_house.start_web()
        yield shared_house


def test_every_acknowledged_change_to_one_team_stands(house, line, whole, tmp_path):
    each = 250 if whole else 6
    line.name = "8 clients change one team at once"
    line.criterion = "acked adds present, acked removes absent, trail = membership, 0 5xx"
    people = house.crowd(each * (ADDERS + REMOVERS) + REMOVERS)
    newcomers, leavers = people[: each * ADDERS], people[each * ADDERS : -REMOVERS]
    stayers = people[-REMOVERS:]
    ledger = Ledger(tmp_path / "ledger")
    made = ledger.begin("team")
    team = made.id
    with closing(Caller(house)) as caller:
        status, _, _ = caller.send("POST", "teams", {"name": team}, made.id)
    assert status == 201
    ledger.end(made, Outcome.ACKED, status, 0)
    statuses: Counter[int] = Counter()

    def change(kind: str, members: list[str]) -> None:
        with closing(Caller(house)) as caller:
            for member in members:
                operation = ledger.begin(kind, team=team, member=member)
                path = f"teams/{team}/members"
                method, path, body = (
                    ("POST", path, {"member": member})
                    if kind == "place"
                    else ("DELETE", f"{path}/{member}", None)
                )
                status, _, fault = caller.send(method, path, body, operation.id)
                statuses[status] += 1
                done = Outcome.ACKED if 200 <= status < 300 else Outcome.REFUSED
                ledger.end(operation, Outcome.UNKNOWN if fault or not status else done, status, 0)

    def change_roles(member: str) -> None:
        with closing(Caller(house)) as caller:
            for number in range(each):
                role = ("admin", "member", "viewer")[number % 3]
                path = f"teams/{team}/members/{member}"
                status, _, _ = caller.send("PATCH", path, {"role": role})
                statuses[status] += 1

    with ThreadPoolExecutor(ADDERS) as pool:
        list(pool.map(lambda part: change("place", part), parts([*leavers, *stayers], ADDERS)))
    with ThreadPoolExecutor(ADDERS + REMOVERS + REMOVERS) as pool:
        work = [pool.submit(change, "place", part) for part in parts(newcomers, ADDERS)]
        work += [pool.submit(change, "displace", part) for part in parts(leavers, REMOVERS)]
        work += [pool.submit(change_roles, member) for member in stayers]
        for part in work:
            part.result()
    ledger.close()
    line.extra = {"answers": dict(statuses)}
    assert set(statuses) <= {200, 201, 204}
    line.take(judge(house, ledger.path, mails=False))
    members = house.ask(
        "SELECT 'mem_' || replace(place.membership_id::text, '-', ''), place.role "
        "FROM orgs_teammembership place JOIN orgs_team team ON team.id = place.team_id "
        "WHERE team.name = %s",
        [team],
    )
    assert {member for member, _ in members} - first_admins(house, team) == {*newcomers, *stayers}
    assert replayed(house, team) == dict(members)


def parts(members: list[str], count: int) -> list[list[str]]:
    """Deal members out to so many clients."""
    return [members[number::count] for number in range(count)]


def replayed(house: House, team: str) -> dict[str, Any]:
    """Return the team's members and roles as the audit trail tells them, in its order."""
    found: dict[str, Any] = {}
    for kind, member, changes in house.ask(
        "SELECT type, target_id, changes FROM kernel_event "
        "WHERE type LIKE 'orgs.team_member.%%' AND changes->>'team' = %s ORDER BY sequence",
        [team],
    ):
        if kind == "orgs.team_member.removed":
            del found[member]
        else:
            found[member] = changes["role"][1].lower()
    return found


def first_admins(house: House, team: str) -> set[str]:
    """Return who became the team's admin by making it."""
    rows = house.ask(
        "SELECT target_id FROM kernel_event WHERE type = 'orgs.team_member.added' "
        "AND request_id IN (SELECT request_id FROM kernel_event WHERE type = 'orgs.team.created' "
        "AND target_label = %s)",
        [team],
    )
    return {row[0] for row in rows}
