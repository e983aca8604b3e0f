"""The other identity providers: only what each of them does in a way of its own."""

import datetime as dt

import pytest
import time_machine

from tests.conformance.scim.client import ENTERPRISE, GROUP, PATCH, SEARCH, USER, Client, listed

pytestmark = pytest.mark.django_db

NAMES = ("zoe", "adam", "mia")


@pytest.fixture
def people(scim) -> dict[str, str]:
    """Return the ids of three users by their first names."""
    return {name: scim.user(f"{name}@example.com", displayName=name)["id"] for name in NAMES}


# OneLogin


@pytest.fixture
def onelogin(provider) -> Client:
    """Return the client of OneLogin."""
    return provider("onelogin")


def test_onelogin_matches_creates_and_puts(onelogin):
    question = 'userName eq "one@example.com"'
    assert listed(onelogin.get("/Users", filter=question))["totalResults"] == 0
    body = {
        "schemas": [USER, ENTERPRISE],
        "userName": "one@example.com",
        "externalId": "31415926",
        "name": {"familyName": "One", "givenName": "Login", "formatted": "Login One"},
        "displayName": "Login One",
        "emails": [{"value": "one@example.com", "type": "work", "primary": True}],
        ENTERPRISE: {"department": "Sales"},
        "active": True,
    }
    made = onelogin.post("/Users", body).expect(201)
    put = onelogin.put(
        f"/Users/{made['id']}", {**body, "id": made["id"], "displayName": "L. One"}
    ).expect(200)
    assert put["displayName"] == "L. One"
    assert put[ENTERPRISE]["department"] == "Sales"
    gone = onelogin.put(f"/Users/{made['id']}", {**body, "active": False}).expect(200)
    assert gone["active"] is False


def test_onelogin_adds_a_member_as_one_object_instead_of_a_list(onelogin):
    user = onelogin.user("one@example.com")
    group = onelogin.group("OneLogin-Team")
    onelogin.change(
        f"/Groups/{group['id']}",
        {"op": "add", "path": "members", "value": {"value": user["id"]}},
    )
    assert onelogin.members_of(group["id"]) == {user["id"]}


def test_onelogin_adds_members_without_a_path(onelogin):
    user = onelogin.user("one@example.com")
    group = onelogin.group("OneLogin-Team")
    onelogin.change(
        f"/Groups/{group['id']}", {"op": "add", "value": {"members": [{"value": user["id"]}]}}
    )
    assert onelogin.members_of(group["id"]) == {user["id"]}


# JumpCloud


@pytest.fixture
def jumpcloud(provider) -> Client:
    """Return the client of JumpCloud."""
    return provider("jumpcloud")


def test_jumpcloud_tests_by_creating_and_deleting_a_user(jumpcloud):
    question = {"filter": 'userName eq "test@jumpcloud.example"', "count": "1", "startIndex": "1"}
    assert listed(jumpcloud.get("/Users", **question))["totalResults"] == 0
    body = {
        "schemas": [USER],
        "userName": "test@jumpcloud.example",
        "name": {"givenName": "Test", "familyName": "User"},
        "emails": [{"value": "test@jumpcloud.example", "type": "work", "primary": True}],
        "active": True,
    }
    made = jumpcloud.post("/Users", body).expect(201)
    assert listed(jumpcloud.get("/Users", **question))["totalResults"] == 1
    jumpcloud.put(f"/Users/{made['id']}", {**body, "active": False}).expect(200)
    jumpcloud.delete(f"/Users/{made['id']}").expect(204)
    assert listed(jumpcloud.get("/Users", **question))["totalResults"] == 0


def test_jumpcloud_can_test_again_and_again(jumpcloud, world):
    for _ in range(3):
        made = jumpcloud.user("test@jumpcloud.example")
        jumpcloud.delete(f"/Users/{made['id']}").expect(204)


# Google Workspace


@pytest.fixture
def google(provider) -> Client:
    """Return the client of Google Workspace."""
    return provider("google")


def test_google_patches_only_what_changed_and_replaces_addresses_as_a_list(google):
    made = google.user("gina@example.com", title="Engineer")
    user = google.change(
        f"/Users/{made['id']}",
        {
            "op": "replace",
            "path": "emails",
            "value": [
                {"value": "gina.new@example.com", "type": "work", "primary": True},
                {"value": "gina@home.example", "type": "home"},
            ],
        },
    )
    assert {email["value"] for email in user["emails"]} == {
        "gina.new@example.com",
        "gina@home.example",
    }
    assert user["title"] == "Engineer"
    user = google.change(
        f"/Users/{made['id']}", {"op": "replace", "path": "name.familyName", "value": "New"}
    )
    assert user["name"] == {**made["name"], "familyName": "New"}


