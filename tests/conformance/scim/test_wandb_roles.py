"""Roles as W&B's scripts know them: an ordinary key of an owner or admin, over Basic or Bearer.

W&B's documentation ("Manage users, groups, and roles with SCIM"): the shapes that it shows.
"""

import pytest

from orgs.permissions import Permission
from tests.conformance.scim.client import (
    ROLE,
    patch_of,
)

pytestmark = pytest.mark.django_db


# Roles


@pytest.fixture
def sample(wandb) -> dict:
    """Return the role of W&B's documentation."""
    body = {
        "schemas": [ROLE],
        "name": "Sample custom role",
        "description": "A sample custom role for example",
        "permissions": [{"name": "project:update"}],
        "inheritedFrom": "member",
    }
    return wandb.post("/Roles", body).expect(201)


def own(role: dict) -> set[str]:
    """Return the permissions that a role adds, spelled our way."""
    return {
        one["name"].replace(":", ".") for one in role["permissions"] if not one["isInherited"]
    }


def inherited(role: dict) -> set[str]:
    """Return the permissions that a role has from the built-in one, spelled our way."""
    return {one["name"].replace(":", ".") for one in role["permissions"] if one["isInherited"]}


def test_a_role_has_the_shape_of_the_documentation(wandb, sample):
    role = wandb.read(f"/Roles/{sample['id']}")
    assert role["name"] == "Sample custom role"
    assert role["description"] == "A sample custom role for example"
    assert role["inheritedFrom"] == "member"
    assert role["organizationID"]
    assert role["meta"]["resourceType"] == "Role"
    assert role["meta"]["location"] == f"Roles/{role['id']}"
    assert own(role) == {Permission.PROJECT_UPDATE}
    assert inherited(role)
    assert role["schemas"] == [""]


@pytest.mark.parametrize("spelling", ["project.read", "project:read"])
def test_permissions_are_taken_in_both_spellings(wandb, spelling):
    body = {
        "schemas": [ROLE],
        "name": "Reader",
        "description": "",
        "permissions": [{"name": spelling}],
        "inheritedFrom": "viewer",
    }
    role = wandb.post("/Roles", body).expect(201)
    assert Permission.PROJECT_READ in own(role) | inherited(role)


def test_a_permission_that_there_is_not_is_refused(wandb):
    body = {
        "schemas": [ROLE],
        "name": "Pilot",
        "permissions": [{"name": "airplane:fly"}],
        "inheritedFrom": "viewer",
    }
    error = wandb.post("/Roles", body).expect(400, "invalidValue")
    assert "airplane" in error["detail"]


def test_a_second_role_of_the_same_name_is_a_conflict(wandb, sample):
    body = {"schemas": [ROLE], "name": sample["name"], "permissions": [], "inheritedFrom": "member"}
    wandb.post("/Roles", body).expect(409, "uniqueness")


def test_roles_are_listed(wandb, sample):
    body = wandb.get("/Roles").expect(200)
    assert sample["id"] in {role["id"] for role in body["Resources"]}
    assert body["totalResults"] == len(body["Resources"])


def test_permissions_are_added_and_removed(wandb, sample):
    path = f"/Roles/{sample['id']}"
    more = {"op": "add", "path": "permissions", "value": [{"name": "project:delete"}]}
    role = wandb.patch(path, patch_of(more)).expect(200)
    assert own(role) == {Permission.PROJECT_UPDATE, Permission.PROJECT_DELETE}
    less = {"op": "remove", "path": "permissions", "value": [{"name": "project.update"}]}
    role = wandb.patch(path, patch_of(less)).expect(200)
    assert own(role) == {Permission.PROJECT_DELETE}


def test_a_put_replaces_a_role(wandb, sample):
    body = {
        "schemas": [ROLE],
        "name": "Updated name",
        "description": "Updated",
        "permissions": [{"name": "project:delete"}],
        "inheritedFrom": "viewer",
    }
    role = wandb.put(f"/Roles/{sample['id']}", body).expect(200)
    assert role["id"] == sample["id"]
    assert (role["name"], role["description"]) == ("Updated name", "Updated")
    assert role["inheritedFrom"] == "viewer"
    assert own(role) == {Permission.PROJECT_DELETE}


def test_changing_the_base_alone_keeps_the_own_permissions(wandb, sample):
    body = {"schemas": [ROLE], "inheritedFrom": "viewer"}
    role = wandb.put(f"/Roles/{sample['id']}", body).expect(200)
    assert role["name"] == sample["name"]
    assert role["inheritedFrom"] == "viewer"
    assert own(role) == {Permission.PROJECT_UPDATE}


def test_a_role_is_deleted(wandb, sample):
    wandb.delete(f"/Roles/{sample['id']}").expect(204)
    wandb.get(f"/Roles/{sample['id']}").expect(404)


def test_a_holder_of_a_deleted_role_falls_back_to_its_base(wandb, dev, world, sample):
    place = {"teamName": world.team.name, "roleName": sample["name"]}
    user = wandb.put_in(dev, {"op": "replace", "path": "teamRoles", "value": [place]})
    assert user["teamRoles"] == [place]
    wandb.delete(f"/Roles/{sample['id']}").expect(204)
    assert wandb.read(f"/Users/{dev['id']}")["teamRoles"] == [{**place, "roleName": "member"}]
