import pytest

from tests.identity.conftest import bearer


@pytest.fixture
def owner(lab):
    return bearer(lab.key(lab.owner).secret)


def url(lab, rest=""):
    return f"/api/v1/organizations/{lab.organization.slug}/{rest}"


def test_the_life_of_a_service_account_key(lab, api, owner):
    keys = url(lab, f"service-accounts/{lab.machine.wire_id}/keys")
    made = api.post(
        keys,
        {"name": "pipeline", "scopes": ["*.read"], "on_behalf_of": "max"},
        format="json",
        **owner,
    )
    assert made.status_code == 201, made.content
    body = made.json()
    assert body["secret"].startswith("stw_")
    assert body["owner"] == {
        "kind": "service_account",
        "id": lab.machine.wire_id,
        "name": "ci-bot",
    }
    me = api.get("/api/v1/me", **bearer(body["secret"])).json()
    assert me["on_behalf_of"] == "max"

    one = api.get(made["Location"], **owner)
    assert one.status_code == 200
    assert "secret" not in one.json()
    changed = api.patch(
        made["Location"],
        {"name": "pipeline 2"},
        format="json",
        HTTP_IF_MATCH=one["ETag"],
        **owner,
    )
    assert changed.json()["name"] == "pipeline 2"
    lost = api.patch(
        made["Location"], {"name": "x"}, format="json", HTTP_IF_MATCH=one["ETag"], **owner
    )
    assert lost.status_code == 412

    rotated = api.post(
        made["Location"] + "/rotate", {"overlap_seconds": 600}, format="json", **owner
    )
    assert rotated.status_code == 201
    assert api.get("/api/v1/me", **bearer(body["secret"])).status_code == 200
    assert api.get("/api/v1/me", **bearer(rotated.json()["secret"])).status_code == 200
    stopped = api.put(
        made["Location"] + "/overlap", {"overlap_seconds": 0}, format="json", **owner
    )
    assert stopped.json()["state"] == "rotated_out"
    assert api.get("/api/v1/me", **bearer(body["secret"])).json()["code"] == "key_rotated_out"
    again = api.post(
        made["Location"] + "/rotate", {"overlap_seconds": 600}, format="json", **owner
    )
    assert (again.status_code, again.json()["code"]) == (409, "api_key_ended")

    assert api.delete(rotated["Location"], **owner).status_code == 204
    assert api.get("/api/v1/me", **bearer(rotated.json()["secret"])).status_code == 401
    listed = api.get(keys, **owner).json()["data"]
    assert [key["state"] for key in listed] == ["revoked", "rotated_out"]


def test_a_replayed_post_shows_the_same_key_once_more_and_makes_no_second(lab, api, owner):
    key = {"HTTP_IDEMPOTENCY_KEY": "b7d1", **owner}
    first = api.post(url(lab, "api-keys"), {"name": "laptop"}, format="json", **key)
    second = api.post(url(lab, "api-keys"), {"name": "laptop"}, format="json", **key)
    assert second["Idempotent-Replayed"] == "true"
    assert first.json() == second.json()
    other = api.post(url(lab, "api-keys"), {"name": "desktop"}, format="json", **key)
    assert other.status_code == 422


def test_members_see_their_own_keys_only(lab, api, owner):
    mine = lab.key(lab.member, name="mine")
    lab.key(name="the machine's")
    seen = api.get(url(lab, "api-keys"), **bearer(mine.secret)).json()["data"]
    assert [key["name"] for key in seen] == ["mine"]
    everything = api.get(url(lab, "api-keys"), **owner).json()["data"]
    assert len(everything) == 3
    theirs = next(key["id"] for key in everything if key["owner"]["name"] == "olga")
    answer = api.get(url(lab, f"api-keys/{theirs}"), **bearer(mine.secret))
    assert answer.status_code == 404
    own = api.delete(url(lab, f"api-keys/{mine.key.wire_id}"), **bearer(mine.secret))
    assert own.status_code == 204


def test_lists_are_filtered(lab, api, owner):
    lab.key(name="deploy")
    by_owner = api.get(url(lab, f"api-keys?owner={lab.machine.wire_id}"), **owner).json()
    assert [key["name"] for key in by_owner["data"]] == ["deploy"]
    assert api.get(url(lab, "api-keys?owner=x"), **owner).status_code == 400
    assert api.get(url(lab, "api-keys?colour=red"), **owner).status_code == 400
    assert api.get(url(lab, "api-keys?state=ended"), **owner).json()["data"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": "x", "scopes": ["nonsense"]}, "/scopes"),
        ({"name": "x", "expires_at": "2001-01-01T00:00:00Z"}, "/expires_at"),
        ({"name": "x", "allowed_networks": ["moon"]}, "/allowed_networks"),
        ({"name": "x", "colour": "red"}, "/colour"),
    ],
)
def test_a_wrong_member_is_pointed_at(lab, api, owner, body, pointer):
    answer = api.post(url(lab, "api-keys"), body, format="json", **owner)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_work_on_behalf_of_a_stranger_is_refused(lab, api, owner):
    keys = url(lab, f"service-accounts/{lab.machine.wire_id}/keys")
    answer = api.post(keys, {"name": "x", "on_behalf_of": "sven"}, format="json", **owner)
    assert answer.status_code == 422


def test_another_organizations_owner_finds_nothing(lab, api):
    key = lab.key().key
    foreign = bearer(lab.key(lab.stranger, organization=lab.foreign).secret)
    for method, path in (
        ("get", "api-keys"),
        ("get", f"api-keys/{key.wire_id}"),
        ("delete", f"api-keys/{key.wire_id}"),
        ("get", f"service-accounts/{lab.machine.wire_id}/keys"),
    ):
        assert getattr(api, method)(url(lab, path), **foreign).status_code == 404
    own = f"/api/v1/organizations/{lab.foreign.slug}/api-keys/{key.wire_id}"
    assert api.get(own, **foreign).status_code == 404
