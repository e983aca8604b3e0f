"""The rest of the thirty-two rules: locations, conflicts, projections, versions, errors.

The numbers are those of the field reports from which the list was made; the RFCs decide.
"""

from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import clear_script_prefix, set_script_prefix

from tests.conformance.scim.client import (
    ENTERPRISE,
    ERROR,
    GROUP,
    SEARCH,
    STEWARD,
    USER,
    Client,
    listed,
    patch_of,
)

pytestmark = pytest.mark.django_db


# 18


def test_a_put_changes_neither_id_nor_meta(scim, mia):
    path = f"/Users/{mia['id']}"
    body = {
        **mia,
        "id": "another",
        "meta": {"resourceType": "Thing", "created": "1999-01-01T00:00:00Z", "location": "x"},
        "password": "secret-0815",
        "displayName": "Put",
    }
    answer = scim.put(path, body)
    user = answer.expect(200)
    assert user["id"] == mia["id"]
    assert user["meta"]["created"] == mia["meta"]["created"]
    assert user["meta"]["location"] == mia["meta"]["location"]
    assert user["meta"]["resourceType"] == "User"
    assert b"secret-0815" not in answer.content + scim.get(path).content


def test_a_put_clears_what_it_leaves_out(scim, mia):
    """RFC 7644 §3.5.1: what is left out may be cleared; `active` has no value to clear to."""
    path = f"/Users/{mia['id']}"
    scim.change(path, {"op": "add", "path": "title", "value": "Boss"})
    user = scim.put(path, {"schemas": [USER], "userName": mia["userName"]}).expect(200)
    assert "title" not in user
    assert user["active"] is True


def test_a_put_to_nobody_creates_nobody(scim):
    scim.put("/Users/nobody", {"schemas": [USER], "userName": "put@example.com"}).expect(404)
    assert scim.ids('userName eq "put@example.com"') == set()


# 19


def test_locations_are_absolute_and_equal(scim):
    answer = scim.post("/Users", {"schemas": [USER], "userName": "place@example.com"})
    made = answer.expect(201)
    place = made["meta"]["location"]
    assert answer.headers["Location"] == place
    assert place.startswith("http")
    assert place.endswith(f"/Users/{made['id']}")
    again = scim.get(f"/Users/{made['id']}")
    assert again.expect(200)["meta"]["location"] == place


def test_locations_keep_the_base_address_that_was_asked(scim, mia):
    user = scim.at("/scim/acme/v2").read(f"/Users/{mia['id']}")
    assert user["meta"]["location"].endswith(f"/scim/acme/v2/Users/{mia['id']}")


