"""Texts of Users: taken apart, spelled out, and remembered within bounds."""

import json

import pytest

from identity.directory import user_text
from identity.directory.user_rows import UserRow
from identity.directory.user_text import Named, Spelling, parts_of, texts_in

BASE = 'https://x/"quoted"/scim'
CREW, CAST = "018f0000-0000-7000-8000-00000000000a", "018f0000-0000-7000-8000-00000000000b"
GROUPS = {CREW: Named("scg_1", 'The "Crew"', "crew"), CAST: Named("scg_2", "Cast\n", "cast")}


def row(number: int, **changes) -> UserRow:
    """Return what the database tells of one of many."""
    known = UserRow(
        id=f"018f0000-0000-7000-8000-{number:012x}", is_member=True, user_name=f"u{number}@b.c",
        external_id="", is_active=True, version=number, document='{"title":"Dr."}',
        created="2026-11-27 09:05:39", modified="2026-11-27 09:05:39", role="member",
        seat="full", places=None, turn=1,
    )  # fmt: skip
    return known._replace(**changes)


def spelled(rows: list[UserRow], spelling: Spelling) -> list[dict]:
    """Return Users as they are answered."""
    parts = parts_of(map(user_text.written, rows))
    parts[1::2] = [spelling[mark] for mark in parts[1::2]]
    users: list[dict] = json.loads("".join(parts))
    return users


def test_what_is_spelled_out_is_json_whatever_the_names_are():
    places = f'{CAST} custom "role"\n{CREW} admin'
    [user] = spelled([row(7, places=places, role='"r"')], Spelling(GROUPS, BASE))
    assert user["meta"]["location"] == f"{BASE}/Users/{user['id']}"
    assert user["meta"]["version"] == 'W/"7"'
    assert [group["display"] for group in user["groups"]] == ['The "Crew"', "Cast\n"]
    assert user["groups"][0]["$ref"] == f"{BASE}/Groups/scg_1"
    steward = user["urn:ietf:params:scim:schemas:extension:steward:2.0:User"]
    assert steward["organizationRole"] == '"r"'
    assert [place["roleName"] for place in steward["teamRoles"]] == ["admin", 'custom "role"']


@pytest.mark.parametrize(
    ("is_member", "is_active", "status"),
    [
        (True, True, "active"),
        (True, False, "deactivated"),
        (False, True, "awaiting confirmation"),
        (False, False, "awaiting confirmation"),
    ],
)
def test_the_standing_is_told(is_member, is_active, status):
    told = row(1, is_member=is_member, is_active=is_active)
    [user] = spelled([told], Spelling({}, BASE))
    assert user["active"] is is_active
    assert user["urn:ietf:params:scim:schemas:extension:steward:2.0:User"]["status"] == status


def test_a_team_that_is_not_known_is_an_error_or_left_out():
    told = [row(1, places=f"{CREW} member\n{CAST} member")]
    known = {CREW: GROUPS[CREW]}
    with pytest.raises(KeyError):
        spelled(told, Spelling(known, BASE))
    [user] = spelled(told, Spelling(known, BASE, leaves_out=True))
    assert [group["value"] for group in user["groups"]] == ["scg_1"]


def test_joined_texts_are_taken_apart_again():
    for number in (1, 2, 5):
        texts = [user_text.written(row(n + 1, document="{}")) for n in range(number)]
        parts = parts_of(texts)
        assert texts_in(parts) == texts
        assert user_text.are_written(parts, number)
        assert not user_text.are_written(parts, number + 1)
        assert [str(pk) for pk in user_text.ids_in(parts)] == [row(n + 1).id for n in range(number)]
        assert str(user_text.last_id(parts)) == row(number).id
    assert texts_in(parts_of([])) == []


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(user_text, "_REMEMBERED", 5_000)
    spelling = Spelling(GROUPS, BASE)
    for number in range(50):
        spelled([row(1, role=f"role {number}")], spelling)
        assert sum(len(mark) + len(text) for mark, text in spelling.items()) <= 5_000
    assert len(spelling) > 1
