"""Thirty-two rules that real servers got wrong, each with the test that catches it.

The numbers are those of the field reports from which the list was made; the RFCs decide.
"""

import datetime as dt
from urllib.parse import urlencode

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import clear_script_prefix, set_script_prefix

from kernel.clock import now
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


@pytest.fixture
def mia(scim) -> dict:
    """Return a user with two addresses and an external id."""
    return scim.user(
        "Mia@Example.com",
        externalId="Ext-Mia",
        displayName="Mia Moss",
        emails=[
            {"value": "Mia@Example.com", "type": "work", "primary": True},
            {"value": "mia@home.test", "type": "home"},
        ],
    )


@pytest.fixture
def adam(scim) -> dict:
    """Return a user with as little as can be."""
    return scim.post(
        "/Users", {"schemas": [USER], "userName": "adam@example.com"}
    ).expect(201)


def found(scim: Client, question: str, path: str = "/Users") -> set[str]:
    """Return the ids of what a filter finds, of at most 200."""
    return {one["id"] for one in scim.find(path, filter=question, count="200")}


# 1


@pytest.mark.parametrize("path", ["/Users", "/Groups", "/Roles"])
def test_resources_is_an_empty_list_when_nothing_is_found(scim, path):
    body = scim.get(path, filter='id eq "nothing"').expect(200)
    assert body["Resources"] == []
    assert body["totalResults"] == 0


# 2


def test_the_total_is_that_of_all_pages(scim):
    total = len(scim.find("/Users"))
    assert total > 3
    body = listed(scim.get("/Users", startIndex="2", count="2"))
    assert (body["totalResults"], body["itemsPerPage"]) == (total, 2)


# 3


@pytest.mark.parametrize("path", ["/Users", "/Groups"])
def test_a_filter_without_a_hit_is_no_404(scim, path):
    scim.get(path, filter='externalId eq "nothing"').expect(200)


# 4


def test_a_count_of_zero_or_less_gives_the_total_alone(scim):
    total = len(scim.find("/Users"))
    for count in ("0", "-5"):
        body = listed(scim.get("/Users", count=count))
        assert (body["totalResults"], body["Resources"]) == (total, [])


def test_a_count_above_the_maximum_is_lowered_and_not_refused(scim):
    body = listed(scim.get("/Users", count="1000000"))
    assert body["itemsPerPage"] == body["totalResults"]


@pytest.mark.parametrize("start", ["0", "-3"])
def test_a_start_below_one_is_one(scim, start):
    body = listed(scim.get("/Users", startIndex=start, count="3"))
    assert body["startIndex"] == 1
    assert body["Resources"] == scim.find("/Users", startIndex="1", count="3")


def test_a_start_beyond_the_end_is_an_empty_page(scim):
    body = listed(scim.get("/Users", startIndex="5000", count="3"))
    assert body["Resources"] == []
    assert body["totalResults"] > 0


@pytest.mark.parametrize("name", ["startIndex", "count"])
def test_a_number_that_is_none_is_refused(scim, name):
    scim.get("/Users", **{name: "many"}).expect(400)


# 5


@pytest.mark.parametrize(
    "question",
    [
        'USERNAME EQ "mia@example.com"',
        'userName Eq "MIA@EXAMPLE.COM"',
        'username sw "mIA@"',
        'Emails.Value eq "MIA@example.com"',
        'urn:ietf:params:scim:schemas:core:2.0:user:USERNAME eq "mia@example.com"',
    ],
)
def test_names_operators_and_user_names_are_the_same_in_any_case(scim, mia, question):
    assert found(scim, question) == {mia["id"]}


def test_ids_and_external_ids_are_told_apart_by_case(scim, mia):
    assert found(scim, 'externalId eq "Ext-Mia"') == {mia["id"]}
    assert found(scim, 'externalId eq "ext-mia"') == set()
    other = mia["id"].swapcase()
    assert found(scim, f'id eq "{mia["id"]}"') == {mia["id"]}
    if other != mia["id"]:
        assert found(scim, f'id eq "{other}"') == set()


