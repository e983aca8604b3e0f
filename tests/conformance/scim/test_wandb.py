"""The dialect of W&B's scripts: an ordinary key of an owner or admin, over Basic or Bearer.

W&B's documentation ("Manage users, groups, and roles with SCIM"): the shapes that it shows.
"""

import pytest

from identity.actions import api_keys
from tests.conformance.scim.client import (
    GROUP,
    LIST,
    PATCH,
    USER,
    Client,
    basic,
    bearer,
    listed,
    patch_of,
)
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db

RFC = {"Accept": "application/scim+json;dialect=rfc"}
WANDB = {"Accept": "application/scim+json;dialect=wandb"}


def key_of(world, person) -> str:
    """Return the text of a new key of somebody."""
    issued = api_keys.create(
        actor=person.principal, organization=world.organization, owner=person.user, name="other"
    )
    return issued.secret


def of_address(wandb: Client, address: str) -> dict:
    """Return the user with an address."""
    body = wandb.get("/Users", filter=f'emails.value eq "{address}"').expect(200)
    [user] = body["Resources"]
    return user


# Users


def test_a_user_has_exactly_the_shape_of_the_documentation(wandb, dev):
    user = wandb.read(f"/Users/{dev['id']}")
    assert set(user) >= {
        "active",
        "daysActive",
        "displayName",
        "emails",
        "id",
        "lastActiveAt",
        "meta",
        "schemas",
        "userName",
    }
    assert user["active"] is True
    # How many days somebody worked is not counted here: the member is there, and says so.
    assert user["daysActive"] is None
    assert user["emails"] == {
        "Value": "dev-user1@example.com",
        "Display": "",
        "Type": "",
        "Primary": True,
    }
    assert user["lastActiveAt"] is None
    assert user["meta"]["resourceType"] == "User"
    assert user["meta"]["location"] == f"Users/{user['id']}"
    assert {"created", "lastModified"} <= set(user["meta"])
    assert user["schemas"] == [USER]
    assert user["userName"] == "dev-user1"


def test_a_list_holds_all_users_at_once(wandb, dev):
    body = wandb.get("/Users").expect(200)
    assert body["schemas"] == [LIST]
    assert body["itemsPerPage"] == 9999
    assert body["startIndex"] == 1
    assert body["totalResults"] == len(body["Resources"])
    assert dev["id"] in {user["id"] for user in body["Resources"]}


def test_a_list_has_more_than_a_page_of_users(wandb, world, seats):
    seats(full=None)
    for _ in range(250):
        MembershipFactory(organization=world.organization)
    body = wandb.get("/Users").expect(200)
    assert body["totalResults"] == len(body["Resources"]) >= 250


def test_service_accounts_are_not_listed_as_users(wandb, world):
    people = wandb.get("/Users").expect(200)["Resources"]
    names = {user["userName"] for user in people} | {user["displayName"] for user in people}
    assert not {world.machine.name, world.organization_machine.name} & names


def test_somebody_who_was_not_provisioned_is_shown_by_the_address(wandb, world):
    user = of_address(wandb, world.member.user.email)
    assert user["userName"] == world.member.user.email
    body = wandb.get("/Users", filter=f'userName eq "{world.member.user.email}"').expect(200)
    assert [one["id"] for one in body["Resources"]] == [user["id"]]


@pytest.mark.parametrize(
    "question", ['userName eq "dev-user1"', 'emails.value eq "dev-user1@example.com"']
)
def test_users_are_found_by_name_or_address(wandb, dev, question):
    body = wandb.get("/Users", filter=question).expect(200)
    assert [user["id"] for user in body["Resources"]] == [dev["id"]]
    assert body["totalResults"] == 1


def test_a_search_for_nobody_is_an_empty_list(wandb):
    body = wandb.get("/Users", filter='userName eq "nobody"').expect(200)
    assert (body["totalResults"], body["Resources"]) == (0, [])


def test_pages_can_be_asked_for(wandb):
    body = wandb.get("/Users", startIndex="2", count="3").expect(200)
    assert len(body["Resources"]) == 3
    assert body["startIndex"] == 2
    assert body["totalResults"] > 3


def test_a_create_may_give_the_seat(wandb):
    body = {
        "schemas": [USER],
        "emails": [{"primary": True, "value": "looker@example.com"}],
        "userName": "looker",
        "modelsSeat": "viewer",
    }
    made = wandb.post("/Users", body).expect(201)
    assert made["modelsSeat"] == "viewer"


def test_a_create_may_have_the_address_as_one_object_with_capital_keys(wandb):
    body = {
        "schemas": [USER],
        "emails": {"Value": "upper@example.com", "Display": "", "Type": "", "Primary": True},
        "userName": "upper",
    }
    made = wandb.post("/Users", body).expect(201)
    assert made["emails"]["Value"] == "upper@example.com"


