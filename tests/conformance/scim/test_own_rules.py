"""What the organization's own rules make of provisioning: consent, seats, owners, walls."""

import pytest

from identity.actions import accounts, provisioning
from kernel.database.scope import across
from orgs.models import Membership
from tests.conformance.scim.client import GROUP, STEWARD, USER, Client, patch_of
from tests.factories import OPERATOR, ProjectFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def mia(scim) -> dict:
    """Return a user."""
    return scim.user("mia@example.com", displayName="Mia Moss")


def found(scim: Client, question: str, path: str = "/Users") -> set[str]:
    """Return the ids of what a filter finds."""
    return {one["id"] for one in scim.find(path, filter=question)}


def test_a_person_without_an_account_is_a_member_at_once(scim, mia):
    assert mia["active"] is True
    assert scim.read(f"/Users/{mia['id']}")[STEWARD]["status"] == "active"


def test_an_account_of_another_organization_is_not_linked_without_consent(scim, world):
    """Its domain is not verified here: the person has to agree first."""
    email = world.stranger.user.email
    made = scim.user(email)
    assert made[STEWARD]["status"] == "awaiting confirmation"
    assert made["userName"] == email
    assert STEWARD in made["schemas"]
    assert scim.read(f"/Users/{made['id']}")[STEWARD]["status"] == "awaiting confirmation"
    assert found(scim, f'userName eq "{email}"') == {made["id"]}
    with across("a test looks at what there is"):
        members = Membership.objects.of(world.organization)
        assert not members.filter(user=world.stranger.user).exists()


def test_somebody_whom_another_organization_provisioned_is_not_linked_either(scim, elsewhere):
    first = elsewhere.user("twice@example.com")
    second = scim.user("twice@example.com")
    assert first[STEWARD]["status"] == "active"
    assert second[STEWARD]["status"] == "awaiting confirmation"


def test_an_account_that_only_claims_an_address_is_in_nobody_s_way(scim):
    """Anybody can sign up with somebody else's address; it proves nothing."""
    claimed = UserFactory(username="claimer", email="claimed@example.com")
    made = scim.user("claimed@example.com")
    assert made[STEWARD]["status"] == "active"
    with across("a test looks at what there is"):
        assert not Membership.objects.system_of_user(claimed.pk).exists()


def test_a_proved_address_is_not_linked_without_consent(scim):
    email = "proved@example.com"
    user = UserFactory(username="proved", email=email)
    accounts.vouch_for_address(actor=OPERATOR, user=user, email=email)
    assert scim.user(email)[STEWARD]["status"] == "awaiting confirmation"


def test_a_proved_address_of_a_verified_domain_is_linked_at_once(scim, world):
    email = "ours@acme.example"
    user = UserFactory(username="ours", email=email)
    accounts.vouch_for_address(actor=OPERATOR, user=user, email=email)
    provisioning.vouch_for_domain(
        actor=OPERATOR, organization=world.organization, domain="acme.example"
    )
    assert scim.user(email)[STEWARD]["status"] == "active"
    with across("a test looks at what there is"):
        members = Membership.objects.of(world.organization)
        assert members.filter(user=user).exists()


def test_a_second_post_of_somebody_who_has_not_confirmed_is_a_conflict(scim, world):
    email = world.stranger.user.email
    scim.user(email)
    scim.post("/Users", {"schemas": [USER], "userName": email}).expect(409, "uniqueness")


def test_somebody_who_has_not_confirmed_can_be_deleted(scim, world):
    made = scim.user(world.stranger.user.email)
    scim.delete(f"/Users/{made['id']}").expect(204)
    scim.get(f"/Users/{made['id']}").expect(404)


def test_somebody_who_has_not_confirmed_can_be_put_in_a_group(scim, world):
    made = scim.user(world.stranger.user.email)
    group = scim.group("Waiting-Team")
    answer = scim.patch(
        f"/Groups/{group['id']}",
        patch_of({"op": "add", "path": "members", "value": [{"value": made["id"]}]}),
    )
    assert answer.status_code in (200, 204)
    assert scim.members_of(group["id"]) == {made["id"]}


def test_the_stranger_s_account_is_not_changed_from_here(scim, world):
    before = world.stranger.user.display_name
    made = scim.user(world.stranger.user.email, displayName="Taken over")
    scim.change(
        f"/Users/{made['id']}", {"op": "replace", "path": "displayName", "value": "Taken"}
    )
    world.stranger.user.refresh_from_db()
    assert world.stranger.user.display_name == before


def test_a_user_without_a_free_seat_is_refused_with_an_explanation(scim, seats):
    seats(full=0, viewer=0)
    error = scim.post("/Users", {"schemas": [USER], "userName": "late@example.com"}).expect(403)
    assert "seat" in error["detail"].lower()
    assert found(scim, 'userName eq "late@example.com"') == set()


def test_a_reactivation_without_a_free_seat_is_refused(scim, seats, mia):
    path = f"/Users/{mia['id']}"
    scim.change(path, {"op": "replace", "value": {"active": False}})
    seats(full=0, viewer=0)
    error = scim.patch(path, patch_of({"op": "replace", "value": {"active": True}})).expect(403)
    assert "seat" in error["detail"].lower()
    assert scim.read(path)["active"] is False


def test_the_last_owner_is_neither_deactivated_nor_deleted(scim, world):
    owner = scim.id_of(world.owner.user.email)
    body = patch_of({"op": "replace", "value": {"active": False}})
    scim.patch(f"/Users/{owner}", body).expect(409)
    scim.put(f"/Users/{owner}", {**scim.read(f"/Users/{owner}"), "active": False}).expect(409)
    scim.delete(f"/Users/{owner}").expect(409)
    assert scim.read(f"/Users/{owner}")["active"] is True


def test_a_group_in_a_group_is_refused(scim):
    inner = scim.group("Inner-Team")
    body = {
        "schemas": [GROUP],
        "displayName": "Outer-Team",
        "members": [{"value": inner["id"], "type": "Group"}],
    }
    scim.post("/Groups", body).expect(400, "invalidValue")
    assert found(scim, 'displayName eq "Outer-Team"', "/Groups") == set()


def test_a_group_with_projects_is_not_deleted(scim, world):
    ProjectFactory(team=world.team)
    [team] = scim.find("/Groups", filter=f'displayName eq "{world.team.name}"')
    error = scim.delete(f"/Groups/{team['id']}").expect(409)
    assert "project" in error["detail"].lower()
    scim.get(f"/Groups/{team['id']}").expect(200)


def test_nothing_of_another_organization_is_seen_or_changed(scim, elsewhere, mia):
    group = scim.group("Rule-Team", mia["id"])
    for path in (f"/Users/{mia['id']}", f"/Groups/{group['id']}"):
        elsewhere.get(path).expect(404)
        elsewhere.put(path, {"userName": "x", "displayName": "x"}).expect(404)
        body = patch_of({"op": "replace", "path": "displayName", "value": "x"})
        elsewhere.patch(path, body).expect(404)
        elsewhere.delete(path).expect(404)
    assert found(elsewhere, 'userName eq "mia@example.com"') == set()
    assert scim.read(f"/Users/{mia['id']}")["displayName"] == "Mia Moss"
