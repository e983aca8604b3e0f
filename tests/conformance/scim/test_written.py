"""Users are answered from kept texts: whatever changes one takes its text back.

The client of these tests has every text kept that an answer was made of (`client.py`).
"""

import json

import pytest

from identity.actions import provisioning
from identity.directory import group_names, written
from identity.directory.user_rows import UserRow
from identity.directory.user_text import is_written, user_name
from identity.directory.user_text import written as text_from
from identity.invariants import texts_tell_what_the_rows_do
from identity.models import Directory, SCIMGroup, SCIMText, SCIMUser
from orgs.actions import invitations, members, roles, teams
from orgs.models import Role
from tests.conformance.scim.client import STEWARD, patch_of
from tests.factories import OPERATOR

pytestmark = pytest.mark.django_db


@pytest.fixture
def awaited(scim, world) -> dict:
    """Return a User whose account is somebody else's, so that they are asked."""
    return scim.post("/Users", {"userName": world.stranger.user.email}).expect(201)


@pytest.fixture
def crew(scim, adam, awaited) -> dict:
    """Return a Group with somebody who is inside and somebody who is awaited."""
    return scim.group("Crew", adam["id"], awaited["id"])


@pytest.fixture
def act(world):
    """Return how an operator does something to the organization."""
    return lambda function, **given: function(
        actor=OPERATOR, organization=world.organization, **given
    )


def made(act, scope: str) -> Role:
    return act(roles.create, name="Careful", scope=scope, inherits="member", added=[])


def row_of(world, user: dict) -> SCIMUser:
    return SCIMUser.objects.of(world.organization).pick(user["id"])


def text_of(world, user: dict):
    return SCIMText.objects.of(world.organization).filter(user=row_of(world, user))


def member_of(world, user: dict):
    return row_of(world, user).membership


def group_of(world, crew: dict) -> SCIMGroup:
    rows = SCIMGroup.objects.of(world.organization).select_related("team__organization")
    return rows.get(pk=SCIMGroup.objects.of(world.organization).pick(crew["id"]).pk)


def role_of(scim, user: dict) -> str:
    return scim.read(f"/Users/{user['id']}")[STEWARD]["organizationRole"]


def team_roles_of(scim, user: dict) -> list[str]:
    shown = scim.read(f"/Users/{user['id']}")[STEWARD]
    return [one["roleName"] for one in shown.get("teamRoles", [])]


def test_a_text_is_kept_and_answers_the_next_time(scim, world, adam, django_assert_num_queries):
    first = scim.read(f"/Users/{adam['id']}")
    row = row_of(world, adam)
    kept = SCIMText.objects.of(world.organization).get(user=row)
    assert is_written(kept.text)
    with django_assert_num_queries(2):
        assert scim.read(f"/Users/{adam['id']}") == first
    text_of(world, adam).update(text=kept.text.replace(" full ", " viewer "))
    assert scim.read(f"/Users/{adam['id']}")[STEWARD]["seat"] == "viewer"
    [broken] = texts_tell_what_the_rows_do()
    assert adam["id"] in broken.where
    text_of(world, adam).update(text="")
    assert not list(texts_tell_what_the_rows_do())


def test_every_page_reads_kept_texts(scim, world, crew, django_assert_num_queries):
    scim.read("/Users")
    with django_assert_num_queries(2):
        page = scim.read("/Users")
    assert not SCIMText.objects.of(world.organization).filter(text="").exists()
    ids = [one["id"] for one in page["Resources"]]
    assert page["Resources"] == [scim.read(f"/Users/{one}") for one in ids]


@pytest.mark.parametrize("end", ["rename", "retire"])
def test_a_role_has_another_name_or_none(scim, world, act, adam, end):
    role = made(act, "organization")
    act(members.change_role, member=member_of(world, adam), role="member", custom_role=role)
    before = scim.read(f"/Users/{adam['id']}")
    assert before[STEWARD]["organizationRole"] == "Careful"
    if end == "rename":
        act(roles.update, role=role, changes={"name": "Cautious"})
    else:
        act(roles.retire, role=role)
    after = scim.read(f"/Users/{adam['id']}")
    expected = {"rename": "Cautious", "retire": "member"}[end]
    assert after[STEWARD]["organizationRole"] == expected
    assert after["meta"]["version"] != before["meta"]["version"]