def test_what_was_read_can_be_put_back(wandb, dev):
    user = wandb.read(f"/Users/{dev['id']}")
    put = wandb.put(f"/Users/{dev['id']}", {**user, "displayName": "Dev User 1"}).expect(200)
    assert put["displayName"] == "Dev User 1"
    assert put["emails"] == user["emails"]
    assert put["active"] is True


def test_a_second_post_of_the_same_user_is_a_conflict(wandb, dev):
    body = {
        "schemas": [USER],
        "emails": [{"primary": True, "value": "dev-user1@example.com"}],
        "userName": "dev-user1",
    }
    wandb.post("/Users", body).expect(409, "uniqueness")


def test_a_user_is_deleted_for_good(wandb, dev):
    wandb.delete(f"/Users/{dev['id']}").expect(204)
    wandb.get(f"/Users/{dev['id']}").expect(404)


def test_the_last_owner_is_not_deleted(wandb, world):
    owner = of_address(wandb, world.owner.user.email)
    wandb.delete(f"/Users/{owner['id']}").expect(409)


def test_the_display_name_is_patched(wandb, dev):
    user = wandb.put_in(dev, {"op": "replace", "path": "displayName", "value": "John Doe"})
    assert user["displayName"] == "John Doe"


def test_the_address_is_patched_as_a_list(wandb, dev):
    value = [{"value": "john@example.com", "primary": True}]
    user = wandb.put_in(dev, {"op": "replace", "path": "emails", "value": value})
    assert user["emails"]["Value"] == "john@example.com"
    assert user["emails"]["Primary"] is True


def test_a_user_is_deactivated_and_reactivated_without_a_path(wandb, dev):
    for active in (False, True):
        user = wandb.put_in(dev, {"op": "replace", "value": {"active": active}})
        assert user["active"] is active
        assert wandb.read(f"/Users/{dev['id']}")["active"] is active


@pytest.mark.parametrize("role", ["admin", "member"])
def test_the_organization_role_is_patched(wandb, dev, role):
    operation = {"op": "replace", "path": "organizationRole", "value": role}
    assert wandb.put_in(dev, operation)["organizationRole"] == role
    assert wandb.read(f"/Users/{dev['id']}")["organizationRole"] == role


def test_an_organization_role_that_there_is_not_is_refused(wandb, dev):
    operation = {"op": "replace", "path": "organizationRole", "value": "emperor"}
    wandb.patch(f"/Users/{dev['id']}", patch_of(operation)).expect(400, "invalidValue")


def test_the_last_owner_keeps_the_role(wandb, world):
    owner = of_address(wandb, world.owner.user.email)
    operation = {"op": "replace", "path": "organizationRole", "value": "member"}
    wandb.patch(f"/Users/{owner['id']}", patch_of(operation)).expect(409)


@pytest.mark.parametrize("seat", ["viewer", "none", "full"])
def test_the_seat_is_patched(wandb, dev, seat):
    user = wandb.put_in(dev, {"op": "replace", "path": "modelsSeat", "value": seat})
    assert user["modelsSeat"] == seat
    assert wandb.read(f"/Users/{dev['id']}")["modelsSeat"] == seat


def test_a_seat_that_there_is_not_is_refused(wandb, dev):
    operation = {"op": "replace", "path": "modelsSeat", "value": "throne"}
    wandb.patch(f"/Users/{dev['id']}", patch_of(operation)).expect(400, "invalidValue")


def test_a_seat_beyond_the_limit_is_refused_with_the_reason(wandb, dev, seats):
    wandb.put_in(dev, {"op": "replace", "path": "modelsSeat", "value": "viewer"})
    seats(full=0, viewer=100)
    operation = {"op": "replace", "path": "modelsSeat", "value": "full"}
    error = wandb.patch(f"/Users/{dev['id']}", patch_of(operation)).expect(403)
    assert "seat" in error["detail"].lower()
    assert wandb.read(f"/Users/{dev['id']}")["modelsSeat"] == "viewer"


@pytest.mark.parametrize("role", ["admin", "member", "viewer"])
def test_team_roles_are_patched(wandb, dev, world, role):
    value = [{"teamName": world.team.name, "roleName": role}]
    user = wandb.put_in(dev, {"op": "replace", "path": "teamRoles", "value": value})
    assert user["teamRoles"] == value