def test_google_deactivates_and_deletes_days_later(google):
    made = google.user("gina@example.com")
    path = f"/Users/{made['id']}"
    assert google.change(path, {"op": "replace", "path": "active", "value": False})[
        "active"
    ] is False
    google.delete(path).expect(204)
    google.get(path).expect(404)


# PingFederate and PingOne


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_ping_sends_plain_json_and_puts_whole_groups(provider, kind):
    ping = provider("other")
    body = {
        "schemas": [USER],
        "userName": "ping@example.com",
        "name": {"givenName": "Ping", "familyName": "Pong"},
        "emails": [{"value": "ping@example.com", "type": "work", "primary": True}],
        "active": True,
    }
    user = ping.post("/Users", body, kind=kind).expect(201)
    other = ping.user("pong@example.com")
    group = {
        "schemas": [GROUP],
        "displayName": "Ping-Team",
        "members": [{"value": user["id"], "type": "User"}],
    }
    made = ping.post("/Groups", group, kind=kind).expect(201)
    group["members"] = [{"value": one["id"], "type": "User"} for one in (user, other)]
    ping.put(f"/Groups/{made['id']}", group, kind=kind).expect(200)
    assert ping.members_of(made["id"]) == {user["id"], other["id"]}
    group["members"] = []
    ping.put(f"/Groups/{made['id']}", group, kind=kind).expect(200)
    assert ping.members_of(made["id"]) == set()


