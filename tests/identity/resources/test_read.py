"""Bodies become canonical resources, whoever wrote them."""

import pytest

from identity.resources.read import normalise
from identity.resources.refusals import InvalidSyntax, InvalidValue
from identity.resources.schema import ENTERPRISE_URN, GROUP, STEWARD_URN, USER, USER_URN


def test_what_okta_sends():
    found = normalise(
        {
            "schemas": [USER_URN],
            "userName": "a.b@example.com",
            "name": {"givenName": "A", "familyName": "B"},
            "emails": [{"primary": True, "value": "a.b@example.com", "type": "work"}],
            "displayName": "A B",
            "locale": "en-US",
            "externalId": "00ujl29u0le5T6Aj10h7",
            "groups": [],
            "password": "1mz050nq",
            "active": True,
        },
        USER,
    )
    assert found == {
        "userName": "a.b@example.com",
        "name": {"givenName": "A", "familyName": "B"},
        "emails": [{"primary": True, "value": "a.b@example.com", "type": "work"}],
        "displayName": "A B",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "active": True,
    }


def test_what_entra_sends():
    found = normalise(
        {
            "schemas": [USER_URN, ENTERPRISE_URN],
            "userName": "a@x.org",
            "active": "True",
            "meta": {"resourceType": "User"},
            "roles": [],
            "emails": [{"primary": True, "type": "work", "value": "a@x.org"}],
            "title": None,
            ENTERPRISE_URN: {"Department": "D", "employeeNumber": 701984, "manager": "26"},
        },
        USER,
    )
    assert found == {
        "userName": "a@x.org",
        "active": True,
        "emails": [{"primary": True, "type": "work", "value": "a@x.org"}],
        ENTERPRISE_URN: {"department": "D", "employeeNumber": "701984", "manager": {"value": "26"}},
    }


def test_a_role_that_is_json_in_a_text_stays_one():
    role = '{"id":"1","value":"admin","displayName":"Admin"}'
    assert normalise({"roles": [{"value": role}]}, USER)["roles"] == [{"value": role}]
    assert normalise({"roles": [role]}, USER)["roles"] == [{"value": role}]


def test_what_wandb_scripts_send():
    found = normalise(
        {
            "emails": {"Value": "a@x.org", "Display": "", "Type": "", "Primary": True},
            "userName": "a",
            "modelsSeat": "viewer",
            "weaveRole": "full",
            "teamRoles": [{"teamName": "t", "roleName": "admin"}],
        },
        USER,
    )
    assert found == {
        "emails": [{"value": "a@x.org", "display": "", "type": "", "primary": True}],
        "userName": "a",
        STEWARD_URN: {"seat": "viewer", "teamRoles": [{"teamName": "t", "roleName": "admin"}]},
    }


def test_names_in_any_case_and_with_their_urn():
    found = normalise(
        {"USERNAME": "a", f"{USER_URN}:displayName": "A", f"{ENTERPRISE_URN}:department": "D",
         ENTERPRISE_URN.upper(): {"costCenter": "1"}},
        USER,
    )  # fmt: skip
    assert found == {
        "userName": "a", "displayName": "A", ENTERPRISE_URN: {"department": "D", "costCenter": "1"}
    }  # fmt: skip


def test_members_of_a_group():
    found = normalise(
        {"displayName": "T", "members": [{"value": "u1", "display": "x"}, {"Value": "u2"}, "u3"]},
        GROUP,
    )
    assert found["members"] == [{"value": "u1"}, {"value": "u2"}, {"value": "u3"}]


def test_only_one_primary_is_kept():
    found = normalise(
        {"emails": [{"value": "a", "primary": True}, {"value": "b", "primary": True}]}, USER
    )
    assert [one["primary"] for one in found["emails"]] == [True, False]


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_a_body_that_is_no_object_is_refused(body):
    with pytest.raises(InvalidSyntax):
        normalise(body, USER)


@pytest.mark.parametrize(
    "body",
    [
        {"userName": {"a": 1}}, {"userName": True}, {"active": "yes"}, {"active": 1},
        {"name": "Ada"}, {"name": [1, 2]}, {"emails": [True]}, {"emails": [{"value": []}]},
        {"title": "\x00"}, {ENTERPRISE_URN: "x"}, {"emails": [{"value": "a"}] * 50_001},
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused_by_name(body):
    with pytest.raises(InvalidValue) as refused:
        normalise(body, USER)
    assert "“" in refused.value.detail