def test_locations_honour_the_scheme_that_the_proxy_saw(scim, mia, settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    answer = scim.get(f"/Users/{mia['id']}", headers={"X-Forwarded-Proto": "https"})
    assert answer.expect(200)["meta"]["location"].startswith("https://")


def test_locations_honour_the_prefix_below_which_the_service_is_served(scim, mia):
    path = f"/Users/{mia['id']}"
    set_script_prefix("/identity/")  # As the WSGI handler does for `SCRIPT_NAME`.
    try:
        answer = scim.get(path, environ={"SCRIPT_NAME": "/identity"})
    finally:
        clear_script_prefix()
    place = answer.expect(200)["meta"]["location"]
    assert place.endswith(f"/identity/scim/v2{path}")


# 20


def test_a_rename_onto_another_user_is_a_conflict(scim, mia, adam):
    path = f"/Users/{adam['id']}"
    rename = {"op": "replace", "path": "userName", "value": "mia@example.com"}
    scim.patch(path, patch_of(rename)).expect(409, "uniqueness")
    scim.put(path, {**adam, "userName": "mia@example.com"}).expect(409, "uniqueness")
    assert scim.read(path)["userName"] == "adam@example.com"


def test_a_rename_onto_another_group_is_a_conflict(scim):
    scim.group("First-Team")
    second = scim.group("Second-Team")
    path = f"/Groups/{second['id']}"
    rename = {"op": "replace", "path": "displayName", "value": "first-team"}
    scim.patch(path, patch_of(rename)).expect(409, "uniqueness")
    scim.put(path, {"schemas": [GROUP], "displayName": "First-Team"}).expect(409, "uniqueness")


# 21


def test_an_external_id_collides_inside_the_organization_only(scim, elsewhere, mia):
    scim.post(
        "/Users", {"schemas": [USER], "userName": "twin@example.com", "externalId": "Ext-Mia"}
    ).expect(409, "uniqueness")
    made = elsewhere.user("twin@elsewhere.test", externalId="Ext-Mia")
    assert made["externalId"] == "Ext-Mia"
    assert scim.ids('externalId eq "Ext-Mia"') == {mia["id"]}
    assert elsewhere.ids('externalId eq "Ext-Mia"') == {made["id"]}


# 22


@pytest.mark.parametrize("path", ["/Users", "/Groups"])
def test_a_second_delete_is_a_404_and_the_first_has_no_body(scim, path):
    body = {"schemas": [USER], "userName": "gone@example.com", "displayName": "Gone-Team"}
    made = scim.post(path, body).expect(201)
    answer = scim.delete(f"{path}/{made['id']}")
    answer.expect(204)
    assert "Content-Type" not in answer.headers
    scim.delete(f"{path}/{made['id']}").expect(404)


# 23


def test_a_trailing_slash_is_accepted_everywhere(scim, mia):
    assert scim.read(f"/Users/{mia['id']}/") == scim.read(f"/Users/{mia['id']}")
    assert scim.find("/Users/", filter='userName eq "mia@example.com"')
    made = scim.post("/Users/", {"schemas": [USER], "userName": "slash@example.com"}).expect(201)
    scim.put(f"/Users/{made['id']}/", made).expect(200)
    body = patch_of({"op": "replace", "value": {"active": False}})
    assert scim.patch(f"/Users/{made['id']}/", body).status_code in (200, 204)
    scim.delete(f"/Users/{made['id']}/").expect(204)
    scim.get("/ServiceProviderConfig/").expect(200)


# 24


def test_chosen_attributes_come_with_id_and_schemas(scim, mia):
    path = f"/Users/{mia['id']}"
    user = scim.get(path, attributes="userName").expect(200)
    assert set(user) == {"schemas", "id", "userName"}
    user = scim.get(path, attributes="NAME.familyName").expect(200)
    assert set(user) == {"schemas", "id", "name"}
    assert user["name"] == {"familyName": "B"}
    user = scim.get(path, attributes=f"{USER.upper()}:username,displayname").expect(200)
    assert set(user) == {"schemas", "id", "userName", "displayName"}
    [user] = scim.find("/Users", filter=f'id eq "{mia["id"]}"', attributes="emails.value")
    assert user["emails"] == [{"value": one["value"]} for one in mia["emails"]]


def test_id_and_schemas_cannot_be_excluded(scim, mia):
    user = scim.get(
        f"/Users/{mia['id']}", excludedAttributes="id,schemas,NAME.givenName,emails,Meta"
    ).expect(200)
    assert user["id"] == mia["id"]
    assert user["schemas"] == mia["schemas"]
    assert "emails" not in user
    assert "meta" not in user
    assert user["name"] == {"familyName": "B"}


def test_an_attribute_of_an_extension_is_chosen_by_its_urn(scim, mia):
    path = f"/Users/{mia['id']}"
    scim.change(
        path,
        {"op": "add", "path": f"{ENTERPRISE}:department", "value": "Research"},
        {"op": "add", "path": f"{ENTERPRISE}:costCenter", "value": "17"},
    )
    user = scim.get(path, attributes=f"{ENTERPRISE}:department").expect(200)
    assert user[ENTERPRISE] == {"department": "Research"}
    assert "userName" not in user


def test_choosing_and_excluding_at_once_is_refused(scim, mia):
    for path in (f"/Users/{mia['id']}", "/Users"):
        scim.get(path, attributes="userName", excludedAttributes="emails").expect(400)


def test_writes_answer_the_chosen_attributes_too(scim):
    answer = scim.post(
        "/Users?attributes=userName", {"schemas": [USER], "userName": "short@example.com"}
    )
    assert set(answer.expect(201)) == {"schemas", "id", "userName"}


# 25


def test_the_version_changes_only_when_something_does(scim, mia):
    path = f"/Users/{mia['id']}"
    first = scim.get(path)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    assert first.expect(200)["meta"]["version"] == tag
    scim.change(path, {"op": "replace", "path": "displayName", "value": "Mia Moss"})
    assert scim.get(path).headers["ETag"] == tag
    scim.get(path, headers={"If-None-Match": tag}).expect(304)
    scim.change(path, {"op": "replace", "path": "displayName", "value": "Mia New"})
    changed = scim.get(path, headers={"If-None-Match": tag})
    changed.expect(200)
    assert changed.headers["ETag"] != tag


def test_a_change_of_a_version_that_is_over_is_refused(scim, mia):
    path = f"/Users/{mia['id']}"
    stale = scim.get(path).headers["ETag"]
    scim.change(path, {"op": "replace", "path": "displayName", "value": "Mia New"})
    body = patch_of({"op": "replace", "path": "displayName", "value": "Late"})
    scim.patch(path, body, headers={"If-Match": stale}).expect(412)
    scim.put(path, mia, headers={"If-Match": stale}).expect(412)
    scim.delete(path, headers={"If-Match": stale}).expect(412)
    assert scim.read(path)["displayName"] == "Mia New"
    fresh = scim.get(path).headers["ETag"]
    answer = scim.patch(path, body, headers={"If-Match": fresh})
    assert answer.status_code in (200, 204)


def test_the_version_of_a_group_changes_with_its_members(scim, mia):
    group = scim.group("Rule-Team")
    path = f"/Groups/{group['id']}"
    before = scim.get(path).headers["ETag"]
    scim.change(path, {"op": "add", "path": "members", "value": [{"value": mia["id"]}]})
    assert scim.get(path).headers["ETag"] != before


# 26


def test_members_that_are_excluded_are_not_loaded(scim):
    """No statement asks for the rows of the team's members."""
    ids = [scim.user(f"crowd-{number}@example.com")["id"] for number in range(6)]
    group = scim.group("Crowd-Team", *ids)
    for path, params in (
        (f"/Groups/{group['id']}", {}),
        ("/Groups", {"filter": 'displayName eq "Crowd-Team"'}),
    ):
        with CaptureQueriesContext(connection) as asked:
            answer = scim.get(path, excludedAttributes="members", **params)
        answer.expect(200)
        assert b"crowd-" not in answer.content
        statements = [query["sql"] for query in asked.captured_queries]
        assert [sql for sql in statements if 'FROM "orgs_teammembership"' in sql] == []


# 27


def test_deactivated_users_stay_visible(scim, mia):
    scim.change(f"/Users/{mia['id']}", {"op": "replace", "value": {"active": False}})
    users = {user["id"]: user for user in scim.find("/Users", count="200")}
    assert users[mia["id"]]["active"] is False
    assert scim.ids("active eq false") == {mia["id"]}
    assert users[mia["id"]][STEWARD]["status"] == "deactivated"


# 28


def test_a_user_who_is_deleted_and_created_again_has_a_new_id(scim, mia):
    scim.delete(f"/Users/{mia['id']}").expect(204)
    again = scim.user("Mia@Example.com", externalId="Ext-Mia")
    assert again["id"] != mia["id"]
    scim.get(f"/Users/{mia['id']}").expect(404)
    assert scim.ids('userName eq "mia@example.com"') == {again["id"]}


def test_a_user_who_is_created_again_is_in_no_group(scim, mia):
    group = scim.group("Rule-Team", mia["id"])
    scim.delete(f"/Users/{mia['id']}").expect(204)
    again = scim.user("Mia@Example.com")
    assert scim.members_of(group["id"]) == set()
    assert not again.get("groups")


# 29


def test_errors_have_the_schema_and_a_status_that_is_text(scim):
    for answer, status in (
        (scim.get("/Users/nobody"), 404),
        (scim.get("/Nothing"), 404),
        (scim.post("/Users", "{"), 400),
        (scim.post("/Users", {"schemas": [USER]}), 400),
        (scim.put("/Users", {}), 405),
    ):
        body = answer.expect(status)
        assert body["schemas"] == [ERROR]
        assert body["status"] == str(status)


def test_a_token_that_is_none_is_answered_with_a_challenge():
    for authorization in (None, "Bearer nothing", "Bearer", "Digest x"):
        answer = Client(authorization).get("/Users")
        answer.expect(401)
        assert "bearer" in answer.headers["WWW-Authenticate"].lower()


# 30


def test_a_manager_may_be_somebody_not_provisioned_yet(scim, mia):
    user = scim.change(
        f"/Users/{mia['id']}",
        {"op": "add", "path": f"{ENTERPRISE}:manager", "value": {"value": "not-here-yet"}},
    )
    assert user[ENTERPRISE]["manager"]["value"] == "not-here-yet"
    assert scim.ids(f'{ENTERPRISE}:manager.value eq "not-here-yet"') == {mia["id"]}
    assert scim.ids(f'{ENTERPRISE}:manager eq "not-here-yet"') == {mia["id"]}


# 31


@pytest.mark.parametrize(
    "name",
    [
        "mia+test@example.com",
        'mia"quoted"@example.com',
        "o'brien@example.com",
        "jürgen.müller@example.com",
        "山田@example.com",
        "back\\slash@example.com",
        "per%cent&amp@example.com",
        "plain name",
    ],
)
def test_odd_user_names_are_found_by_every_way_of_asking(scim, name):
    address = {"value": "odd@example.com", "type": "work", "primary": True}
    body = {"schemas": [USER], "userName": name, "emails": [address]}
    made = scim.post("/Users", body).expect(201)
    assert made["userName"] == name
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    question = f'userName eq "{quoted}"'
    assert scim.ids(question) == {made["id"]}
    assert {
        one["id"] for one in scim.find(f"/Users?{urlencode({'filter': question})}")
    } == {made["id"]}
    search = listed(scim.post("/Users/.search", {"schemas": [SEARCH], "filter": question}))
    assert [one["id"] for one in search["Resources"]] == [made["id"]]


# 32


def test_too_many_requests_are_a_429_with_a_time_to_wait(scim, settings):
    settings.STEWARD_SCIM_RATE = 5
    answers = [scim.get("/Users", count="1") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    answers[-1].expect(429)
    assert int(answers[-1].headers["Retry-After"]) >= 1