def test_a_team_that_there_is_not_is_refused(wandb, dev):
    value = [{"teamName": "no-such-team", "roleName": "member"}]
    operation = {"op": "replace", "path": "teamRoles", "value": value}
    wandb.patch(f"/Users/{dev['id']}", patch_of(operation)).expect(400, "invalidValue")


def test_an_answer_carries_an_entity_tag(wandb, dev):
    answer = wandb.get(f"/Users/{dev['id']}")
    assert answer.headers["ETag"].startswith('W/"')
    assert answer.expect(200)["meta"]["version"] == answer.headers["ETag"]


def test_a_change_of_another_version_is_refused(wandb, dev):
    wandb.patch(
        f"/Users/{dev['id']}",
        patch_of({"op": "replace", "path": "displayName", "value": "Late"}),
        headers={"If-Match": 'W/"xyz"'},
    ).expect(412)


# Groups


@pytest.fixture
def devs(wandb, dev) -> dict:
    """Return the group of W&B's documentation, with one member."""
    return wandb.post(
        "/Groups",
        {"schemas": [GROUP], "displayName": "acme-devs", "members": [{"value": dev["id"]}]},
    ).expect(201)


def in_group(wandb: Client, group: dict) -> list[str]:
    """Return the ids of a group's members, in the spelling of W&B."""
    members = wandb.read(f"/Groups/{group['id']}")["members"] or []
    return [member["Value"] for member in members]


def test_a_group_has_exactly_the_shape_of_the_documentation(wandb, dev, devs):
    group = wandb.read(f"/Groups/{devs['id']}")
    assert group["displayName"] == "acme-devs"
    assert group["members"] == [
        {"Value": dev["id"], "Ref": "", "Type": "", "Display": "dev-user1"}
    ]
    assert group["meta"]["resourceType"] == "Group"
    assert group["meta"]["location"] == f"Groups/{group['id']}"
    assert group["schemas"] == [GROUP]


def test_groups_are_listed_and_found_by_name(wandb, world, devs):
    body = wandb.get("/Groups").expect(200)
    assert {world.team.name, "acme-devs"} <= {g["displayName"] for g in body["Resources"]}
    assert body["totalResults"] == len(body["Resources"])
    assert body["itemsPerPage"] == 9999
    body = wandb.get("/Groups", filter='displayName eq "acme-devs"').expect(200)
    assert [group["id"] for group in body["Resources"]] == [devs["id"]]


def test_a_group_may_be_created_with_members_by_address(wandb, dev):
    group = wandb.post(
        "/Groups",
        {
            "schemas": [GROUP],
            "displayName": "by-address",
            "members": [{"value": "dev-user1@example.com"}],
        },
    ).expect(201)
    assert in_group(wandb, group) == [dev["id"]]


def test_a_member_is_added_by_address(wandb, world, devs, dev):
    address = world.member.user.email
    operation = {"op": "add", "path": "members", "value": [{"value": address}]}
    wandb.patch(f"/Groups/{devs['id']}", patch_of(operation)).expect(200)
    assert set(in_group(wandb, devs)) == {dev["id"], of_address(wandb, address)["id"]}


def test_a_member_is_removed_by_address_or_id(wandb, devs, dev):
    for name in ("dev-user1@example.com", dev["id"]):
        there = {"op": "add", "path": "members", "value": [{"value": dev["id"]}]}
        wandb.patch(f"/Groups/{devs['id']}", patch_of(there)).expect(200)
        gone = {"op": "remove", "path": f'members[value eq "{name}"]'}
        wandb.patch(f"/Groups/{devs['id']}", patch_of(gone)).expect(200)
        assert in_group(wandb, devs) == []


def test_removing_all_members_answers_null(wandb, devs):
    operation = {"op": "remove", "path": "members"}
    group = wandb.patch(f"/Groups/{devs['id']}", patch_of(operation)).expect(200)
    assert group["members"] is None


def test_removing_with_a_list_removes_those_only(wandb, world, devs, dev):
    there = {"op": "add", "path": "members", "value": [{"value": world.member.user.email}]}
    wandb.patch(f"/Groups/{devs['id']}", patch_of(there)).expect(200)
    gone = {
        "op": "remove",
        "path": "members",
        "value": [{"value": world.member.user.email}],
    }
    wandb.patch(f"/Groups/{devs['id']}", patch_of(gone)).expect(200)
    assert in_group(wandb, devs) == [dev["id"]]


def test_a_put_replaces_the_whole_membership(wandb, world, devs):
    body = {
        "schemas": [GROUP],
        "displayName": "acme-devs",
        "members": [{"value": world.member.user.email}],
    }
    group = wandb.put(f"/Groups/{devs['id']}", body).expect(200)
    member = of_address(wandb, world.member.user.email)
    assert [one["Value"] for one in group["members"]] == [member["id"]]


