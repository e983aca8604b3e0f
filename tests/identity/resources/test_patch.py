"""PATCH in every way that identity providers write it; all operations or none."""

import copy

import pytest

from identity.resources.patch import apply
from identity.resources.refusals import (
    Immutable,
    InvalidFilter,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    NoTarget,
)
from identity.resources.schema import ENTERPRISE_URN, GROUP, STEWARD_URN, USER

MESSAGE = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ADA = {
    "userName": "ada@example.org",
    "externalId": "00u1",
    "active": True,
    "displayName": "Ada",
    "name": {"givenName": "Ada", "familyName": "Byron"},
    "emails": [
        {"value": "ada@example.org", "type": "work", "primary": True},
        {"value": "ada@home.example", "type": "home"},
    ],
    ENTERPRISE_URN: {"department": "Engines", "manager": {"value": "26"}},
}
TEAM = {"displayName": "Tour", "members": [{"value": "u1"}, {"value": "u2"}]}


def user(*operations, start=ADA):
    return apply({"schemas": [MESSAGE], "Operations": list(operations)}, start, USER)


def team(*operations, start=TEAM):
    return apply({"schemas": [MESSAGE], "Operations": list(operations)}, start, GROUP)


def ids(found):
    return [member["value"] for member in found.get("members", [])]


# --- Okta ---------------------------------------------------------------------------------


def test_okta_deactivates_without_a_path():
    assert user({"op": "replace", "value": {"active": False}})["active"] is False


def test_okta_renames_a_group_and_sends_its_id_along():
    found = team({"op": "replace", "value": {"id": "g1", "displayName": "New"}})
    assert found == {**TEAM, "displayName": "New"}


def test_okta_adds_members():
    new = {"value": "u3", "display": "c@example.org"}
    assert ids(team({"op": "add", "path": "members", "value": [new]})) == ["u1", "u2", "u3"]


def test_okta_removes_a_member_by_filter():
    assert ids(team({"op": "remove", "path": 'members[value eq "u1"]'})) == ["u2"]


def test_okta_pushes_all_members():
    found = team({"op": "replace", "path": "members", "value": [{"value": "u9"}]})
    assert ids(found) == ["u9"]


# --- Entra ID -----------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "active"), [("False", False), ("True", True), ("false", False)])
def test_entra_writes_booleans_as_text(text, active):
    assert user({"op": "Replace", "path": "active", "value": text})["active"] is active


def test_entra_adds_the_value_of_an_element_that_there_is_not():
    path = 'emails[type eq "other"].value'
    found = user({"op": "Add", "path": path, "value": "x@y.org"})
    assert found["emails"][2] == {"type": "other", "value": "x@y.org"}
    start = {key: value for key, value in ADA.items() if key != "emails"}
    path = 'emails[type eq "work"].value'
    found = user({"op": "Add", "path": path, "value": "x@y.org"}, start=start)
    assert found["emails"] == [{"type": "work", "value": "x@y.org"}]


def test_entra_replaces_the_value_of_an_element():
    found = user({"op": "Replace", "path": 'emails[type eq "work"].value', "value": "x@y.org"})
    assert found["emails"][0] == {"value": "x@y.org", "type": "work", "primary": True}
    assert found["emails"][1] == ADA["emails"][1]


def test_entra_replaces_a_part_of_the_name():
    found = user({"op": "Replace", "path": "name.familyName", "value": "Lovelace"})
    assert found["name"] == {"givenName": "Ada", "familyName": "Lovelace"}


@pytest.mark.parametrize("value", ["31", [{"$ref": None, "value": "31"}], {"value": "31"}])
def test_entra_sets_a_manager(value):
    found = user({"op": "Add", "path": f"{ENTERPRISE_URN}:manager", "value": value})
    assert found[ENTERPRISE_URN] == {"department": "Engines", "manager": {"value": "31"}}


def test_entra_removes_a_manager():
    found = user({"op": "Remove", "path": f"{ENTERPRISE_URN}:manager"})
    assert found[ENTERPRISE_URN] == {"department": "Engines"}


def test_entra_writes_paths_as_keys():
    found = user(
        {
            "op": "replace",
            "value": {
                "displayName": "Countess",
                "name.givenName": "Augusta",
                f"{ENTERPRISE_URN}:department": "Notes",
                'emails[type eq "work"].value': "n@example.org",
            },
        }
    )
    assert found["displayName"] == "Countess"
    assert found["name"] == {"givenName": "Augusta", "familyName": "Byron"}
    assert found[ENTERPRISE_URN]["department"] == "Notes"
    assert found["emails"][0]["value"] == "n@example.org"


def test_entra_removes_members_by_value_and_never_all():
    gone = {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "u1"}]}
    assert ids(team(gone)) == ["u2"]
    assert ids(team({**gone, "value": [{"value": "unknown"}]})) == ["u1", "u2"]


