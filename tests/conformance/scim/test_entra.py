"""Microsoft Entra ID: its provisioning cycles, with and without `aadOptscim062020`.

Microsoft's SCIM tutorial and the bodies that its provisioning agent sends.
"""

import uuid

import pytest

from tests.conformance.scim.client import ENTERPRISE, GROUP, PATCH, USER, listed

pytestmark = pytest.mark.django_db

PROVIDER = "entra"
MANAGER = f"{ENTERPRISE}:manager"
NOBODY = "0c3f0a51-5bd5-4f3a-9b47-3d4a0e3b7a11"

ALAIN = {
    "schemas": [USER, ENTERPRISE],
    "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "userName": "alain.hoang@example.com",
    "active": True,
    "displayName": "Alain Hoang",
    "emails": [{"primary": True, "type": "work", "value": "alain.hoang@example.com"}],
    "meta": {"resourceType": "User"},
    "name": {"formatted": "Alain Hoang", "familyName": "Hoang", "givenName": "Alain"},
    "roles": [],
}


@pytest.fixture
def alain(scim) -> dict:
    """Return the user after the first cycle."""
    return scim.post("/Users", ALAIN).expect(201)


def department(user: dict) -> str | None:
    """Return the department of a user."""
    found: str | None = user.get(ENTERPRISE, {}).get("department")
    return found


def manager(user: dict) -> str | None:
    """Return the id of a user's manager."""
    found: str | None = user.get(ENTERPRISE, {}).get("manager", {}).get("value")
    return found


# Users


def test_the_set_up_asks_for_a_random_user_and_gets_an_empty_list(scim):
    body = listed(scim.get("/Users", filter=f'userName eq "{uuid.uuid4()}"'))
    assert (body["totalResults"], body["Resources"]) == (0, [])


@pytest.mark.parametrize(
    "question",
    [
        'userName eq "alain.hoang@example.com"',
        f'externalId eq "{ALAIN["externalId"]}"',
        'emails[type eq "work"].value eq "alain.hoang@example.com"',
        'emails[type eq "work" and value eq "alain.hoang@example.com"]',
    ],
)
def test_users_are_matched_by_the_attribute_that_is_configured(scim, alain, question):
    body = listed(scim.get("/Users", filter=question))
    assert body["totalResults"] == 1
    assert body["Resources"][0]["id"] == alain["id"]


def test_a_match_by_work_address_passes_over_other_addresses(scim, alain):
    path = f"/Users/{alain['id']}"
    scim.change(
        path,
        {"op": "Add", "path": 'emails[type eq "home"].value', "value": "alain@home.example"},
    )
    assert scim.find("/Users", filter='emails[type eq "work"].value eq "alain@home.example"') == []
    [found] = scim.find("/Users", filter='emails[type eq "home"].value eq "alain@home.example"')
    assert found["id"] == alain["id"]


def test_a_create_with_both_schemas_answers_the_user(scim, alain):
    assert alain["id"]
    assert alain["externalId"] == ALAIN["externalId"]
    assert alain["active"] is True
    assert alain["name"]["formatted"] == "Alain Hoang"
    assert alain["meta"]["resourceType"] == "User"
    assert scim.read(f"/Users/{alain['id']}") == alain


def test_a_create_with_enterprise_attributes_keeps_them(scim):
    given = {"department": "Research", "employeeNumber": "4711", "manager": {"value": NOBODY}}
    made = scim.post("/Users", {**ALAIN, ENTERPRISE: given}).expect(201)
    assert ENTERPRISE in made["schemas"]
    assert department(made) == "Research"
    assert made[ENTERPRISE]["employeeNumber"] == "4711"
    assert manager(made) == NOBODY


def test_a_role_may_carry_an_app_role_as_a_json_string(scim):
    value = '{"id":"18d14569-c3bd-439b-9a66-3a2aee01d14f","value":"","displayName":"User"}'
    roles = [{"primary": True, "type": "WindowsAzureActiveDirectoryRole", "value": value}]
    made = scim.post("/Users", {**ALAIN, "roles": roles}).expect(201)
    assert made["userName"] == ALAIN["userName"]
    assert all(role["value"] == value for role in made.get("roles", []))