def test_ping_is_answered_where_it_accepts_plain_json_only(scim):
    answer = scim.get("/Users", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert answer.json()["totalResults"] > 0


# Rippling


@pytest.mark.parametrize("path", ["/Users/.search", "/.search"])
def test_rippling_searches_by_post(scim, people, path):
    body = {
        "schemas": [SEARCH],
        "filter": 'userName eq "mia@example.com"',
        "startIndex": 1,
        "count": 10,
    }
    found = listed(scim.post(path, body))
    assert found["totalResults"] == 1
    assert found["Resources"][0]["id"] == people["mia"]


def test_rippling_asks_for_some_attributes_in_the_body(scim, people):
    body = {
        "schemas": [SEARCH],
        "attributes": ["userName"],
        "filter": 'userName sw "mia"',
        "sortBy": "userName",
        "sortOrder": "descending",
    }
    [found] = listed(scim.post("/Users/.search", body))["Resources"]
    assert set(found) == {"schemas", "id", "userName"}


def test_rippling_searches_groups_by_post(scim, people):
    group = scim.group("Rippling-Team", people["mia"])
    body = {
        "schemas": [SEARCH],
        "filter": 'displayName eq "Rippling-Team"',
        "excludedAttributes": ["members"],
    }
    [found] = listed(scim.post("/Groups/.search", body))["Resources"]
    assert found["id"] == group["id"]
    assert "members" not in found


def test_a_search_at_the_root_finds_users_and_groups(scim, people):
    group = scim.group("mia")
    body = {"schemas": [SEARCH], "filter": 'displayName eq "mia"'}
    found = listed(scim.post("/.search", body))["Resources"]
    assert {one["id"] for one in found} == {people["mia"], group["id"]}
    assert {one["meta"]["resourceType"] for one in found} == {"User", "Group"}


# SailPoint and Saviynt


@pytest.mark.parametrize(
    ("order", "names"),
    [("ascending", ["adam", "mia", "zoe"]), ("descending", ["zoe", "mia", "adam"])],
)
def test_sailpoint_sorts_by_user_name(scim, people, order, names):
    among = " or ".join(f'userName eq "{name}@example.com"' for name in NAMES)
    found = scim.find(
        "/Users", filter=among, sortBy="userName", sortOrder=order, attributes="userName"
    )
    assert [user["userName"] for user in found] == [f"{name}@example.com" for name in names]
    assert all(set(user) == {"schemas", "id", "userName"} for user in found)


def test_sailpoint_sorts_upwards_unless_it_says_otherwise(scim, people):
    found = scim.find("/Users", filter='userName ew "@example.com"', sortBy="userName")
    names = [user["userName"].casefold() for user in found]
    assert names == sorted(names)


def test_sailpoint_sorts_by_a_sub_attribute(scim):
    for name in ("Cato", "Brutus", "Augustus"):
        scim.user(f"{name.lower()}@example.com", name={"familyName": name, "givenName": "X"})
    found = scim.find("/Users", filter='name.givenName eq "X"', sortBy="name.familyName")
    assert [user["name"]["familyName"] for user in found] == ["Augustus", "Brutus", "Cato"]


def test_sailpoint_asks_for_big_pages(scim, people):
    body = listed(scim.get("/Users", startIndex="1", count="1000"))
    assert body["itemsPerPage"] == body["totalResults"]


def test_sailpoint_reads_groups_sorted(scim):
    for name in ("zebra", "aardvark", "mule"):
        scim.group(name)
    found = scim.find("/Groups", sortBy="displayName", attributes="displayName")
    names = [group["displayName"].casefold() for group in found]
    assert names == sorted(names)
    assert {"zebra", "aardvark", "mule"} <= set(names)


# CyberArk


@pytest.fixture
def anonymous() -> Client:
    """Return a client without any credential."""
    return Client(None)


def test_cyberark_reads_the_schemas_without_a_credential(anonymous):
    body = listed(anonymous.get("/Schemas"))
    ids = {schema["id"] for schema in body["Resources"]}
    assert {USER, GROUP, ENTERPRISE} <= ids
    for schema in body["Resources"]:
        one = anonymous.get(f"/Schemas/{schema['id']}").expect(200)
        assert one["attributes"] == schema["attributes"]


def test_cyberark_reads_the_resource_types_without_a_credential(anonymous):
    body = listed(anonymous.get("/ResourceTypes"))
    found = {one["id"]: one for one in body["Resources"]}
    assert found["User"]["endpoint"] == "/Users"
    assert found["User"]["schema"] == USER
    assert found["Group"]["endpoint"] == "/Groups"
    assert anonymous.get("/ResourceTypes/User").expect(200)["schema"] == USER


def test_cyberark_reads_the_configuration_without_a_credential(anonymous):
    body = anonymous.get("/ServiceProviderConfig").expect(200)
    assert body["schemas"] == [
        "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
    ]
    for feature in ("patch", "bulk", "filter", "changePassword", "sort", "etag"):
        assert isinstance(body[feature]["supported"], bool)
    for feature in ("patch", "filter", "sort", "etag"):
        assert body[feature]["supported"] is True
    assert body["filter"]["maxResults"] > 0
    assert body["authenticationSchemes"]


@pytest.mark.parametrize("path", ["/Users", "/Groups", "/Me", "/Users/x"])
def test_nothing_else_is_read_without_a_credential(anonymous, path):
    answer = anonymous.get(path)
    answer.expect(401)
    assert answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig"])
def test_the_description_cannot_be_filtered(anonymous, path):
    """RFC 7644 §4: a filter on these is to be answered with 403."""
    anonymous.get(path, filter='id eq "x"').expect(403)


@pytest.mark.parametrize("path", ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig"])
def test_the_description_cannot_be_changed(scim, path):
    answer = scim.post(path, {"schemas": [PATCH]})
    assert answer.status_code in (403, 404, 405, 501)
    answer.expect(answer.status_code)


# Any of them


@pytest.mark.parametrize("kind", ["okta", "entra", "onelogin", "jumpcloud", "google", "other"])
def test_each_provider_can_be_connected_and_reads_users(provider, kind):
    assert listed(provider(kind).get("/Users"))["totalResults"] > 0


@pytest.mark.parametrize("base", ["/scim/v2", "/scim", "/scim/acme/v2"])
def test_each_base_address_serves_the_same(scim, people, base):
    there = scim.at(base)
    [found] = there.find("/Users", filter='userName eq "mia@example.com"')
    assert found["id"] == people["mia"]
    assert there.read(f"/Users/{people['mia']}")["userName"] == "mia@example.com"


def test_the_address_of_another_organization_does_not_take_this_token(scim):
    answer = scim.at("/scim/not-acme/v2").get("/Users")
    assert answer.status_code in (401, 403, 404)
    answer.expect(answer.status_code)


def test_an_incremental_import_asks_for_what_changed_since(scim, people):
    user = scim.read(f"/Users/{people['mia']}")
    since = user["meta"]["lastModified"]
    later = dt.datetime.fromisoformat(since) + dt.timedelta(hours=1)
    with time_machine.travel(later, tick=True):
        scim.change(
            f"/Users/{people['zoe']}", {"op": "replace", "path": "title", "value": "Boss"}
        )
    half = (later - dt.timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = scim.find("/Users", filter=f'meta.lastModified gt "{half}"')
    assert [one["id"] for one in found] == [people["zoe"]]
    mine = f'id eq "{people["mia"]}"'
    found = scim.find("/Users", filter=f'{mine} and meta.lastModified ge "{since}"')
    assert [one["id"] for one in found] == [people["mia"]]


def test_users_are_found_by_the_group_they_are_in(scim, people):
    group = scim.group("Asked-Team", people["mia"])
    for question in (f'groups.value eq "{group["id"]}"', f'groups eq "{group["id"]}"'):
        assert [user["id"] for user in scim.find("/Users", filter=question)] == [people["mia"]]


def test_a_path_may_begin_with_the_core_schema(scim, people):
    path = f"/Users/{people['mia']}"
    user = scim.change(
        path,
        {"op": "replace", "path": f"{USER}:displayName", "value": "By URN"},
        {"op": "add", "path": f"{USER}:name.middleName", "value": "M."},
    )
    assert user["displayName"] == "By URN"
    assert user["name"]["middleName"] == "M."


def test_the_primary_address_is_changed_by_a_filter(scim, people):
    user = scim.change(
        f"/Users/{people['mia']}",
        {"op": "replace", "path": "emails[primary eq true].value", "value": "m@example.com"},
    )
    assert [email["value"] for email in user["emails"]] == ["m@example.com"]


def test_an_address_is_removed_by_a_filter(scim, people):
    path = f"/Users/{people['mia']}"
    scim.change(
        path,
        {"op": "add", "path": "emails", "value": [{"type": "home", "value": "m@home.example"}]},
    )
    user = scim.change(path, {"op": "remove", "path": 'emails[type eq "home"]'})
    assert [email["value"] for email in user["emails"]] == ["mia@example.com"]


@pytest.mark.parametrize("path", ["userName", f"{USER}:userName"])
def test_a_user_name_cannot_be_removed(scim, people, path):
    body = {"schemas": [PATCH], "Operations": [{"op": "remove", "path": path}]}
    scim.patch(f"/Users/{people['mia']}", body).expect(400)
    assert scim.read(f"/Users/{people['mia']}")["userName"] == "mia@example.com"


@pytest.mark.parametrize("name", ["", "   ", None, 7.5, ["x", "y"], {"a": 1}])
def test_a_user_name_that_is_none_is_refused(scim, name):
    answer = scim.post("/Users", {"schemas": [USER], "userName": name})
    if name == 7.5:  # A number may be taken for its text; it may as well be refused.
        assert answer.status_code in (201, 400)
    else:
        answer.expect(400, "invalidValue")


def test_a_member_who_is_named_twice_is_in_once(scim, people):
    group = scim.group("Twice-Team", people["mia"], people["mia"])
    assert len(scim.read(f"/Groups/{group['id']}")["members"]) == 1
    scim.change(
        f"/Groups/{group['id']}",
        {
            "op": "add",
            "path": "members",
            "value": [{"value": people["zoe"]}, {"value": people["zoe"]}],
        },
    )
    assert scim.members_of(group["id"]) == {people["mia"], people["zoe"]}


def test_members_are_added_and_removed_in_one_request(scim, people):
    group = scim.group("Moved-Team", people["mia"])
    scim.change(
        f"/Groups/{group['id']}",
        {"op": "remove", "path": f'members[value eq "{people["mia"]}"]'},
        {"op": "add", "path": "members", "value": [{"value": people["zoe"]}]},
        {"op": "add", "path": "members", "value": [{"value": people["adam"]}]},
        {"op": "remove", "path": "members", "value": [{"value": people["adam"]}]},
    )
    assert scim.members_of(group["id"]) == {people["zoe"]}


def test_several_members_are_removed_by_one_filter(scim, people):
    group = scim.group("Fewer-Team", *people.values())
    path = f'members[value eq "{people["mia"]}" or value eq "{people["zoe"]}"]'
    scim.change(f"/Groups/{group['id']}", {"op": "remove", "path": path})
    assert scim.members_of(group["id"]) == {people["adam"]}


def test_a_group_without_a_name_is_refused(scim):
    scim.post("/Groups", {"schemas": [GROUP]}).expect(400, "invalidValue")


def test_a_head_request_has_the_headers_alone(scim, people):
    answer = scim.call("HEAD", f"/Users/{people['mia']}")
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["ETag"]


@pytest.mark.parametrize("accepted", ["*/*", "text/html, */*;q=0.5", "application/json", ""])
def test_every_accept_header_gets_scim(scim, people, accepted):
    answer = scim.get(f"/Users/{people['mia']}", headers={"Accept": accepted})
    assert answer.expect(200)["id"] == people["mia"]


@pytest.mark.parametrize("body", ["\x00", '{"userName": "x"', "[1]", '"x"', "null", "NaN", ""])
def test_a_body_that_is_no_object_is_refused(scim, body):
    scim.post("/Users", body).expect(400, "invalidSyntax")


@pytest.mark.parametrize("id_", ["x", "scu_0", "%00", "..%2f", "0" * 300, "é"])
def test_an_id_that_is_none_is_a_404_in_every_call(scim, id_):
    for path in (f"/Users/{id_}", f"/Groups/{id_}"):
        scim.get(path).expect(404)
        scim.delete(path).expect(404)
        scim.put(path, {"userName": "x@example.com", "displayName": "x"}).expect(404)
        body = {"Operations": [{"op": "replace", "value": {"displayName": "x"}}]}
        scim.patch(path, body).expect(404)


def test_a_sort_by_nothing_known_is_refused_or_ignored(scim):
    answer = scim.get("/Users", sortBy="favouriteColour")
    assert answer.status_code in (200, 400)
    answer.expect(answer.status_code)