def test_an_unknown_attribute_is_passed_over():
    assert user({"op": "Add", "path": "favouriteEngine", "value": "x"}) == ADA
    assert user({"op": "replace", "value": {"favouriteEngine": "x"}}) == ADA
    assert user({"op": "Add", "path": "urn:x:2.0:User:thing", "value": "x"}) == ADA


def test_the_order_of_operations_matters():
    found = user(
        {"op": "Add", "path": "title", "value": "a"},
        {"op": "Replace", "path": "title", "value": "b"},
    )
    assert found["title"] == "b"
    found = team({"op": "remove", "path": "members"},
                 {"op": "add", "path": "members", "value": [{"value": "u7"}]})  # fmt: skip
    assert ids(found) == ["u7"]


# --- others -------------------------------------------------------------------------------


def test_onelogin_adds_one_member_without_a_list():
    found = team({"op": "add", "path": "members", "value": {"value": "u3"}})
    assert ids(found) == ["u1", "u2", "u3"]


def test_google_replaces_addresses_as_a_list():
    new = [{"value": "n@example.org", "type": "work", "primary": True}]
    assert user({"op": "replace", "path": "emails", "value": new})["emails"] == new


def test_wandb_names_its_own_attributes_at_the_top():
    found = user(
        {"op": "replace", "path": "organizationRole", "value": "admin"},
        {"op": "replace", "path": "modelsSeat", "value": "viewer"},
        {"op": "replace", "path": "teamRoles",
         "value": [{"teamName": "t1", "roleName": "member"}]},
    )  # fmt: skip
    assert found[STEWARD_URN] == {
        "organizationRole": "admin",
        "seat": "viewer",
        "teamRoles": [{"teamName": "t1", "roleName": "member"}],
    }


def test_wandb_spells_its_members_with_capitals():
    found = team({"op": "add", "path": "members", "value": [{"Value": "u3", "Ref": "x"}]})
    assert found["members"][2] == {"value": "u3", "$ref": "x"}


def test_one_operation_need_not_be_a_list_nor_name_the_schema():
    assert apply({"operations": {"OP": "Add", "Path": "title", "Value": "x"}}, ADA, USER)["title"]


# --- the rules of the RFC -----------------------------------------------------------------


def test_adding_what_is_there_changes_nothing():
    assert team({"op": "add", "path": "members", "value": [{"value": "u1"}]}) == TEAM
    assert user({"op": "add", "path": "emails", "value": [ADA["emails"][0]]}) == ADA


def test_adding_to_a_single_value_replaces_it():
    assert user({"op": "add", "path": "displayName", "value": "A."})["displayName"] == "A."


def test_a_complex_value_keeps_the_parts_that_are_not_named():
    found = user({"op": "replace", "path": "name", "value": {"givenName": "Augusta"}})
    assert found["name"] == {"givenName": "Augusta", "familyName": "Byron"}


def test_only_one_address_stays_primary():
    new = {"value": "n@example.org", "type": "other", "primary": True}
    found = user({"op": "add", "path": "emails", "value": [new]})
    assert [one.get("primary") for one in found["emails"]] == [False, None, True]
    found = user({"op": "replace", "path": 'emails[type eq "home"].primary', "value": True})
    assert [one.get("primary") for one in found["emails"]] == [False, True]


def test_null_and_remove_unset():
    for operation in ({"op": "replace", "path": "displayName", "value": None},
                      {"op": "remove", "path": "displayName"}):  # fmt: skip
        assert "displayName" not in user(operation)
    assert "emails" not in user({"op": "remove", "path": "emails"})
    assert "emails" not in user({"op": "replace", "path": "emails", "value": []})
    assert "name" not in user({"op": "remove", "path": "name"})
    assert user({"op": "remove", "path": "name.givenName"})["name"] == {"familyName": "Byron"}
    assert "emails" not in user({"op": "remove", "path": "emails[value pr]"})
    found = user({"op": "remove", "path": 'emails[type eq "work"].primary'})
    assert found["emails"][0] == {"value": "ada@example.org", "type": "work"}
    assert ENTERPRISE_URN not in user({"op": "remove", "path": ENTERPRISE_URN})


def test_a_whole_extension_is_set_part_by_part():
    found = user({"op": "add", "path": ENTERPRISE_URN, "value": {"Division": "North"}})
    assert found[ENTERPRISE_URN] == {**ADA[ENTERPRISE_URN], "division": "North"}
    found = user({"op": "replace", "value": {ENTERPRISE_URN: {"department": None}}})
    assert found[ENTERPRISE_URN] == {"manager": {"value": "26"}}


def test_a_filter_replaces_whole_elements():
    found = user({"op": "replace", "path": 'emails[type eq "home"]', "value": {"value": "n@x.org"}})
    assert found["emails"] == [ADA["emails"][0], {"value": "n@x.org"}]


