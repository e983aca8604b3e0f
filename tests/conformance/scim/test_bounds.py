"""What one request may cost, and requests that are refused before they did anything."""

import pytest

from identity.models import SCIMUser
from identity.resources.read import MOST_ELEMENTS
from identity.scim import groups
from tests.conformance.scim.client import STEWARD, patch_of

pytestmark = pytest.mark.django_db


def mails(number: int) -> list[dict]:
    return [{"value": f"x{n}@example.com", "type": "other"} for n in range(number)]


def test_a_list_has_so_many_elements_at_once_and_in_all(scim, adam):
    path = f"/Users/{adam['id']}"
    scim.post("/Users", {"userName": "b", "emails": mails(MOST_ELEMENTS + 1)}).expect(
        400, "invalidValue"
    )
    scim.change(path, {"op": "add", "path": "emails", "value": mails(MOST_ELEMENTS)})
    more = {"op": "add", "path": "emails", "value": [{"value": "more@example.com"}]}
    scim.patch(path, patch_of(more)).expect(400, "invalidValue")
    assert len(scim.read(path)["emails"]) == MOST_ELEMENTS


def test_a_user_has_a_size(scim, adam):
    photos = [{"value": f"https://example.com/{n}/{'x' * 3_900}"} for n in range(20)]
    before = scim.read(f"/Users/{adam['id']}")
    add = {"op": "add", "path": "photos", "value": photos}
    scim.patch(f"/Users/{adam['id']}", patch_of(add)).expect(400, "invalidValue")
    assert scim.read(f"/Users/{adam['id']}") == before


def test_a_path_has_a_length(scim, adam):
    long = " or ".join(f'value eq "{n}"' for n in range(100))
    operation = {"op": "replace", "path": f"emails[{long}].type", "value": "work"}
    scim.patch(f"/Users/{adam['id']}", patch_of(operation)).expect(400, "invalidPath")


def test_a_key_that_stands_twice_is_refused_at_once(scim):
    members = ",".join(f'"k{n}":0' for n in range(100_000))
    scim.post("/Users", f'{{{members},"k99999":0}}').expect(400, "invalidSyntax")


def test_groups_with_very_many_members_come_on_shorter_pages(scim, monkeypatch):
    people = [scim.user(f"p{n}@example.com")["id"] for n in range(3)]
    made = [scim.group(f"Group {n}", *people)["id"] for n in range(4)]
    every = [one["id"] for one in scim.find("/Groups", excludedAttributes="members")]
    monkeypatch.setattr(groups, "MOST_MEMBERS_SHOWN", 7)
    seen: list[str] = []
    while len(seen) < len(every):
        body = scim.get("/Groups", startIndex=len(seen) + 1, count=10).expect(200)
        assert body["totalResults"] == len(every)
        assert 0 < body["itemsPerPage"] < len(every)
        seen += [one["id"] for one in body["Resources"]]
    assert seen == every
    assert set(made) <= set(every)
    seen, cursor = [], ""
    while cursor is not None:
        body = scim.get("/Groups", cursor=cursor, count=10).expect(200)
        seen += [one["id"] for one in body["Resources"]]
        cursor = body.get("nextCursor")
    assert seen == every


def test_a_request_that_contradicts_itself_does_nothing(scim, world):
    both = {"attributes": "userName", "excludedAttributes": "name"}
    scim.post("/Users", {"userName": "both@example.com"}, **both).expect(400, "invalidValue")
    made = SCIMUser.objects.of(world.organization).filter(user_name="both@example.com")
    assert not made.exists()


def test_leaving_groups_out_leaves_team_roles_in(scim, mia):
    scim.group("Crew", mia["id"])
    whole = scim.read(f"/Users/{mia['id']}")
    shown = scim.get(f"/Users/{mia['id']}", excludedAttributes="groups").expect(200)
    assert "groups" not in shown
    assert shown[STEWARD]["teamRoles"] == whole[STEWARD]["teamRoles"]
    shown = scim.get(f"/Users/{mia['id']}", excludedAttributes=STEWARD).expect(200)
    assert STEWARD not in shown
    assert len(shown["groups"]) == 1


def test_removing_without_a_path_removes_nothing(scim, mia):
    crew = scim.group("Crew", mia["id"])
    operation = {"op": "remove", "value": {"members": None}}
    scim.patch(f"/Groups/{crew['id']}", patch_of(operation)).expect(400, "noTarget")
    assert scim.members_of(crew["id"]) == {mia["id"]}


def test_members_are_named_by_their_whole_name_as_well(scim, mia):
    crew = scim.group("Crew")
    name = "urn:ietf:params:scim:schemas:core:2.0:Group:members"
    scim.change(f"/Groups/{crew['id']}", {"op": "add", "value": {name: [{"value": mia["id"]}]}})
    assert scim.members_of(crew["id"]) == {mia["id"]}


def test_an_address_of_two_is_nobodys_name(scim):
    crew = scim.group("Crew")
    for name in ("one", "two"):
        emails = [{"value": f"{name}@example.com", "primary": True}, {"value": "desk@example.com"}]
        scim.post("/Users", {"userName": name, "emails": emails}).expect(201)
    add = {"op": "add", "path": "members", "value": [{"value": "desk@example.com"}]}
    scim.patch(f"/Groups/{crew['id']}", patch_of(add)).expect(400, "invalidValue")
    assert scim.members_of(crew["id"]) == set()


def test_an_address_names_somebody_whatever_else_is_named(scim, mia):
    crew = scim.group("Crew")
    values = [{"value": "mia@home.test"}, {"value": "Mia@Example.com"}]
    scim.change(f"/Groups/{crew['id']}", {"op": "add", "path": "members", "value": values})
    assert scim.members_of(crew["id"]) == {mia["id"]}


def test_what_has_no_external_id_comes_last(scim, mia, adam):
    found = scim.find("/Users", sortBy="externalId", count=200)
    assert found[0]["id"] == mia["id"]
    found = scim.find("/Users", sortBy="externalId", sortOrder="descending", count=200)
    assert found[-1]["id"] == mia["id"]
