"""SCIM between two organizations: what is another's is absent, however it is named.

The organization comes from the credential, so the matrix of paths is another one: each route
with each method, asked by a provisioning token and by an owner's key, with ids of the rival
beside ids that never were; the rival's own address; and its ids in bodies and filters.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from identity.actions import provisioning
from identity.models import ProvisioningConnection, SCIMGroup, SCIMUser
from tests.walls.routes import Route, scim_routes
from tests.walls.town import MADE_UP, RIVAL, Town

pytestmark = pytest.mark.django_db

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
BODIES: dict[str, Any] = {
    "Users": {"userName": "x@example.org"},
    "Groups": {"displayName": "X"},
    "Roles": {"name": "X"},
}
ROUTES = [route for route in scim_routes() if "id" in route.parts]
PATCH = {"Operations": [{"op": "replace", "path": "displayName", "value": "taken over"}]}


def ids_of(town: Town) -> dict[str, str]:
    """Return an id of rival's for each kind of resource."""
    rival = town.rival
    user = SCIMUser.objects.of(rival.organization).get(
        membership=rival.people["target"].member
    )
    group = SCIMGroup.objects.of(rival.organization).get(team=rival.team)
    return {"Users": user.wire_id, "Groups": group.wire_id, "Roles": rival.ids["role"]}


def token_of(town: Town) -> str:
    """Return a provisioning token of acme's."""
    acme = town.acme
    connection = ProvisioningConnection.objects.of(acme.organization).pick(acme.ids["connection"])
    return provisioning.issue_token(
        actor=acme.owner.principal, organization=acme.organization, connection=connection
    ).secret


def ask(key: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
    """Ask, and return status and body without what differs by chance."""
    answer = Client().generic(
        method,
        path,
        json.dumps(body) if body is not None else "",
        content_type="application/scim+json",
        headers={"Authorization": f"Bearer {key}", **headers},
    )
    return answer.status_code, answer.content.decode()


def keys_of(town: Town) -> list[str]:
    """Return who asks: an identity provider and an owner."""
    return [token_of(town), town.callers["organization:owner"].key]


def url_of(route: Route, row_id: str, slug: str) -> str:
    path = route.path.replace("<id>", row_id).replace("<organization>", slug)
    return re.sub(r"/\?$", "", path).replace("\\", "")


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_resource_of_another_organization_is_as_one_that_never_was(
    route: Route, town: Town, count: Callable[[int], None]
) -> None:
    kind = next((kind for kind in BODIES if kind in route.path), "")
    foreign = ids_of(town).get(kind, f"urn:{RIVAL}")
    made_up = re.sub(r"_[0-9a-f]{32}$", f"_{MADE_UP}", foreign)
    cases = 0
    for key in keys_of(town):
        for method in METHODS:
            body = PATCH if method == "PATCH" else BODIES.get(kind, {})
            found = ask(key, method, url_of(route, foreign, "acme"), body)
            absent = ask(key, method, url_of(route, made_up, "acme"), body)
            cases += 1
            assert found[0] == absent[0], (method, found, absent)
            assert found[1].replace(foreign, made_up) == absent[1], (method, found, absent)
            if kind and method in ("GET", "PUT", "PATCH", "DELETE"):
                assert found[0] == 404, (method, found)
    count(cases)
    assert town.stands(RIVAL)


@pytest.mark.parametrize("endpoint", ["Users", "Groups", "Roles", "Me", ".search", "Bulk"])
def test_the_address_of_another_organization_is_as_one_that_never_was(
    endpoint: str, town: Town
) -> None:
    for key in keys_of(town):
        for method in METHODS:
            theirs = ask(key, method, f"/scim/{RIVAL}/v2/{endpoint}", BODIES.get(endpoint, {}))
            nowhere = ask(key, method, f"/scim/ghost/v2/{endpoint}", BODIES.get(endpoint, {}))
            assert theirs == nowhere, (method, theirs, nowhere)
            assert theirs[0] in (404, 405), (method, theirs)
        for headers in ({"X-Organization": RIVAL}, {"X-Organization": "ghost"}):
            assert ask(key, "GET", "/scim/v2/Users", **headers)[0] == 404
    assert town.stands(RIVAL)


def test_ids_of_another_organization_mean_nothing_in_bodies_and_filters(town: Town) -> None:
    foreign = ids_of(town)
    for key in keys_of(town):
        for kind, row_id in foreign.items():
            found = ask(key, "GET", f"/scim/v2/{kind}?filter=id%20eq%20%22{row_id}%22")
            assert json.loads(found[1])["totalResults"] == 0
        member = {"value": foreign["Users"]}
        made = ask(key, "POST", "/scim/v2/Groups", {"displayName": "T", "members": [member]})
        assert made[0] == 400
        mine = SCIMGroup.objects.of(town.acme.organization).get(team=town.acme.team).wire_id
        add = {"Operations": [{"op": "add", "path": "members", "value": [member]}]}
        assert ask(key, "PATCH", f"/scim/v2/Groups/{mine}", add)[0] == 400
        for method, path in (
            ("DELETE", f"/Users/{foreign['Users']}"),
            ("PATCH", f"/Groups/{foreign['Groups']}"),
        ):
            one = {"method": method, "path": path, "data": PATCH}
            answer = ask(key, "POST", "/scim/v2/Bulk", {"Operations": [one]})
            assert json.loads(answer[1])["Operations"][0]["status"] == "404"
    assert town.stands(RIVAL)


def test_lists_hold_nothing_of_another_organization(town: Town) -> None:
    mine = SCIMUser.objects.of(town.acme.organization).count()
    for key in keys_of(town):
        status, body = ask(key, "GET", "/scim/v2/Users?count=1000")
        assert status == 200
        assert json.loads(body)["totalResults"] == mine
        for path in ("Users?count=1000", "Groups", "Roles", ".search?count=1000"):
            text = ask(key, "GET", f"/scim/v2/{path}")[1]
            assert RIVAL not in text
            assert not [mark for mark in town.marks if mark in text]


@pytest.mark.parametrize("name", ["anonymous", "revoked key", "expired key"])
def test_whoever_proves_nothing_is_asked_for_a_token(name: str, town: Town) -> None:
    for route in scim_routes():
        answer = ask(town.callers[name].key, "GET", url_of(route, "x", "acme"))
        assert answer[0] in (200, 401, 404, 405), (route, answer)
        if answer[0] == 200:
            assert not [mark for mark in town.marks if mark in answer[1]]


@pytest.mark.parametrize(
    "name", [f"organization:{role}" for role in ("member", "viewer", "billing_admin")]
)
def test_whoever_may_not_manage_members_does_not_see_them_here(name: str, town: Town) -> None:
    for endpoint in ("Users", "Groups", "Roles", ".search", "Me"):
        assert ask(town.callers[name].key, "GET", f"/scim/v2/{endpoint}")[0] == 403


def test_a_provisioning_token_is_good_for_nothing_else(town: Town) -> None:
    key = token_of(town)
    for path in ("/api/v1/me", "/api/v1/organizations/acme/members"):
        assert ask(key, "GET", path)[0] == 401
