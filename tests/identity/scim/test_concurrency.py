"""Many clients at once, over HTTP, on PostgreSQL: real threads with connections of their own."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from identity.actions import provisioning
from identity.invariants import texts_tell_what_the_rows_do
from identity.models import Directory, SCIMGroup, SCIMUser
from kernel.latest import flush_all
from orgs.actions import entitlements, organizations
from orgs.models import Membership, SeatPool, TeamMembership
from tests.conformance.scim.client import Client, bearer, patch_of
from tests.factories import OPERATOR, OrganizationFactory

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
_PATIENCE_SECONDS = 120


@pytest.fixture
def organization(settings):
    settings.STEWARD_SCIM_RATE = 0
    yield OrganizationFactory(name="Many", slug="many")
    flush_all()


@pytest.fixture
def client(organization):
    acting = {"actor": OPERATOR, "organization": organization}
    connection_made = provisioning.connect(**acting, name="Okta", provider="okta")
    issued = provisioning.issue_token(**acting, connection=connection_made)
    return Client(bearer(issued.secret))


def at_once(acts):
    """Call functions at the same moment, one thread each; return what they return."""
    barrier = threading.Barrier(len(acts))

    def call(act):
        try:
            with connection.cursor() as cursor:
                # A loaded machine may be slow: what is tested is who wins, not how fast.
                cursor.execute(f"SET lock_timeout = '{_PATIENCE_SECONDS}s'")
                cursor.execute(f"SET statement_timeout = '{_PATIENCE_SECONDS}s'")
            barrier.wait(_PATIENCE_SECONDS)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(call, acts))


def test_two_patches_of_a_group_at_once_lose_nothing(organization, client):
    people = [
        client.post("/Users", {"userName": f"p{n}@example.org"}).expect(201) for n in range(20)
    ]
    first = [{"value": one["id"]} for one in people[:4]]
    group = client.post("/Groups", {"displayName": "Crew", "members": first}).expect(201)
    path = f"/Groups/{group['id']}"

    def add(person):
        operation = {"op": "add", "path": "members", "value": [{"value": person["id"]}]}
        return lambda: client.patch(path, patch_of(operation)).status_code

    def drop(person):
        operation = {"op": "remove", "path": f'members[value eq "{person["id"]}"]'}
        return lambda: client.patch(path, patch_of(operation)).status_code

    acts = [add(person) for person in people[4:12]] + [drop(person) for person in people[:4]]
    assert set(at_once(acts)) == {200}
    held = {one["value"] for one in client.get(path).expect(200)["members"]}
    assert held == {person["id"] for person in people[4:12]}
    row = SCIMGroup.objects.of(organization).select_related("team").get()
    places = TeamMembership.objects.of(organization).filter(team=row.team)
    assert row.team.member_count == places.count() == 8


def test_patches_of_one_user_at_once_lose_nothing(organization, client):
    user = client.post("/Users", {"userName": "one@example.org"}).expect(201)
    path = f"/Users/{user['id']}"
    names = ["title", "nickName", "locale", "timezone", "displayName", "userType"]

    def set_(name):
        operation = {"op": "replace", "path": name, "value": f"new {name}"}
        return lambda: client.patch(path, patch_of(operation)).status_code

    assert set(at_once([set_(name) for name in names])) == {200}
    shown = client.get(path).expect(200)
    assert {name: shown[name] for name in names} == {name: f"new {name}" for name in names}


def test_one_of_two_who_saw_the_same_version_is_told(organization, client):
    user = client.post("/Users", {"userName": "one@example.org"})
    tag = user.headers["ETag"]
    path = f"/Users/{user.json()['id']}"

    def set_(value):
        operation = {"op": "replace", "path": "title", "value": value}
        headers = {"If-Match": tag}
        return lambda: client.patch(path, patch_of(operation), headers=headers).status_code

    assert sorted(at_once([set_("a"), set_("b"), set_("c")])) == [200, 412, 412]


def test_no_text_of_before_a_change_outlives_it(organization, client):
    """Some read pages, whose texts are kept at once; others change people, groups and roles."""
    people = [
        client.post("/Users", {"userName": f"p{n}@example.org"}).expect(201) for n in range(12)
    ]
    group = client.post("/Groups", {"displayName": "Crew"}).expect(201)

    def read():
        for count in (5, 12, 100) * 6:
            client.get("/Users", count=count).expect(200)

    def change(number):
        member = [{"value": people[number]["id"]}]
        user, crew = f"/Users/{people[number]['id']}", f"/Groups/{group['id']}"
        for turn in range(6):
            role = ("admin", "member")[turn % 2]
            for path, operation in (
                (user, {"op": "replace", "path": "title", "value": f"title {turn}"}),
                (user, {"op": "replace", "path": "organizationRole", "value": role}),
                (user, {"op": "replace", "path": "active", "value": bool(turn % 2)}),
                (crew, {"op": ("add", "remove")[turn % 2], "path": "members", "value": member}),
            ):
                assert client.patch(path, patch_of(operation)).status_code in (200, 204)

    def map_():
        rows = SCIMGroup.objects.of(organization).select_related("team__organization")
        for role in ("viewer", "admin", "member") * 3:
            provisioning.map_group(
                actor=OPERATOR, organization=organization, group=rows.get(), role=role
            )

    at_once([read, read, read, lambda: change(0), lambda: change(1), lambda: change(2), map_])
    assert list(texts_tell_what_the_rows_do()) == []
    client.get("/Users").expect(200)
    assert not SCIMUser.objects.of(organization).filter(text__text="").exists()


@pytest.mark.parametrize(
    ("policy", "people", "seats"), [("refuse", 1000, 500), ("viewer", 200, 100)]
)
def test_exactly_as_many_take_a_seat_as_there_are(organization, client, policy, people, seats):
    organizations.update(
        actor=OPERATOR, organization=organization, changes={"seat_policy": policy}
    )
    taken = Membership.objects.of(organization).active().filter(seat="full").count()
    entitlements.apply(
        actor=OPERATOR,
        organization=organization,
        source="manual",
        seats={"full": seats + taken, "viewer": people},
    )
    names = [f"person-{n}@example.org" for n in range(people)]
    clients = 8

    def work(number):
        return lambda: [
            client.post("/Users", {"userName": name}) for name in names[number::clients]
        ]

    answers = [answer for part in at_once([work(n) for n in range(clients)]) for answer in part]
    outcomes = Counter(answer.status_code for answer in answers)
    pool = SeatPool.objects.of(organization).get(seat="full")
    holding = Membership.objects.of(organization).active().filter(seat="full")
    assert pool.used == pool.limit == holding.count() == seats + taken
    if policy == "refuse":
        assert outcomes == {201: seats, 403: people - seats}
        refused = next(answer for answer in answers if answer.status_code == 403)
        assert "seats" in refused.json()["detail"]
    else:
        assert outcomes == {201: people}
        viewers = Membership.objects.of(organization).active().filter(seat="viewer")
        assert viewers.count() == people - seats
    known = SCIMUser.objects.of(organization).count()
    assert Directory.objects.of(organization).get().users == known
    assert known == Membership.objects.of(organization).active().count()