def test_a_user_name_of_another_case_is_a_conflict(scim, mia):
    scim.post("/Users", {"schemas": [USER], "userName": "MIA@EXAMPLE.COM"}).expect(
        409, "uniqueness"
    )


def test_names_of_a_body_are_taken_in_any_case(scim):
    made = scim.post(
        "/Users", {"SCHEMAS": [USER], "username": "low@example.com", "DisplayName": "Low"}
    ).expect(201)
    assert (made["userName"], made["displayName"]) == ("low@example.com", "Low")


# 6


def test_true_as_text_is_true_in_filters_and_bodies(scim, mia, adam):
    scim.change(f"/Users/{adam['id']}", {"op": "replace", "path": "active", "value": "false"})
    for spelled in ("true", '"true"', '"True"'):
        hits = found(scim, f"active eq {spelled}")
        assert mia["id"] in hits
        assert adam["id"] not in hits
    for spelled in ("false", '"False"'):
        assert found(scim, f"active eq {spelled}") == {adam["id"]}


# 7


def test_a_list_without_a_sub_attribute_is_compared_by_its_values(scim, mia):
    assert found(scim, 'emails co "@home.test"') == {mia["id"]}
    assert found(scim, 'emails eq "mia@example.com"') == {mia["id"]}


# 8


def test_brackets_bind_both_conditions_to_one_element(scim, mia):
    assert found(scim, 'emails[type eq "work" and value co "@home.test"]') == set()
    assert found(scim, 'emails[type eq "home" and value co "@home.test"]') == {mia["id"]}
    assert found(scim, 'emails.type eq "work" and emails.value co "@home.test"') == {mia["id"]}


# 9


def test_what_is_absent_is_unequal_to_every_value(scim, mia, adam):
    scim.change(f"/Users/{mia['id']}", {"op": "add", "path": "title", "value": "Boss"})
    unequal = found(scim, 'title ne "Boss"')
    assert adam["id"] in unequal
    assert mia["id"] not in unequal
    negated = found(scim, 'not (title eq "Boss")')
    assert adam["id"] in negated
    assert mia["id"] not in negated
    assert found(scim, f'title ne "Boss" and id eq "{adam["id"]}"') == {adam["id"]}


# 10


def test_an_empty_list_is_not_present(scim, mia):
    scim.change(
        f"/Users/{mia['id']}",
        {"op": "add", "path": "phoneNumbers", "value": [{"value": "1", "type": "work"}]},
    )
    assert found(scim, "phoneNumbers pr") == {mia["id"]}
    scim.change(f"/Users/{mia['id']}", {"op": "replace", "path": "phoneNumbers", "value": []})
    assert found(scim, "phoneNumbers pr") == set()
    assert mia["id"] in found(scim, "not (phoneNumbers pr)")
    assert found(scim, f'emails pr and id eq "{mia["id"]}"') == {mia["id"]}


# 11


def test_and_binds_tighter_than_or(scim, mia, adam):
    names = 'userName eq "mia@example.com"', 'userName eq "adam@example.com"'
    never = 'userName eq "nobody@example.com"'
    assert found(scim, f"{names[0]} or {names[1]} and {never}") == {mia["id"]}
    assert found(scim, f"({names[0]} or {names[1]}) and {never}") == set()
    assert found(scim, f"{never} and {names[0]} or {names[1]}") == {adam["id"]}


def test_not_needs_parentheses(scim, mia):
    scim.get("/Users", filter='not userName eq "mia@example.com"').expect(400, "invalidFilter")
    assert mia["id"] not in found(scim, 'not (userName eq "mia@example.com")')


@pytest.mark.parametrize(
    "question",
    ["userName", "userName eq", 'userName is "x"', '(userName eq "x"', 'userName eq "x', "and"],
)
def test_a_filter_that_is_none_is_refused(scim, question):
    scim.get("/Users", filter=question).expect(400, "invalidFilter")