@pytest.mark.parametrize("end", ["rename", "retire"])
def test_a_team_role_has_another_name_or_none(scim, world, act, adam, crew, end):
    role = made(act, "team")
    act(provisioning.map_group, group=group_of(world, crew), role="member", custom_role=role)
    assert team_roles_of(scim, adam) == ["Careful"]
    if end == "rename":
        act(roles.update, role=role, changes={"name": "Cautious"})
    else:
        act(roles.retire, role=role)
    assert team_roles_of(scim, adam) == [{"rename": "Cautious", "retire": "member"}[end]]


def test_an_offered_role_ends_with_the_offer(scim, world, act, awaited):
    role = made(act, "organization")
    act(
        invitations.create_many,
        addresses=[world.stranger.user.email],
        role="member",
        custom_role=role,
        seat="viewer",
    )
    assert role_of(scim, awaited) == "Careful"
    act(invitations.revoke, invitation=row_of(world, awaited).invitation)
    act(roles.delete, role=role)
    assert role_of(scim, awaited) == "member"


def test_a_group_is_mapped_to_another_role(scim, world, act, adam, awaited, crew):
    assert team_roles_of(scim, adam) == team_roles_of(scim, awaited) == ["member"]
    act(provisioning.map_group, group=group_of(world, crew), role="viewer")
    assert team_roles_of(scim, adam) == team_roles_of(scim, awaited) == ["viewer"]


def test_an_offer_is_made_anew(scim, world, act, awaited):
    assert scim.read(f"/Users/{awaited['id']}")[STEWARD]["seat"] == "full"
    act(
        invitations.create_many,
        addresses=[world.stranger.user.email],
        role="admin",
        seat="viewer",
    )
    shown = scim.read(f"/Users/{awaited['id']}")[STEWARD]
    assert (shown["organizationRole"], shown["seat"]) == ("admin", "viewer")


def test_somebody_awaited_is_put_into_a_group_and_out(scim, awaited):
    crew = scim.group("Crew")
    assert scim.read(f"/Users/{awaited['id']}").get("groups", []) == []
    path, one = f"/Groups/{crew['id']}", {"value": awaited["id"]}
    scim.patch(path, patch_of({"op": "add", "path": "members", "value": [one]})).expect(200)
    [shown] = scim.read(f"/Users/{awaited['id']}")["groups"]
    assert shown["display"] == "Crew"
    scim.patch(path, patch_of({"op": "remove", "path": "members"})).expect(200)
    assert scim.read(f"/Users/{awaited['id']}").get("groups", []) == []


def test_a_team_ends_or_has_another_name(scim, world, act, adam, awaited, crew):
    assert scim.read(f"/Users/{adam['id']}")["groups"][0]["value"] == crew["id"]
    scim.patch(f"/Groups/{crew['id']}", patch_of({"op": "replace", "value": {"displayName": "C"}}))
    for user in (adam, awaited):
        assert scim.read(f"/Users/{user['id']}")["groups"][0]["display"] == "C"
    team = group_of(world, crew).team
    before = scim.read(f"/Users/{adam['id']}")["meta"]["version"]
    act(provisioning.disconnect, connection=connection_of(world))
    act(teams.delete, team=team, confirmation=team.name)
    assert not list(texts_tell_what_the_rows_do())
    row = row_of(world, adam)
    assert f'W/"{row.version}"' != before
    assert text_of(world, adam).get().text == ""


def connection_of(world):
    return provisioning.ProvisioningConnection.objects.of(world.organization).get()


