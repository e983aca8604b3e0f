"""Provisioning over REST: connect, tokens, the log, roles of groups, disconnect."""

import pytest
from rest_framework.test import APIClient

from identity.models import SCIMGroup
from kernel.latest import flush_all
from orgs.models import Membership, Team, TeamMembership
from tests.conformance.scim.client import Client, bearer
from tests.identity.conftest import bearer as header

BASE = "/api/v1/organizations/lab"


@pytest.fixture
def admin(lab, api):
    api.credentials(**header(lab.key(lab.owner).secret))
    yield api
    flush_all()


@pytest.fixture
def connection(admin):
    answer = admin.post(
        f"{BASE}/provisioning/connections", {"name": "Okta", "provider": "okta"}, format="json"
    )
    assert answer.status_code == 201, answer.content
    return answer.json()


@pytest.fixture
def token(admin, connection):
    answer = admin.post(
        f"{BASE}/provisioning/connections/{connection['id']}/tokens", {"name": "t"}, format="json"
    )
    assert answer.status_code == 201, answer.content
    return answer.json()


@pytest.fixture
def scim(token):
    return Client(bearer(token["secret"]))


def test_a_token_works_for_provisioning_until_the_connection_ends(
    admin, connection, token, scim, lab
):
    user = scim.post("/Users", {"userName": "new@example.org"}).expect(201)
    assert user["active"] is True
    refused = APIClient().get("/api/v1/me", **header(token["secret"]))
    assert refused.status_code == 401
    listed = admin.get(f"{BASE}/provisioning/connections/{connection['id']}/tokens").json()
    assert [one["id"] for one in listed["data"]] == [token["id"]]
    assert "secret" not in listed["data"][0]
    gone = admin.delete(f"{BASE}/provisioning/connections/{connection['id']}")
    assert gone.status_code == 204
    scim.get("/Users").expect(401)
    assert not Membership.objects.of(lab.organization).filter(is_managed=True).exists()


def test_a_token_is_rotated_with_an_overlap_like_any_key(admin, token, scim):
    answer = admin.post(
        f"{BASE}/api-keys/{token['id']}/rotate", {"overlap_seconds": 3600}, format="json"
    )
    assert answer.status_code == 201
    scim.get("/Users").expect(200)
    Client(bearer(answer.json()["secret"])).get("/Users").expect(200)
    admin.delete(f"{BASE}/api-keys/{token['id']}")
    scim.get("/Users").expect(401)


def test_what_the_provider_manages_is_not_changed_here(admin, scim, lab):
    user = scim.post("/Users", {"userName": "new@example.org"}).expect(201)
    group = scim.post("/Groups", {"displayName": "Crew", "members": [{"value": user["id"]}]})
    group.expect(201)
    member = Membership.objects.of(lab.organization).get(is_managed=True)
    team = Team.objects.of(lab.organization).get(is_managed=True)
    for method, path, body in (
        ("post", f"members/{member.wire_id}/deactivate", {}),
        ("delete", f"members/{member.wire_id}", None),
        ("delete", f"teams/{team.name}/members/{member.wire_id}", None),
        ("patch", f"teams/{team.name}", {"display_name": "Mine"}),
    ):
        answer = getattr(admin, method)(f"{BASE}/{path}", body, format="json")
        assert answer.status_code == 409, (method, path, answer.content)
        assert answer.json()["code"] == "managed_by_provisioning"
    answer = admin.patch(f"{BASE}/members/{member.wire_id}", {"role": "viewer"}, format="json")
    assert answer.status_code == 200
    assert scim.get(f"/Users/{user['id']}").expect(200)["active"] is True


def test_the_people_of_a_group_have_the_role_that_is_said(admin, scim, lab):
    people = [scim.post("/Users", {"userName": f"p{n}@example.org"}).expect(201) for n in (1, 2)]
    first = [{"value": people[0]["id"]}]
    made = scim.post("/Groups", {"displayName": "Crew", "members": first}).expect(201)
    answer = admin.put(
        f"{BASE}/provisioning/groups/{made['id']}", {"role": "admin"}, format="json"
    )
    assert answer.status_code == 200, answer.content
    add = {"op": "add", "path": "members", "value": [{"value": people[1]["id"]}]}
    scim.patch(f"/Groups/{made['id']}", {"Operations": [add]}).expect(200)
    row = SCIMGroup.objects.of(lab.organization).get(display_name="Crew")
    places = TeamMembership.objects.of(lab.organization).filter(team_id=row.team_id)
    assert sorted(places.values_list("role", flat=True)) == ["admin", "admin"]
    listed = admin.get(f"{BASE}/provisioning/groups").json()["data"]
    assert {one["display_name"]: one["role"] for one in listed} == {
        "Crew": "admin", "vision": "member",
    }  # fmt: skip


def test_the_log_is_filtered_and_told_whole(admin, scim):
    scim.post("/Users", {"userName": "one@example.org"}).expect(201)
    scim.post("/Users", {"userName": "one@example.org"}).expect(409)
    flush_all()
    failed = admin.get(f"{BASE}/provisioning/log", {"outcome": "failed"}).json()["data"]
    assert [one["status"] for one in failed] == [409]
    assert "request_body" not in failed[0]
    whole = admin.get(f"{BASE}/provisioning/log/{failed[0]['id']}").json()
    assert "one@example.org" in whole["request_body"]
    found = admin.get(f"{BASE}/provisioning/log", {"q": "one@", "outcome": "succeeded"}).json()
    assert [one["action"] for one in found["data"]] == ["created"]


def test_a_provider_that_there_is_not_is_refused(admin):
    answer = admin.post(
        f"{BASE}/provisioning/connections", {"name": "X", "provider": "x"}, format="json"
    )
    assert answer.status_code == 422
