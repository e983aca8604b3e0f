"""Many processes that buy, use and free the seats of one organization.

`python -m tests.chaos.seats PROCESSES SECONDS` makes an organization in the database of the
environment, forks, and prints a JSON object: its id, and of every process how many acts were
done, refused (by code) and failed. Acts run as at the doors: undone ones are done again.
"""

import json
import os
import random
import sys
import time
from collections import Counter
from typing import Any

import django

PEOPLE = 48
MOST_SEATS = 12


def main(processes: str, seconds: str) -> None:
    """Prepare, fork, wait, report."""
    django.setup()
    from django.db import connections

    from tests.factories import MembershipFactory, OrganizationFactory, UserFactory

    organization = OrganizationFactory(name=f"Seats {os.getpid()}")
    users = [UserFactory(username=f"seat{os.getpid()}-{number}") for number in range(PEOPLE)]
    for user in users[: PEOPLE // 2]:
        MembershipFactory(organization=organization, user=user, seat="none")
    print(json.dumps({"organization": str(organization.pk)}), flush=True)
    connections.close_all()
    readers = []
    starting_line, gun = os.pipe()
    for number in range(int(processes)):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(reader)
            os.close(gun)
            chance = random.Random(number)
            _try(_act(chance, organization, chance.choice(users)))
            os.write(writer, b"\n")  # connected and warm
            os.read(starting_line, 1)
            counts = _work(chance, organization, users, time.monotonic() + float(seconds))
            os.write(writer, json.dumps(counts).encode())
            os._exit(0)
        os.close(writer)
        readers.append(os.fdopen(reader))
    for pipe in readers:
        pipe.readline()
    os.close(gun)
    total: Counter[str] = Counter()
    for pipe in readers:
        text = pipe.read()
        total.update(json.loads(text) if text else {"died": 1})
    print(json.dumps(total))


def _work(
    chance: random.Random, organization: Any, users: list[Any], until: float
) -> Counter[str]:
    counts: Counter[str] = Counter()
    while time.monotonic() < until:
        counts[_try(_act(chance, organization, chance.choice(users)))] += 1
    return counts


def _try(act: Any) -> str:
    from kernel.errors import DomainError
    from kernel.transient import again_if_undone

    try:
        again_if_undone(act)
    except DomainError as error:
        return f"refused: {error.code}"
    except Exception as error:  # noqa: BLE001 - the test looks at it
        return f"failed: {type(error).__name__}: {error}"[:200]
    return "done"


def _act(chance: random.Random, organization: Any, user: Any) -> Any:
    """Return a change: somebody comes, goes, rests or changes seats; or seats are bought."""
    from orgs.actions import entitlements, members
    from orgs.models import Membership
    from tests.factories import OPERATOR

    given: dict[str, Any] = {"actor": OPERATOR, "organization": organization}
    member = Membership.objects.of(organization).filter(user=user).first()
    kind = chance.choices(("buy", "come", "move"), (1, 6, 6))[0]
    if kind == "buy":
        seats = {"full": chance.randint(2, MOST_SEATS), "viewer": chance.randint(0, 3)}
        return lambda: entitlements.apply(**given, source="manual", seats=seats)
    seat = chance.choices(("full", "viewer", "none"), (6, 2, 1))[0]
    if member is None or kind == "come":
        return lambda: members.provision(**given, user=user, seat=seat)
    return chance.choice([
        lambda: members.deactivate(**given, member=member),
        lambda: members.reactivate(**given, member=member),
        lambda: members.remove(**given, member=member),
        lambda: members.change_seat(**given, member=member, seat=seat),
        lambda: members.change_seat(**given, member=member, seat=seat),
    ])


if __name__ == "__main__":
    main(*sys.argv[1:])