# 12


def test_dates_are_compared_as_times(scim, mia):
    made = dt.datetime.fromisoformat(mia["meta"]["created"])
    east = dt.timezone(dt.timedelta(hours=14))
    later = (made + dt.timedelta(hours=1)).astimezone(dt.UTC)
    earlier = (made - dt.timedelta(hours=1)).astimezone(east)
    mine = f'id eq "{mia["id"]}" and meta.created'
    assert found(scim, f'{mine} gt "{earlier.isoformat()}"') == {mia["id"]}
    assert found(scim, f'{mine} lt "{earlier.isoformat()}"') == set()
    assert found(scim, f'{mine} lt "{later.strftime("%Y-%m-%dT%H:%M:%SZ")}"') == {mia["id"]}
    same = made.astimezone(east).isoformat()
    assert found(scim, f'{mine} eq "{same}"') == {mia["id"]}


# 13


def test_an_add_to_a_single_value_replaces_it(scim, mia):
    path = f"/Users/{mia['id']}"
    user = scim.change(path, {"op": "add", "path": "displayName", "value": "Mia M."})
    assert user["displayName"] == "Mia M."


def test_an_add_of_an_existing_member_changes_nothing(scim, mia):
    group = scim.group("Rule-Team", mia["id"])
    path = f"/Groups/{group['id']}"
    before = scim.read(path)
    with time_machine.travel(now() + dt.timedelta(hours=1), tick=True):
        after = scim.change(
            path, {"op": "add", "path": "members", "value": [{"value": mia["id"]}]}
        )
    assert after == before


def test_a_patch_that_changes_nothing_leaves_last_modified(scim, mia):
    path = f"/Users/{mia['id']}"
    before = scim.read(path)
    with time_machine.travel(now() + dt.timedelta(hours=1), tick=True):
        after = scim.change(
            path, {"op": "replace", "path": "displayName", "value": before["displayName"]}
        )
    assert after["meta"] == before["meta"]


def test_a_remove_without_a_path_has_no_target(scim, mia):
    scim.patch(f"/Users/{mia['id']}", patch_of({"op": "remove"})).expect(400, "noTarget")


def test_a_replace_of_an_element_that_there_is_not_has_no_target(scim, mia):
    operation = {"op": "replace", "path": 'emails[type eq "other"].value', "value": "x@y.test"}
    scim.patch(f"/Users/{mia['id']}", patch_of(operation)).expect(400, "noTarget")


@pytest.mark.parametrize(
    ("attribute", "value"), [("id", "other"), ("meta.created", "2020-01-01T00:00:00Z")]
)
def test_a_change_of_what_is_read_only_is_refused(scim, mia, attribute, value):
    operation = {"op": "replace", "path": attribute, "value": value}
    scim.patch(f"/Users/{mia['id']}", patch_of(operation)).expect(400, "mutability")


def test_an_unknown_attribute_is_passed_over_in_every_call(scim):
    made = scim.user("odd@example.com", favouriteColour="blue")
    assert "favouriteColour" not in made
    path = f"/Users/{made['id']}"
    put = scim.put(path, {**made, "favouriteColour": "green"}).expect(200)
    assert "favouriteColour" not in put
    user = scim.change(path, {"op": "add", "path": "favouriteColour", "value": "red"})
    assert "favouriteColour" not in user


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Operations": []},
        {"Operations": [{"op": "move", "path": "title", "value": "x"}]},
        {"Operations": "replace"},
        [],
        "{",
    ],
)
def test_a_patch_that_is_none_is_refused(scim, mia, body):
    scim.patch(f"/Users/{mia['id']}", body).expect(400, "invalidSyntax")


def test_a_path_that_is_none_is_refused(scim, mia):
    operation = {"op": "replace", "path": "emails[type eq", "value": "x"}
    scim.patch(f"/Users/{mia['id']}", patch_of(operation)).expect(400, "invalidPath")