def test_members_are_the_same_by_their_value_and_by_a_type_that_both_have():
    typed = [{"value": "u1", "type": "User"}]
    assert ids(team({"op": "add", "path": "members", "value": typed})) == ["u1", "u2"]
    assert ids(team({"op": "remove", "path": "members", "value": typed})) == ["u2"]
    other = {"value": "ADA@example.org", "type": "home"}
    assert len(user({"op": "add", "path": "emails", "value": [other]})["emails"]) == 3


def test_what_is_required_is_not_removed():
    for operation in ({"op": "remove", "path": "displayName"},
                      {"op": "replace", "path": "displayName", "value": None},
                      {"op": "replace", "value": {"displayName": ""}}):  # fmt: skip
        with pytest.raises(Immutable):
            team(operation)
    with pytest.raises(Immutable):
        user({"op": "remove", "path": "userName"})


def test_a_member_does_not_become_another():
    with pytest.raises(Immutable):
        team({"op": "replace", "path": 'members[value eq "u1"].value', "value": "u9"})


def test_a_sub_attribute_of_every_element():
    found = user({"op": "replace", "path": "emails.type", "value": "other"})
    assert [one["type"] for one in found["emails"]] == ["other", "other"]


def test_what_is_read_only_is_refused_unless_it_stays():
    with pytest.raises(Immutable):
        user({"op": "replace", "path": "id", "value": "other"})
    with pytest.raises(Immutable):
        user({"op": "remove", "path": "groups"})
    with pytest.raises(Immutable):
        user({"op": "replace", "path": "meta.created", "value": "2020-01-01T00:00:00Z"})
    told = {**ADA, STEWARD_URN: {"status": "active"}}
    path = f"{STEWARD_URN}:status"
    assert user({"op": "replace", "path": path, "value": "active"}, start=told) == told
    with pytest.raises(Immutable):
        user({"op": "replace", "path": path, "value": "deactivated"}, start=told)
    same = user({"op": "replace", "path": "id", "value": "1"}, start={**ADA, "id": "1"})
    assert same == {**ADA, "id": "1"}
    assert user({"op": "replace", "value": {"id": "2", "groups": [], "meta": {}}}) == ADA
    assert user({"op": "replace", "path": "password", "value": "x"}) == ADA


@pytest.mark.parametrize(
    ("operation", "refusal"),
    [
        ({"op": "remove"}, NoTarget),
        ({"op": "replace", "path": 'emails[type eq "other"].value', "value": "x"}, NoTarget),
        ({"op": "replace", "path": 'emails[type eq "other"]', "value": {"value": "x"}}, NoTarget),
        ({"op": "move", "path": "title", "value": "x"}, InvalidSyntax),
        ({"path": "title", "value": "x"}, InvalidSyntax),
        ("title", InvalidSyntax),
        ({"op": "add", "path": "title"}, InvalidValue),
        ({"op": "add", "value": "title"}, InvalidValue),
        ({"op": "add", "path": "title", "value": {"a": 1}}, InvalidValue),
        ({"op": "add", "path": "title", "value": ["a", "b"]}, InvalidValue),
        ({"op": "add", "path": "active", "value": "maybe"}, InvalidValue),
        ({"op": "add", "path": "name", "value": "Ada"}, InvalidValue),
        ({"op": "add", "path": "title", "value": "a\x00b"}, InvalidValue),
        ({"op": "add", "path": "title", "value": "\ud800"}, InvalidValue),
        ({"op": "add", "path": "title", "value": "x" * 5000}, InvalidValue),
        ({"op": "add", "path": ENTERPRISE_URN, "value": "x"}, InvalidValue),
        ({"op": "add", "path": "emails[", "value": "x"}, InvalidPath),
        ({"op": "add", "path": 5, "value": "x"}, InvalidPath),
        ({"op": "add", "path": "name.nick", "value": "x"}, InvalidPath),
        ({"op": "add", "path": 'emails[type eq "work"].nick', "value": "x"}, InvalidPath),
        ({"op": "add", "path": 'name[givenName eq "x"]', "value": {}}, InvalidPath),
        ({"op": "remove", "path": 'emails[nick eq "x"]'}, InvalidFilter),
        ({"op": "remove", "path": "emails[primary gt true]"}, InvalidFilter),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_changed(operation, refusal):
    before = copy.deepcopy(ADA)
    with pytest.raises(refusal):
        user({"op": "replace", "path": "displayName", "value": "changed"}, operation)
    assert before == ADA


@pytest.mark.parametrize(
    "body",
    [None, [], "x", {}, {"Operations": []}, {"Operations": "x"}, {"Operations": [None]},
     {"Operations": [{"op": "remove", "path": "title"}] * 1001}],
)  # fmt: skip
def test_a_body_that_is_no_patch_is_refused(body):
    with pytest.raises(InvalidSyntax):
        apply(body, ADA, USER)
