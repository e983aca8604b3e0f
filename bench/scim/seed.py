"""Fill the database for SCIM: directories of provisioned Users, in groups of 10,000 and of 500.

Users, their memberships and places are inserted in bulk, as provisioning would have left
them; connections, tokens and groups are made by the actions.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from bench import seed
from bench.seed import BATCH
from identity.actions import api_keys, directory, provisioning, scim_groups
from identity.models import ProvisionedAccount, SCIMEmail, SCIMGroup, SCIMText, SCIMUser
from identity.queries import recognise
from identity.resources.folding import folded
from identity.resources.schema import ENTERPRISE_URN, USER
from kernel.ids import encode
from kernel.principal import Origin, Principal
from orgs.models import Membership, Organization, Team, TeamMembership, User

LARGE, SMALL = 10_000, 500
"""How many members the groups have: each User is in one of each kind."""
TOKENS = 10
ROOM = 100_000
"""Free seats for those that are created during a run."""


@dataclass(frozen=True, slots=True)
class Provisioned:
    """An organization, as the load sees it.

    `outsiders` are Users who are not in `group`, a large one.
    """

    slug: str
    size: int
    tokens: list[str]
    admin_keys: list[str]
    groups: int
    group: str
    group_name: str
    outsiders: list[str]

    def user_name(self, number: int) -> str:
        """Return the userName of a User by number, from 1 on."""
        return f"{self.slug}-{number}@people.example"

    def external_id(self, number: int) -> str:
        """Return the externalId of a User by number, from 1 on."""
        return f"{self.slug}-00u{number:08d}"


def save(path: Path, places: Sequence[Provisioned]) -> None:
    """Write down what there is, for the next run and the profiler."""
    path.write_text(json.dumps([asdict(place) for place in places]))


def load(path: Path) -> dict[str, Provisioned]:
    """Read what `save` wrote, by slug."""
    return {one["slug"]: Provisioned(**one) for one in json.loads(path.read_text())}


def fill(sizes: dict[str, int]) -> list[Provisioned]:
    """Make an organization of each slug and size."""
    return [_provisioned(slug, size) for slug, size in sizes.items()]


def _provisioned(slug: str, size: int) -> Provisioned:
    organization, owner = seed._organization(slug, seats=size + ROOM)
    actor = seed._as(owner)
    connection = provisioning.connect(
        actor=actor, organization=organization, name="Okta", provider="okta"
    )
    tokens = [
        provisioning.issue_token(
            actor=actor, organization=organization, connection=connection
        ).secret
        for _ in range(TOKENS)
    ]
    provider = recognise(tokens[0], Origin(), provisions=True).principal
    large = _groups(organization, provider, "Everybody", -(-size // LARGE))
    small = _groups(organization, provider, "Department", max(1, size // SMALL))
    me = Membership.objects.of(organization).get(user=owner)
    _place(organization, [(large[0], me), (small[0], me)])
    admins: list[User] = [owner]
    users: dict[int, Any] = {}
    # In parts: the database ends a transaction that idles while thousands of rows are made.
    for start in range(1, size, BATCH):
        numbers = range(start, min(start + BATCH, size))
        members = seed._add_members(organization, owner, numbers)
        rows = _add_users(organization, members, numbers)
        users |= {number: row.pk for number, row in zip(numbers, rows, strict=True)}
        _place(
            organization,
            [
                pair
                for number, member in zip(numbers, members, strict=True)
                for pair in (
                    (large[number // LARGE], member),
                    (small[number % len(small)], member),
                )
            ],
        )
        admins += [row.user for row in members if row.role == "admin"][: TOKENS - len(admins)]
    group = large[-1]
    outside = range(1, min(LARGE, size)) if len(large) > 1 else ()
    return Provisioned(
        slug=slug,
        size=size,
        tokens=tokens,
        admin_keys=[
            api_keys.create(
                actor=seed._as(user), organization=organization, owner=user, name="benchmark"
            ).secret
            for user in admins
        ],
        groups=len(large) + len(small),
        group=group.wire_id,
        group_name=group.display_name,
        outsiders=[encode(SCIMUser.wire_prefix, users[number]) for number in outside],
    )


def _groups(
    organization: Organization, provider: Principal, name: str, count: int
) -> list[SCIMGroup]:
    return [
        scim_groups.create(
            actor=provider,
            organization=organization,
            display_name=f"{name} {number} of {organization.slug}",
            external_id=f"{organization.slug}-{name}-{number}",
        ).row
        for number in range(count)
    ]


@transaction.atomic
def _add_users(
    organization: Organization, members: Sequence[Membership], numbers: range
) -> list[SCIMUser]:
    rows = list(_users(organization, members, numbers))
    SCIMUser.objects.bulk_create(rows, batch_size=BATCH)
    SCIMText.objects.bulk_create(
        [SCIMText(user=row, organization=organization) for row in rows], batch_size=BATCH
    )
    SCIMEmail.objects.bulk_create(
        [
            SCIMEmail(organization=organization, user=row, value_key=value)
            for row in rows
            for value in sorted(directory.addresses_in(row.search))
        ],
        batch_size=BATCH,
    )
    ProvisionedAccount.objects.bulk_create(
        [ProvisionedAccount(organization=organization, user=row.user) for row in members],
        batch_size=BATCH,
    )
    there = Membership.objects.of(organization).filter(pk__in=[row.pk for row in members])
    there.update(is_managed=True)
    directory.count(organization.pk, users=len(rows))
    return rows


def _users(
    organization: Organization, members: Sequence[Membership], numbers: range
) -> Iterator[SCIMUser]:
    for number, member in zip(numbers, members, strict=True):
        content = document(organization.slug, number)
        name = member.user.email
        yield SCIMUser(
            organization=organization,
            membership=member,
            user_name=name,
            user_name_key=name.casefold(),
            external_id=f"{organization.slug}-00u{number:08d}",
            is_managed=True,
            resource=content,
            search=folded(content, USER),
        )


def document(slug: str, number: int | str) -> dict[str, Any]:
    """Return what an identity provider tells of a person, beside the names."""
    address = f"{slug}-{number}@people.example"
    return {
        "name": {
            "givenName": "Person",
            "familyName": f"Number {number}",
            "formatted": f"Person Number {number}",
        },
        "displayName": f"Person Number {number}",
        "title": "Research Engineer",
        "locale": "en-US",
        "emails": [{"value": address, "type": "work", "primary": True}],
        ENTERPRISE_URN: {"employeeNumber": f"E{number}", "department": "Research"},
    }


@transaction.atomic
def _place(organization: Organization, pairs: Sequence[tuple[SCIMGroup, Membership]]) -> None:
    TeamMembership.objects.bulk_create(
        [
            TeamMembership(organization=organization, team_id=group.team_id, membership=member)
            for group, member in pairs
        ],
        batch_size=BATCH,
    )
    for team_id in {group.team_id for group, _ in pairs}:
        team = Team.objects.of(organization).filter(pk=team_id)
        team.update(member_count=TeamMembership.objects.of(organization).filter(team=team_id).count())