@pytest.mark.parametrize(
    ("off", "on"), [("False", "True"), ("false", "true"), (False, True)]
)
@pytest.mark.parametrize("op", ["Replace", "replace", "Add"])
def test_active_may_be_a_boolean_or_its_name(scim, alain, op, off, on):
    path = f"/Users/{alain['id']}"
    assert scim.change(path, {"op": op, "path": "active", "value": off})["active"] is False
    assert scim.change(path, {"op": op, "path": "active", "value": on})["active"] is True


def test_a_word_that_is_no_boolean_is_refused(scim, alain):
    body = {
        "schemas": [PATCH],
        "Operations": [{"op": "Replace", "path": "active", "value": "Perhaps"}],
    }
    scim.patch(f"/Users/{alain['id']}", body).expect(400, "invalidValue")
    assert scim.read(f"/Users/{alain['id']}")["active"] is True


def test_add_on_a_filtered_address_creates_the_element(scim):
    bare = {key: value for key, value in ALAIN.items() if key != "emails"}
    made = scim.post("/Users", {**bare, "userName": "no.address@example.com"}).expect(201)
    user = scim.change(
        f"/Users/{made['id']}",
        {"op": "Add", "path": 'emails[type eq "work"].value', "value": "new.work@example.com"},
    )
    work = [email for email in user["emails"] if email.get("type") == "work"]
    assert [email["value"] for email in work] == ["new.work@example.com"]


@pytest.mark.parametrize("op", ["Add", "Replace"])
def test_a_filtered_address_that_is_there_is_changed(scim, alain, op):
    user = scim.change(
        f"/Users/{alain['id']}",
        {"op": op, "path": 'emails[type eq "work"].value', "value": "alain2@example.com"},
    )
    [email] = user["emails"]
    assert (email["type"], email["value"]) == ("work", "alain2@example.com")


def test_an_element_may_be_filtered_by_its_type_and_primary(scim, alain):
    user = scim.change(
        f"/Users/{alain['id']}",
        {
            "op": "Replace",
            "path": 'emails[type eq "work" and primary eq true].value',
            "value": "alain3@example.com",
        },
    )
    assert [email["value"] for email in user["emails"]] == ["alain3@example.com"]


