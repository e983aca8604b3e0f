"""Okta: the calls of its application templates, in their order.

Okta's SCIM 2.0 protocol reference; the bodies are those that it sends.
"""

import pytest

from tests.conformance.scim.client import ENTERPRISE, GROUP, PATCH, USER, listed
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db

A_B = {
    "schemas": [USER],
    "userName": "a.b@example.com",
    "name": {"givenName": "A", "familyName": "B"},
    "emails": [{"primary": True, "value": "a.b@example.com", "type": "work"}],
    "displayName": "A B",
    "locale": "en-US",
    "externalId": "00ujl29u0le5T6Aj10h7",
    "groups": [],
    "password": "1mz050nq",
    "active": True,
}


def activity(*, active: bool) -> dict:
    """Return the PATCH of catalogue applications: no path."""
    return {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": active}}]}


@pytest.mark.parametrize("count", ["2", "1"])
def test_the_connection_test_gets_a_page(scim, count):
    body = listed(scim.get("/Users", startIndex="1", count=count))
    assert body["startIndex"] == 1
    assert body["itemsPerPage"] == int(count)
    assert body["totalResults"] > int(count)


def test_a_match_of_nobody_is_an_empty_list(scim):
    body = listed(
        scim.get("/Users", filter='userName eq "a.b@example.com"', startIndex="1", count="100")
    )
    assert (body["totalResults"], body["Resources"]) == (0, [])


def test_a_match_of_somebody_finds_one(scim):
    made = scim.post("/Users", A_B).expect(201)
    body = listed(
        scim.get("/Users", filter='userName eq "a.b@example.com"', startIndex="1", count="100")
    )
    assert body["totalResults"] == 1
    assert body["Resources"][0]["id"] == made["id"]


def test_a_create_answers_the_user_with_an_id(scim):
    made = scim.post("/Users", A_B).expect(201)
    assert made["id"]
    assert USER in made["schemas"]
    for name in ("userName", "displayName", "locale", "externalId", "active"):
        assert made[name] == A_B[name]
    assert made["name"]["givenName"] == "A"
    assert made["name"]["familyName"] == "B"
    [email] = made["emails"]
    assert email == {"primary": True, "value": "a.b@example.com", "type": "work"}
    assert made["meta"]["resourceType"] == "User"


def test_password_and_groups_of_a_create_are_ignored_and_never_returned(scim):
    elsewhere = [{"value": "somewhere", "display": "Everyone"}]
    answer = scim.post("/Users", {**A_B, "groups": elsewhere})
    made = answer.expect(201)
    assert "password" not in made
    assert not made.get("groups")
    again = scim.get(f"/Users/{made['id']}")
    assert b"1mz050nq" not in answer.content + again.content


def test_a_second_post_of_the_same_user_name_is_a_conflict(scim):
    scim.post("/Users", A_B).expect(201)
    scim.post("/Users", A_B).expect(409, "uniqueness")
    scim.post("/Users", {**A_B, "externalId": "00uother"}).expect(409, "uniqueness")


def test_a_conflict_leaves_the_first_user_as_it_was(scim):
    made = scim.post("/Users", A_B).expect(201)
    scim.post("/Users", {**A_B, "displayName": "Somebody else"}).expect(409, "uniqueness")
    assert scim.read(f"/Users/{made['id']}") == made


def test_a_profile_update_gets_and_puts_the_whole_object(scim):
    made = scim.post("/Users", A_B).expect(201)
    whole = scim.read(f"/Users/{made['id']}")
    whole["name"]["familyName"] = "Berg"
    whole["displayName"] = "A Berg"
    whole["title"] = "Engineer"
    whole[ENTERPRISE] = {"department": "Research", "employeeNumber": "17"}
    whole["schemas"] = [USER, ENTERPRISE]
    put = scim.put(f"/Users/{made['id']}", whole).expect(200)
    assert put["name"]["familyName"] == "Berg"
    assert put["displayName"] == "A Berg"
    assert put["title"] == "Engineer"
    assert put[ENTERPRISE] == {"department": "Research", "employeeNumber": "17"}
    assert put["id"] == made["id"]
    assert put["externalId"] == A_B["externalId"]
    assert scim.read(f"/Users/{made['id']}") == put


def test_a_put_with_password_and_groups_is_like_one_without(scim):
    made = scim.post("/Users", A_B).expect(201)
    put = scim.put(f"/Users/{made['id']}", {**A_B, "id": made["id"], "password": "x"}).expect(200)
    assert "password" not in put
    assert put["active"] is True


def test_a_patch_without_a_path_deactivates_and_reactivates(scim):
    made = scim.post("/Users", A_B).expect(201)
    path = f"/Users/{made['id']}"
    for active in (False, True):
        answer = scim.patch(path, activity(active=active))
        assert answer.status_code in (200, 204)
        user = scim.read(path)
        assert user["active"] is active
        assert user["displayName"] == "A B"


def test_a_put_deactivates_and_reactivates(scim):
    made = scim.post("/Users", A_B).expect(201)
    path = f"/Users/{made['id']}"
    for active in (False, True):
        whole = {**scim.read(path), "active": active}
        assert scim.put(path, whole).expect(200)["active"] is active
        assert scim.read(path)["active"] is active


def test_deactivating_twice_is_no_error(scim):
    made = scim.post("/Users", A_B).expect(201)
    for _ in range(2):
        scim.patch(f"/Users/{made['id']}", activity(active=False))
    assert scim.read(f"/Users/{made['id']}")["active"] is False


def test_a_user_can_be_created_deactivated(scim):
    made = scim.post("/Users", {**A_B, "active": False}).expect(201)
    assert made["active"] is False
    assert scim.read(f"/Users/{made['id']}")["active"] is False


def test_a_deactivated_user_is_still_matched(scim):
    made = scim.post("/Users", A_B).expect(201)
    scim.patch(f"/Users/{made['id']}", activity(active=False))
    [found] = scim.find("/Users", filter='userName eq "a.b@example.com"')
    assert (found["id"], found["active"]) == (made["id"], False)
    scim.post("/Users", A_B).expect(409, "uniqueness")


def test_an_import_reads_everybody_once_in_a_stable_order(scim, world, seats):
    seats(full=None)
    for _ in range(230):
        MembershipFactory(organization=world.organization)
    total = listed(scim.get("/Users", startIndex="1", count="1"))["totalResults"]
    assert total >= 230

    def read() -> list[str]:
        ids: list[str] = []
        while len(ids) < total:
            body = listed(scim.get("/Users", startIndex=str(len(ids) + 1), count="100"))
            assert body["totalResults"] == total
            assert body["startIndex"] == len(ids) + 1
            assert body["itemsPerPage"] == min(100, total - len(ids))
            ids += [user["id"] for user in body["Resources"]]
        return ids

    first = read()
    assert len(first) == len(set(first)) == total
    assert read() == first


def test_somebody_created_during_an_import_does_not_shift_its_pages(scim, world):
    before = [u["id"] for u in scim.find("/Users", startIndex="1", count="4")]
    scim.post("/Users", A_B).expect(201)
    assert [u["id"] for u in scim.find("/Users", startIndex="1", count="4")] == before


# Group push


def push(scim, name: str = "Okta-Team", *users: dict) -> dict:
    """Return the group of a first push."""
    return scim.post(
        "/Groups",
        {
            "schemas": [GROUP],
            "displayName": name,
            "members": [{"value": u["id"], "display": u["userName"]} for u in users],
        },
    ).expect(201)


def operations(*given: dict) -> dict:
    """Return the body of a PATCH of Okta."""
    return {"schemas": [PATCH], "Operations": list(given)}


@pytest.fixture
def three(scim) -> list[dict]:
    """Return three users."""
    return [scim.user(f"pushed-{number}@example.com") for number in range(3)]


def test_a_search_for_a_group_that_is_not_there_is_an_empty_list(scim):
    body = listed(scim.get("/Groups", filter='displayName eq "Okta-Team"'))
    assert (body["totalResults"], body["Resources"]) == (0, [])


def test_a_push_creates_the_group_with_its_members(scim, three):
    group = push(scim, "Okta-Team", *three[:2])
    assert group["displayName"] == "Okta-Team"
    assert {m["value"] for m in group["members"]} == {u["id"] for u in three[:2]}
    [found] = scim.find("/Groups", filter='displayName eq "Okta-Team"')
    assert found["id"] == group["id"]
    assert scim.members_of(group["id"]) == {u["id"] for u in three[:2]}


def test_members_have_value_ref_display_and_type(scim, three):
    group = push(scim, "Okta-Team", three[0])
    [member] = group["members"]
    assert member["value"] == three[0]["id"]
    assert member["$ref"] == three[0]["meta"]["location"]
    assert member["type"] == "User"
    assert member["display"]


def test_a_member_shows_the_group_it_is_in(scim, three):
    group = push(scim, "Okta-Team", three[0])
    [shown] = scim.read(f"/Users/{three[0]['id']}")["groups"]
    assert shown["value"] == group["id"]
    assert shown["display"] == "Okta-Team"
    assert shown["$ref"] == group["meta"]["location"]


def test_a_second_group_of_the_same_name_is_a_conflict(scim):
    push(scim)
    scim.post("/Groups", {"schemas": [GROUP], "displayName": "Okta-Team"}).expect(
        409, "uniqueness"
    )


def test_a_group_name_for_people_is_kept_as_it_was_given(scim):
    group = push(scim, "Sales & Marketing (EMEA)")
    assert group["displayName"] == "Sales & Marketing (EMEA)"
    [found] = scim.find("/Groups", filter='displayName eq "Sales & Marketing (EMEA)"')
    assert found["id"] == group["id"]


def test_a_rename_carries_the_id_in_its_value(scim, three):
    group = push(scim, "Okta-Team", three[0])
    path = f"/Groups/{group['id']}"
    answer = scim.patch(
        path,
        operations({"op": "replace", "value": {"id": group["id"], "displayName": "Renamed-Team"}}),
    )
    assert answer.status_code in (200, 204)
    renamed = scim.read(path)
    assert renamed["displayName"] == "Renamed-Team"
    assert renamed["id"] == group["id"]
    assert scim.members_of(group["id"]) == {three[0]["id"]}
    assert scim.find("/Groups", filter='displayName eq "Okta-Team"') == []


def test_a_member_is_added_by_path(scim, three):
    group = push(scim, "Okta-Team", three[0])
    answer = scim.patch(
        f"/Groups/{group['id']}",
        operations(
            {
                "op": "add",
                "path": "members",
                "value": [{"value": three[1]["id"], "display": three[1]["userName"]}],
            }
        ),
    )
    assert answer.status_code in (200, 204)
    assert scim.members_of(group["id"]) == {u["id"] for u in three[:2]}


def test_a_member_is_removed_by_a_filter_in_the_path(scim, three):
    group = push(scim, "Okta-Team", *three)
    answer = scim.patch(
        f"/Groups/{group['id']}",
        operations({"op": "remove", "path": f'members[value eq "{three[1]["id"]}"]'}),
    )
    assert answer.status_code in (200, 204)
    assert scim.members_of(group["id"]) == {three[0]["id"], three[2]["id"]}


def test_removing_somebody_who_is_not_in_the_group_is_no_error(scim, three):
    group = push(scim, "Okta-Team", three[0])
    answer = scim.patch(
        f"/Groups/{group['id']}",
        operations({"op": "remove", "path": f'members[value eq "{three[1]["id"]}"]'}),
    )
    assert answer.status_code in (200, 204)
    assert scim.members_of(group["id"]) == {three[0]["id"]}


def test_a_full_push_replaces_the_members(scim, three):
    group = push(scim, "Okta-Team", *three[:2])
    for chosen in (three[1:], [], three):
        answer = scim.patch(
            f"/Groups/{group['id']}",
            operations(
                {
                    "op": "replace",
                    "path": "members",
                    "value": [{"value": u["id"], "display": u["userName"]} for u in chosen],
                }
            ),
        )
        assert answer.status_code in (200, 204)
        assert scim.members_of(group["id"]) == {u["id"] for u in chosen}


def test_a_full_push_may_hold_hundreds(scim, world, seats):
    seats(full=None)
    for _ in range(300):
        MembershipFactory(organization=world.organization)
    ids = [user["id"] for user in scim.find("/Users", startIndex="1", count="300")]
    group = push(scim)
    answer = scim.patch(
        f"/Groups/{group['id']}",
        operations(
            {"op": "replace", "path": "members", "value": [{"value": one} for one in ids]}
        ),
    )
    assert answer.status_code in (200, 204)
    assert scim.members_of(group["id"]) == set(ids)


def test_older_applications_put_the_whole_group(scim, three):
    group = push(scim, "Okta-Team", *three[:2])
    put = scim.put(
        f"/Groups/{group['id']}",
        {
            "schemas": [GROUP],
            "id": group["id"],
            "displayName": "Put-Team",
            "members": [{"value": three[2]["id"], "display": three[2]["userName"]}],
        },
    ).expect(200)
    assert put["id"] == group["id"]
    assert put["displayName"] == "Put-Team"
    assert scim.members_of(group["id"]) == {three[2]["id"]}


def test_an_unlinked_group_is_deleted(scim, three):
    group = push(scim, "Okta-Team", three[0])
    scim.delete(f"/Groups/{group['id']}").expect(204)
    scim.get(f"/Groups/{group['id']}").expect(404)
    assert scim.find("/Groups", filter='displayName eq "Okta-Team"') == []
    assert not scim.read(f"/Users/{three[0]['id']}").get("groups")


def test_a_deleted_group_can_be_pushed_again(scim):
    group = push(scim)
    scim.delete(f"/Groups/{group['id']}").expect(204)
    assert push(scim)["id"] != group["id"]


def test_a_deactivated_member_may_be_added(scim, three):
    group = push(scim, "Okta-Team", three[0])
    scim.patch(f"/Users/{three[1]['id']}", activity(active=False))
    answer = scim.patch(
        f"/Groups/{group['id']}",
        operations({"op": "add", "path": "members", "value": [{"value": three[1]["id"]}]}),
    )
    assert answer.status_code in (200, 204)
    assert scim.members_of(group["id"]) == {u["id"] for u in three[:2]}


def test_a_deactivated_user_stays_in_their_groups(scim, three):
    group = push(scim, "Okta-Team", three[0])
    scim.patch(f"/Users/{three[0]['id']}", activity(active=False))
    assert scim.members_of(group["id"]) == {three[0]["id"]}
    scim.patch(f"/Users/{three[0]['id']}", activity(active=True))
    assert scim.members_of(group["id"]) == {three[0]["id"]}


def test_a_push_can_create_a_group_with_a_deactivated_member(scim, three):
    scim.patch(f"/Users/{three[0]['id']}", activity(active=False))
    group = push(scim, "Okta-Team", three[0])
    assert scim.members_of(group["id"]) == {three[0]["id"]}