def test_group_operations_leave_service_accounts_alone(wandb, world):
    body = wandb.get("/Groups", filter=f'displayName eq "{world.team.name}"').expect(200)
    [group] = body["Resources"]
    operation = {"op": "remove", "path": "members"}
    wandb.patch(f"/Groups/{group['id']}", patch_of(operation)).expect(200)
    world.machine.refresh_from_db()
    assert world.machine.team_id == world.team.pk


# Who may, and which dialect


def test_an_ordinary_key_speaks_the_standard_if_asked_to(wandb, dev):
    user = wandb.get(f"/Users/{dev['id']}", headers=RFC).expect(200)
    [email] = user["emails"]
    assert email["value"] == "dev-user1@example.com"
    assert email["primary"] is True
    assert user["meta"]["location"].startswith("http")
    assert user["meta"]["location"].endswith(f"/Users/{dev['id']}")
    body = listed(wandb.get("/Users", headers=RFC))
    assert body["itemsPerPage"] == len(body["Resources"])


def test_a_provisioning_token_speaks_wandb_if_asked_to(scim):
    made = scim.user("asked@example.com")
    user = scim.get(f"/Users/{made['id']}", headers=WANDB).expect(200)
    assert user["emails"]["Value"] == "asked@example.com"
    assert user["meta"]["location"] == f"Users/{made['id']}"


def test_a_key_is_taken_as_a_bearer_too(world):
    client = Client(bearer(key_of(world, world.owner)))
    assert client.get("/Users").expect(200)["itemsPerPage"] == 9999


def test_a_key_is_taken_without_a_user_name(world):
    client = Client(basic("", key_of(world, world.owner)))
    assert client.get("/Users").expect(200)["itemsPerPage"] == 9999


def test_an_admin_may_too(world):
    person = world.admin
    client = Client(basic(person.user.username, key_of(world, person)))
    assert client.get("/Users").expect(200)["totalResults"] > 0


@pytest.mark.parametrize("who", ["member", "viewer", "billing_admin", "team_admin"])
def test_nobody_else_changes_anybody(world, dev, who):
    person = getattr(world, who)
    client = Client(basic(person.user.username, key_of(world, person)))
    body = {"schemas": [USER], "userName": "n", "emails": [{"value": "n@example.com"}]}
    client.post("/Users", body).expect(403)
    client.delete(f"/Users/{dev['id']}").expect(403)
    operation = {"op": "replace", "value": {"active": False}}
    client.patch(f"/Users/{dev['id']}", patch_of(operation)).expect(403)


def test_the_key_of_a_team_s_machine_is_refused(world):
    issued = api_keys.create(
        actor=world.owner.principal,
        organization=world.organization,
        owner=world.machine,
        name="machine",
    )
    Client(basic("", issued.secret)).get("/Users").expect(403)


def test_a_key_of_another_organization_sees_nothing_here(world, dev):
    issued = api_keys.create(
        actor=world.stranger.principal,
        organization=world.strange_organization,
        owner=world.stranger.user,
        name="strange",
    )
    client = Client(basic(world.stranger.user.username, issued.secret))
    client.get(f"/Users/{dev['id']}").expect(404)
    [user] = client.get("/Users").expect(200)["Resources"]
    assert user["emails"]["Value"] == world.stranger.user.email


def test_a_key_that_is_none_is_refused_with_a_challenge():
    answer = Client(basic("acme-owner", "no-key")).get("/Users")
    answer.expect(401)
    assert answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("base", ["/scim/v2", "/scim"])
@pytest.mark.parametrize("path", ["/Users", "/Users/", "/Groups", "/Groups/", "/Roles", "/Roles/"])
def test_both_bases_serve_with_and_without_a_trailing_slash(wandb, base, path):
    assert wandb.at(base).get(path).expect(200)["schemas"] == [LIST]


def test_patch_bodies_of_scripts_may_be_plain_json(wandb, dev):
    body = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": False}}]}
    user = wandb.patch(f"/Users/{dev['id']}", body, kind="application/json").expect(200)
    assert user["active"] is False


# The export script of the field


def test_the_export_script_prints_a_row_for_each_of_3000_members(wandb, crowd):
    """One GET over HTTP Basic, then `user['userName']` and `user['emails']['Value']`."""
    crowd("export", 3_000)

    data = wandb.get("/Users").expect(200)
    rows = [(user["userName"], user["emails"]["Value"]) for user in data["Resources"]]

    assert len({name for name, _ in rows}) == len(rows) == data["totalResults"]
    addresses = {address for _, address in rows}
    assert {f"export-{number}@example.com" for number in range(3_000)} <= addresses