def test_add_on_a_filtered_telephone_and_address_creates_the_elements(scim, alain):
    user = scim.change(
        f"/Users/{alain['id']}",
        {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+49 30 1234"},
        {"op": "Add", "path": 'addresses[type eq "work"].streetAddress', "value": "Main St 1"},
        {"op": "Add", "path": 'addresses[type eq "work"].postalCode', "value": "10115"},
    )
    assert user["phoneNumbers"] == [{"type": "mobile", "value": "+49 30 1234"}]
    assert user["addresses"] == [
        {"type": "work", "streetAddress": "Main St 1", "postalCode": "10115"}
    ]


def test_a_sub_attribute_is_replaced_by_its_dotted_path(scim, alain):
    user = scim.change(
        f"/Users/{alain['id']}", {"op": "Replace", "path": "name.familyName", "value": "Nguyen"}
    )
    assert user["name"]["familyName"] == "Nguyen"
    assert user["name"]["givenName"] == "Alain"


@pytest.mark.parametrize(
    "value",
    [
        NOBODY,
        {"value": NOBODY},
        [{"$ref": None, "value": NOBODY}],
        [{"$ref": f"../Users/{NOBODY}", "value": NOBODY}],
    ],
    ids=["text", "object", "list with an empty reference", "list with a reference"],
)
@pytest.mark.parametrize("op", ["Add", "Replace"])
def test_a_manager_is_set_in_each_style(scim, alain, op, value):
    user = scim.change(f"/Users/{alain['id']}", {"op": op, "path": MANAGER, "value": value})
    assert manager(user) == NOBODY
    assert ENTERPRISE in user["schemas"]


def test_a_manager_may_be_another_user_of_the_organization(scim, alain):
    boss = scim.user("boss@example.com")
    user = scim.change(
        f"/Users/{alain['id']}", {"op": "Add", "path": MANAGER, "value": boss["id"]}
    )
    assert manager(user) == boss["id"]


def test_a_manager_is_removed(scim, alain):
    path = f"/Users/{alain['id']}"
    scim.change(path, {"op": "Add", "path": MANAGER, "value": NOBODY})
    user = scim.change(path, {"op": "Remove", "path": MANAGER})
    assert manager(user) is None


def test_a_manager_that_was_never_set_can_be_removed(scim, alain):
    user = scim.change(f"/Users/{alain['id']}", {"op": "Remove", "path": MANAGER})
    assert manager(user) is None


def test_a_path_less_replace_has_dotted_and_urn_keys(scim, alain):
    user = scim.change(
        f"/Users/{alain['id']}",
        {
            "op": "replace",
            "value": {
                "displayName": "Alain N.",
                "name.givenName": "Al",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Ops",
                'emails[type eq "work"].value': "al@example.com",
            },
        },
    )
    assert user["displayName"] == "Alain N."
    assert user["name"]["givenName"] == "Al"
    assert user["name"]["familyName"] == "Hoang"
    assert department(user) == "Ops"
    assert [email["value"] for email in user["emails"]] == ["al@example.com"]


def test_a_path_less_add_has_dotted_and_urn_keys(scim, alain):
    user = scim.change(
        f"/Users/{alain['id']}",
        {
            "op": "add",
            "value": {
                "title": "Engineer",
                f"{ENTERPRISE}:employeeNumber": "4711",
                'phoneNumbers[type eq "work"].value': "+49 30 99",
            },
        },
    )
    assert user["title"] == "Engineer"
    assert user[ENTERPRISE]["employeeNumber"] == "4711"
    assert user["phoneNumbers"] == [{"type": "work", "value": "+49 30 99"}]


def test_many_operations_of_one_request_are_done_in_their_order(scim, alain):
    user = scim.change(
        f"/Users/{alain['id']}",
        {"op": "Replace", "path": "displayName", "value": "First"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Research"},
        {"op": "Remove", "path": f"{ENTERPRISE}:department"},
        {"op": "Replace", "path": "displayName", "value": "Second"},
        {"op": "Add", "path": "title", "value": "Engineer"},
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Replace", "path": "active", "value": "True"},
    )
    assert user["displayName"] == "Second"
    assert department(user) is None
    assert user["title"] == "Engineer"
    assert user["active"] is True


def test_an_attribute_that_there_is_not_is_passed_over(scim, alain):
    user = scim.change(
        f"/Users/{alain['id']}",
        {"op": "Add", "path": "extensionAttribute1", "value": "x"},
        {"op": "Replace", "path": "displayName", "value": "Still done"},
    )
    assert user["displayName"] == "Still done"
    assert "extensionAttribute1" not in user


def test_the_user_name_is_changed_by_patch(scim, alain):
    path = f"/Users/{alain['id']}"
    user = scim.change(
        path, {"op": "Replace", "path": "userName", "value": "alain.nguyen@example.com"}
    )
    assert user["userName"] == "alain.nguyen@example.com"
    assert scim.find("/Users", filter='userName eq "alain.hoang@example.com"') == []
    [found] = scim.find("/Users", filter='userName eq "alain.nguyen@example.com"')
    assert found["id"] == alain["id"]


def test_a_soft_delete_leaves_the_user_visible(scim, alain):
    path = f"/Users/{alain['id']}"
    scim.change(path, {"op": "Replace", "path": "active", "value": "False"})
    [found] = scim.find("/Users", filter='userName eq "alain.hoang@example.com"')
    assert (found["id"], found["active"]) == (alain["id"], False)


def test_a_hard_delete_makes_room_for_the_same_user_with_a_new_id(scim, alain):
    path = f"/Users/{alain['id']}"
    scim.change(path, {"op": "Replace", "path": "active", "value": "False"})
    scim.delete(path).expect(204)
    scim.get(path).expect(404)
    body = listed(scim.get("/Users", filter='userName eq "alain.hoang@example.com"'))
    assert body["totalResults"] == 0
    again = scim.post("/Users", ALAIN).expect(201)
    assert again["id"] != alain["id"]
    assert again["active"] is True
    scim.get(path).expect(404)


# Groups

TEAM = {
    "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
    "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
    "displayName": "Entra-Team",
    "meta": {"resourceType": "Group"},
}


@pytest.fixture
def team(scim) -> dict:
    """Return the group after the first cycle."""
    return scim.post("/Groups", TEAM).expect(201)


@pytest.fixture
def three(scim) -> list[str]:
    """Return the ids of three users."""
    return [scim.user(f"placed-{number}@example.com")["id"] for number in range(3)]


def values(*ids: str) -> list[dict]:
    """Return members in the style of Entra ID."""
    return [{"$ref": None, "value": one} for one in ids]


def test_a_group_is_searched_without_its_members(scim, team, three):
    path = f"/Groups/{team['id']}"
    scim.change(path, {"op": "Add", "path": "members", "value": values(*three)})
    body = listed(
        scim.get(
            "/Groups", excludedAttributes="members", filter='displayName eq "Entra-Team"'
        )
    )
    assert body["totalResults"] == 1
    [found] = body["Resources"]
    assert found["id"] == team["id"]
    assert found["externalId"] == TEAM["externalId"]
    assert "members" not in found
    assert "members" not in scim.get(path, excludedAttributes="members").expect(200)


def test_a_search_for_a_group_that_is_not_there_is_an_empty_list(scim):
    body = listed(
        scim.get("/Groups", excludedAttributes="members", filter='displayName eq "Nothing"')
    )
    assert (body["totalResults"], body["Resources"]) == (0, [])


def test_a_group_is_created_with_an_external_id_and_without_members(team):
    assert team["id"]
    assert team["externalId"] == TEAM["externalId"]
    assert team["displayName"] == "Entra-Team"
    assert not team.get("members")
    assert team["meta"]["resourceType"] == "Group"


def test_a_group_is_found_by_its_external_id(scim, team):
    [found] = scim.find("/Groups", filter=f'externalId eq "{TEAM["externalId"]}"')
    assert found["id"] == team["id"]


def test_members_are_added_one_by_one_and_many_at_once(scim, team, three):
    path = f"/Groups/{team['id']}"
    scim.change(path, {"op": "Add", "path": "members", "value": values(three[0])})
    assert scim.members_of(team["id"]) == {three[0]}
    scim.change(path, {"op": "Add", "path": "members", "value": values(*three[1:])})
    assert scim.members_of(team["id"]) == set(three)


def test_several_operations_may_add_a_member_each(scim, team, three):
    scim.change(
        f"/Groups/{team['id']}",
        *({"op": "Add", "path": "members", "value": values(one)} for one in three),
    )
    assert scim.members_of(team["id"]) == set(three)


def test_removing_by_a_list_of_values_removes_only_those(scim, team, three):
    path = f"/Groups/{team['id']}"
    scim.change(path, {"op": "Add", "path": "members", "value": values(*three)})
    scim.change(path, {"op": "Remove", "path": "members", "value": values(three[0])})
    assert scim.members_of(team["id"]) == set(three[1:])
    scim.change(path, {"op": "Remove", "path": "members", "value": values(*three[:2])})
    assert scim.members_of(team["id"]) == {three[2]}


def test_removing_by_a_list_of_somebody_else_removes_nobody(scim, team, three):
    path = f"/Groups/{team['id']}"
    scim.change(path, {"op": "Add", "path": "members", "value": values(*three[:2])})
    scim.change(path, {"op": "Remove", "path": "members", "value": values(three[2])})
    assert scim.members_of(team["id"]) == set(three[:2])


def test_a_member_is_removed_by_a_filter_in_the_path(scim, team, three):
    path = f"/Groups/{team['id']}"
    scim.change(path, {"op": "Add", "path": "members", "value": values(*three)})
    scim.change(path, {"op": "Remove", "path": f'members[value eq "{three[1]}"]'})
    assert scim.members_of(team["id"]) == {three[0], three[2]}


@pytest.mark.parametrize(
    "question",
    [
        'id eq "{group}" and members eq "{user}"',
        'id eq "{group}" and members[value eq "{user}"]',
        'id eq "{group}" and members.value eq "{user}"',
    ],
)
def test_a_probe_tells_whether_somebody_is_in_a_group(scim, team, three, question):
    scim.change(
        f"/Groups/{team['id']}", {"op": "Add", "path": "members", "value": values(three[0])}
    )
    for user, number in ((three[0], 1), (three[1], 0)):
        body = listed(
            scim.get(
                "/Groups",
                excludedAttributes="members",
                filter=question.format(group=team["id"], user=user),
            )
        )
        assert body["totalResults"] == number


def test_a_group_is_renamed_by_path(scim, team):
    group = scim.change(
        f"/Groups/{team['id']}",
        {"op": "Replace", "path": "displayName", "value": "Entra-Team-2"},
    )
    assert group["displayName"] == "Entra-Team-2"
    assert group["externalId"] == TEAM["externalId"]


def test_an_external_id_is_added_later(scim):
    group = scim.group("By-hand")
    changed = scim.change(
        f"/Groups/{group['id']}", {"op": "Add", "path": "externalId", "value": "later"}
    )
    assert changed["externalId"] == "later"
    [found] = scim.find("/Groups", filter='externalId eq "later"')
    assert found["id"] == group["id"]


@pytest.mark.parametrize("unknown", [NOBODY, "no-id-at-all"])
def test_an_unknown_member_is_refused_and_nothing_is_applied(scim, team, three, unknown):
    path = f"/Groups/{team['id']}"
    before = scim.read(path)
    body = {
        "schemas": [PATCH],
        "Operations": [
            {"op": "Replace", "path": "displayName", "value": "Half-done"},
            {"op": "Add", "path": "members", "value": values(three[0], unknown)},
        ],
    }
    scim.patch(path, body).expect(400, "invalidValue")
    assert scim.read(path) == before


def test_a_user_of_another_organization_is_an_unknown_member(scim, elsewhere, team):
    stranger = elsewhere.user("stranger@elsewhere.example")
    body = {
        "schemas": [PATCH],
        "Operations": [{"op": "Add", "path": "members", "value": values(stranger["id"])}],
    }
    scim.patch(f"/Groups/{team['id']}", body).expect(400, "invalidValue")
    assert scim.members_of(team["id"]) == set()


def test_a_group_in_a_group_is_refused(scim, team):
    inner = scim.group("Inner-Team")
    body = {
        "schemas": [PATCH],
        "Operations": [{"op": "Add", "path": "members", "value": values(inner["id"])}],
    }
    scim.patch(f"/Groups/{team['id']}", body).expect(400, "invalidValue")


def test_a_group_is_deleted(scim, team):
    scim.delete(f"/Groups/{team['id']}").expect(204)
    scim.get(f"/Groups/{team['id']}").expect(404)
    assert scim.post("/Groups", TEAM).expect(201)["id"] != team["id"]


def test_forty_requests_in_a_row_are_answered(scim, alain):
    """Entra ID sends up to 40 in a second; a limit below it would hold up every cycle."""
    statuses = {
        scim.get("/Users", filter='userName eq "alain.hoang@example.com"').status_code
        for _ in range(40)
    }
    assert statuses == {200}