def test_many_come_and_go_at_once(provider, crowd):
    crowd("crew-mate", 120)
    scim = provider("okta")
    crew = scim.group("Crew")
    everybody = scim.find("/Users", count=500)
    for kind, holds in (("add", {True}), ("remove", {False})):
        values = [{"value": one["id"]} for one in everybody]
        operation = {"op": kind, "path": "members", "value": values}
        answer = scim.patch(f"/Groups/{crew['id']}", patch_of(operation))
        assert answer.status_code in (200, 204)
        page = scim.find("/Users", count=500)
        inside = {crew["id"] in [g["value"] for g in one.get("groups", [])] for one in page}
        assert inside == holds
    assert not list(texts_tell_what_the_rows_do())


def test_a_text_of_before_a_change_is_not_kept(scim, world, act, adam):
    directory = Directory.objects.of(world.organization).get()
    pk = row_of(world, adam).pk
    SCIMText.objects.of(world.organization).update(text="")
    written.read_these(directory, [pk])
    act(members.change_role, member=member_of(world, adam), role="admin")
    written.made.flush()
    assert text_of(world, adam).get().text == ""
    assert role_of(scim, adam) == "admin"


@pytest.mark.parametrize("few", [0, 2000])
def test_a_team_that_goes_while_a_page_is_read_is_left_out(
    scim, world, act, adam, crew, few, monkeypatch
):
    monkeypatch.setattr(group_names, "_FEW", few)
    scim.read("/Users")
    directory = Directory.objects.of(world.organization).get()
    page = written.Page.of(written.read_these(directory, [row_of(world, adam).pk]))

    def as_json():
        [user] = json.loads(written.as_json(directory, page, "https://x/scim/v2"))
        return user

    user = as_json()
    assert user["groups"][0]["$ref"] == f"https://x/scim/v2/Groups/{crew['id']}"
    team = group_of(world, crew).team
    act(provisioning.disconnect, connection=connection_of(world))
    act(teams.delete, team=team, confirmation=team.name)
    directory.refresh_from_db()
    user = as_json()
    assert (user["id"], user["groups"]) == (adam["id"], [])
    act(members.remove, member=member_of(world, adam))
    user = as_json()
    assert (user["id"], user["groups"]) == (adam["id"], [])
    assert "teamRoles" not in user[STEWARD]


def test_a_name_with_quotes_is_found_in_its_text(scim, world, adam):
    name = 'a"userName":"b\\\x01,c'
    scim.change(f"/Users/{adam['id']}", {"op": "replace", "path": "externalId", "value": name})
    changed = {"op": "replace", "path": "userName", "value": f"{name}@example.org"}
    assert scim.change(f"/Users/{adam['id']}", changed)["userName"] == f"{name}@example.org"
    assert user_name(text_of(world, adam).get().text) == f"{name}@example.org"


def test_another_form_has_another_number():
    row = UserRow(
        id="018f0000-0000-7000-8000-000000000001", is_member=True, user_name="mia@example.org",
        external_id="e1", is_active=True, version=3, document='{"title":"Dr."}',
        created="2026-11-27 09:05:39.4468", modified="2026-11-27 09:05:39", role="member",
        seat="full", places="018f0000-0000-7000-8000-000000000002 admin", turn=1,
    )  # fmt: skip
    assert text_from(row) == (
        '{"id":"scu_018f0000000070008000000000000001",'
        '\x012:- a full "member"\n018f0000-0000-7000-8000-000000000002 "admin"\x01'
        '018f0000000070008000000000000001","created":"2026-11-27T09:05:39.446800Z",'
        '"lastModified":"2026-11-27T09:05:39.000000Z","version":"W/\\"3\\""},'
        '"externalId":"e1","userName":"mia@example.org","title":"Dr."}'
    ), "kept texts are in the form of before: let FORM and this text have the next number"


def test_texts_of_another_form_or_of_great_length_are_made_anew(scim, world, adam, monkeypatch):
    texts = text_of(world, adam)
    shown = scim.read(f"/Users/{adam['id']}")
    texts.update(text='\x01f1\x01{"old":true}')
    assert not list(texts_tell_what_the_rows_do())
    assert scim.read(f"/Users/{adam['id']}") == shown
    assert is_written(texts.get().text)
    texts.update(text="")
    monkeypatch.setattr(written, "_LONGEST", 50)
    assert scim.read(f"/Users/{adam['id']}") == shown
    assert texts.get().text == ""
