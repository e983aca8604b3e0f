"""Thirty-two rules that real servers got wrong, each with the test that catches it.

The numbers are those of the field reports from which the list was made; the RFCs decide.
"""

import datetime as dt

import pytest
import time_machine

from kernel.clock import now
from tests.conformance.scim.client import (
    USER,
    listed,
    patch_of,
)

pytestmark = pytest.mark.django_db


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
    assert scim.ids(question) == {mia["id"]}


def test_ids_and_external_ids_are_told_apart_by_case(scim, mia):
    assert scim.ids('externalId eq "Ext-Mia"') == {mia["id"]}
    assert scim.ids('externalId eq "ext-mia"') == set()
    other = mia["id"].swapcase()
    assert scim.ids(f'id eq "{mia["id"]}"') == {mia["id"]}
    if other != mia["id"]:
        assert scim.ids(f'id eq "{other}"') == set()


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
        hits = scim.ids(f"active eq {spelled}")
        assert mia["id"] in hits
        assert adam["id"] not in hits
    for spelled in ("false", '"False"'):
        assert scim.ids(f"active eq {spelled}") == {adam["id"]}


# 7


def test_a_list_without_a_sub_attribute_is_compared_by_its_values(scim, mia):
    assert scim.ids('emails co "@home.test"') == {mia["id"]}
    assert scim.ids('emails eq "mia@example.com"') == {mia["id"]}


# 8


def test_brackets_bind_both_conditions_to_one_element(scim, mia):
    assert scim.ids('emails[type eq "work" and value co "@home.test"]') == set()
    assert scim.ids('emails[type eq "home" and value co "@home.test"]') == {mia["id"]}
    assert scim.ids('emails.type eq "work" and emails.value co "@home.test"') == {mia["id"]}


# 9


def test_what_is_absent_is_unequal_to_every_value(scim, mia, adam):
    scim.change(f"/Users/{mia['id']}", {"op": "add", "path": "title", "value": "Boss"})
    unequal = scim.ids('title ne "Boss"')
    assert adam["id"] in unequal
    assert mia["id"] not in unequal
    negated = scim.ids('not (title eq "Boss")')
    assert adam["id"] in negated
    assert mia["id"] not in negated
    assert scim.ids(f'title ne "Boss" and id eq "{adam["id"]}"') == {adam["id"]}


# 10


def test_an_empty_list_is_not_present(scim, mia):
    scim.change(
        f"/Users/{mia['id']}",
        {"op": "add", "path": "phoneNumbers", "value": [{"value": "1", "type": "work"}]},
    )
    assert scim.ids("phoneNumbers pr") == {mia["id"]}
    scim.change(f"/Users/{mia['id']}", {"op": "replace", "path": "phoneNumbers", "value": []})
    assert scim.ids("phoneNumbers pr") == set()
    assert mia["id"] in scim.ids("not (phoneNumbers pr)")
    assert scim.ids(f'emails pr and id eq "{mia["id"]}"') == {mia["id"]}


# 11


def test_and_binds_tighter_than_or(scim, mia, adam):
    names = 'userName eq "mia@example.com"', 'userName eq "adam@example.com"'
    never = 'userName eq "nobody@example.com"'
    assert scim.ids(f"{names[0]} or {names[1]} and {never}") == {mia["id"]}
    assert scim.ids(f"({names[0]} or {names[1]}) and {never}") == set()
    assert scim.ids(f"{never} and {names[0]} or {names[1]}") == {adam["id"]}


def test_not_needs_parentheses(scim, mia):
    scim.get("/Users", filter='not userName eq "mia@example.com"').expect(400, "invalidFilter")
    assert mia["id"] not in scim.ids('not (userName eq "mia@example.com")')


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
    assert scim.ids(f'{mine} gt "{earlier.isoformat()}"') == {mia["id"]}
    assert scim.ids(f'{mine} lt "{earlier.isoformat()}"') == set()
    assert scim.ids(f'{mine} lt "{later.strftime("%Y-%m-%dT%H:%M:%SZ")}"') == {mia["id"]}
    same = made.astimezone(east).isoformat()
    assert scim.ids(f'{mine} eq "{same}"') == {mia["id"]}


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