# 14


@pytest.mark.parametrize(
    "operation",
    [
        {
            "op": "add",
            "path": "emails",
            "value": [{"value": "new@work.test", "type": "other", "primary": True}],
        },
        {"op": "add", "path": 'emails[type eq "home"].primary', "value": True},
        {"op": "replace", "path": 'emails[type eq "home"].primary', "value": "True"},
    ],
)
def test_only_one_address_stays_primary(scim, mia, operation):
    user = scim.change(f"/Users/{mia['id']}", operation)
    primary = [email["value"] for email in user["emails"] if email.get("primary")]
    assert len(primary) == 1
    assert primary[0].lower() != "mia@example.com"


# 15


def test_nothing_is_done_when_the_third_of_five_operations_fails(scim, mia):
    path = f"/Users/{mia['id']}"
    before = scim.read(path)
    body = patch_of(
        {"op": "replace", "path": "displayName", "value": "Half"},
        {"op": "replace", "path": "active", "value": False},
        {"op": "replace", "path": 'emails[type eq "other"].value', "value": "x@y.test"},
        {"op": "add", "path": "title", "value": "Half"},
        {"op": "replace", "path": "userName", "value": "half@example.com"},
    )
    scim.patch(path, body).expect(400, "noTarget")
    assert scim.read(path) == before


def test_nothing_is_done_when_a_group_s_last_operation_fails(scim, mia):
    group = scim.group("Rule-Team")
    scim.group("Other-Team")
    path = f"/Groups/{group['id']}"
    body = patch_of(
        {"op": "add", "path": "members", "value": [{"value": mia["id"]}]},
        {"op": "replace", "path": "displayName", "value": "Other-Team"},
    )
    scim.patch(path, body).expect(409, "uniqueness")
    assert scim.read(path) == group


# 16


def test_a_patch_without_schemas_is_accepted(scim, mia):
    path = f"/Users/{mia['id']}"
    body = {"Operations": [{"op": "replace", "path": "title", "value": "Boss"}]}
    assert scim.patch(path, body).status_code in (200, 204)
    assert scim.read(path)["title"] == "Boss"


# 17


@pytest.mark.parametrize(
    "kind",
    [
        "application/scim+json",
        "application/scim+json; charset=utf-8",
        "application/json",
        "application/json; charset=utf-8",
        "",
    ],
)
def test_plain_json_and_no_content_type_are_accepted(scim, kind):
    made = scim.post(
        "/Users", {"schemas": [USER], "userName": "kind@example.com"}, kind=kind
    ).expect(201)
    body = patch_of({"op": "replace", "value": {"active": False}})
    assert scim.patch(f"/Users/{made['id']}", body, kind=kind).status_code in (200, 204)
    assert scim.read(f"/Users/{made['id']}")["active"] is False


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
    assert found(scim, 'userName eq "put@example.com"') == set()


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
    assert found(scim, 'externalId eq "Ext-Mia"') == {mia["id"]}
    assert found(elsewhere, 'externalId eq "Ext-Mia"') == {made["id"]}


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
    assert found(scim, "active eq false") == {mia["id"]}
    assert users[mia["id"]][STEWARD]["status"] == "deactivated"


# 28


def test_a_user_who_is_deleted_and_created_again_has_a_new_id(scim, mia):
    scim.delete(f"/Users/{mia['id']}").expect(204)
    again = scim.user("Mia@Example.com", externalId="Ext-Mia")
    assert again["id"] != mia["id"]
    scim.get(f"/Users/{mia['id']}").expect(404)
    assert found(scim, 'userName eq "mia@example.com"') == {again["id"]}


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
    assert found(scim, f'{ENTERPRISE}:manager.value eq "not-here-yet"') == {mia["id"]}
    assert found(scim, f'{ENTERPRISE}:manager eq "not-here-yet"') == {mia["id"]}


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
    assert found(scim, question) == {made["id"]}
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
