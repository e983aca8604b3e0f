"""What stays true of people who have yet to accept, of mapped roles, of owners and of ETags."""

import pytest

from identity.actions import provisioning
from identity.models import EmailAddress, SCIMGroup, SCIMUser
from orgs.actions import invitations, roles, users
from orgs.models import Invitation, InvitationTeam, Membership, TeamMembership
from tests.conformance.scim.client import STEWARD, patch_of
from tests.factories import OPERATOR, RoleFactory
from tests.worlds import as_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def crew(scim) -> dict:
    return scim.group("Crew")


@pytest.fixture
def awaited(scim, world) -> dict:
    """Return a User whose account is somebody else's, so that they are asked."""
    return scim.post("/Users", {"userName": world.stranger.user.email}).expect(201)


@pytest.fixture
def careful(world):
    """Return a team role that may less than the admin that it is made from."""
    role = RoleFactory(
        organization=world.organization, name="Careful", scope="team", inherits="admin"
    )
    changes = {"removed": ["team_member.manage"]}
    return roles.update(
        actor=OPERATOR, organization=world.organization, role=role, changes=changes
    )


def map_to(world, crew, role, custom_role=None) -> SCIMGroup:
    group = SCIMGroup.objects.of(world.organization).pick(crew["id"])
    return provisioning.map_group(
        actor=OPERATOR, organization=world.organization, group=group, role=role,
        custom_role=custom_role,
    )  # fmt: skip


def put_in(scim, crew, user) -> None:
    operation = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
    scim.patch(f"/Groups/{crew['id']}", patch_of(operation)).expect(200)


def promised(world) -> list[str]:
    return list(InvitationTeam.objects.of(world.organization).values_list("role", flat=True))


def test_whoever_accepts_has_the_groups_own_role(scim, world, crew, awaited, careful):
    map_to(world, crew, "admin", careful)
    put_in(scim, crew, awaited)
    assert promised(world) == ["viewer"], "an invitation promises no more than the role holds"
    invitation = SCIMUser.objects.of(world.organization).pick(awaited["id"]).invitation
    person = world.stranger.user
    EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    token = invitations.link(invitation).rpartition("/")[2]
    invitations.accept(
        actor=as_user(person), token=token, user=person, addresses=[person.email]
    )
    place = TeamMembership.objects.of(world.organization).get(membership__user=person)
    assert (place.role, place.custom_role) == ("admin", careful)


def test_a_mapping_holds_for_those_who_come_as_well(scim, world, crew, awaited):
    map_to(world, crew, "admin")
    put_in(scim, crew, awaited)
    assert promised(world) == ["admin"]
    map_to(world, crew, "member")
    assert promised(world) == ["member"]


def test_a_mapped_role_that_is_deleted_leaves_the_least(scim, world, crew, mia, careful):
    map_to(world, crew, "admin", careful)
    roles.delete(actor=OPERATOR, organization=world.organization, role=careful)
    put_in(scim, crew, mia)
    [place] = TeamMembership.objects.of(world.organization).filter(team__scim_group__isnull=False,
        membership__user__email="mia@example.com")  # fmt: skip
    assert (place.role, place.custom_role) == ("viewer", None)


def test_a_new_offer_leads_into_the_same_groups(scim, world, crew, awaited):
    put_in(scim, crew, awaited)
    for value in (False, True):
        scim.change(f"/Users/{awaited['id']}", {"op": "replace", "path": "active", "value": value})
    scim.change(
        f"/Users/{awaited['id']}",
        {"op": "replace", "path": f"{STEWARD}:seat", "value": "viewer"},
    )
    assert scim.members_of(crew["id"]) == {awaited["id"]}


def test_an_invitation_to_a_former_address_ends(scim, world, awaited):
    scim.change(
        f"/Users/{awaited['id']}",
        {"op": "replace", "path": "userName", "value": "other-person@example.com"},
        {"op": "replace", "path": f"{STEWARD}:organizationRole", "value": "admin"},
    )
    states = Invitation.objects.of(world.organization).order_by("pk")
    assert [(row.email, row.state) for row in states] == [
        (world.stranger.user.email, "revoked"),
        ("other-person@example.com", "pending"),
    ]


def test_the_version_of_a_user_counts_groups_and_that_of_a_group_its_people(scim, crew, mia):
    path, group_path = f"/Users/{mia['id']}", f"/Groups/{crew['id']}"
    before = scim.get(path).headers["ETag"]
    put_in(scim, crew, mia)
    inside = scim.get(path, headers={"If-None-Match": before})
    assert len(inside.expect(200)["groups"]) == 1
    before = scim.get(group_path).headers["ETag"]
    scim.delete(path).expect(204)
    after = scim.get(group_path, headers={"If-None-Match": before})
    assert not after.expect(200).get("members")


def test_a_token_touches_no_owner(scim, world):
    [owner] = scim.find("/Users", filter=f'userName eq "{world.owner.user.email}"')
    path = f"/Users/{owner['id']}"
    for operation in (
        {"op": "replace", "path": f"{STEWARD}:seat", "value": "none"},
        {"op": "replace", "path": f"{STEWARD}:organizationRole", "value": "member"},
        {"op": "replace", "path": "active", "value": False},
    ):
        answer = scim.patch(path, patch_of(operation))
        assert answer.status_code in (403, 409), operation
    scim.change(path, {"op": "replace", "path": "title", "value": "Chief"})
    assert not Membership.objects.of(world.organization).get(user=world.owner.user).is_managed


def test_whoever_nobody_provisioned_is_named_by_the_account(wandb, world):
    person = world.member.user
    rfc = {"Accept": "application/scim+json;dialect=rfc"}
    [user] = wandb.get("/Users", headers=rfc, filter=f'userName eq "{person.email}"').expect(200)[
        "Resources"
    ]
    users.set_primary_email(actor=OPERATOR, user=person, email="new@example.com")
    after = wandb.get(f"/Users/{user['id']}", headers=rfc).expect(200)
    assert after["userName"] == "new@example.com"
    assert [one["value"] for one in after["emails"]] == ["new@example.com"]
