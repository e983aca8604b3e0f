"""Pages and what they cost: by index, by cursor, sorted; searches; what is left out."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from identity.actions import directory
from identity.directory import anchors
from identity.models import SCIMGroup, SCIMUser
from identity.resources.schema import STEWARD_URN
from orgs.actions import teams
from orgs.models import Membership, TeamMembership
from tests.conformance.scim.client import patch_of
from tests.factories import OPERATOR
from tests.identity.scim.conftest import PEOPLE

ALL = PEOPLE + 1


def names(page):
    return [one["userName"] for one in page["Resources"]]


def test_pages_by_index_hold_everybody_once_whether_or_not_they_are_remembered(client):
    seen = []
    for start in range(1, ALL + 1, 100):
        page = client.get("/Users", startIndex=start, count=100).expect(200)
        assert page["totalResults"] == ALL
        assert page["itemsPerPage"] == len(page["Resources"])
        seen += names(page)
    assert len(seen) == len(set(seen)) == ALL
    cache.clear()
    anchors.near.clear()
    middle = client.get("/Users", startIndex=237, count=10).expect(200)
    assert names(middle) == seen[236:246]
    assert client.get("/Users", startIndex=ALL + 1).expect(200)["Resources"] == []


def test_pages_by_cursor_hold_everybody_once_and_lead_back(client):
    seen, cursor, before = [], "", None
    while cursor is not None:
        page = client.get("/Users", cursor=cursor, count=90).expect(200)
        assert page["totalResults"] == ALL
        seen += names(page)
        cursor, before = page.get("nextCursor"), page.get("previousCursor")
    assert len(seen) == len(set(seen)) == ALL
    back = client.get("/Users", cursor=before, count=90).expect(200)
    assert names(back) == seen[-(ALL % 90) - 90 : -(ALL % 90)]
    client.get("/Users", cursor="made up").expect(400, "invalidCursor")


def test_a_page_costs_as_many_queries_as_a_longer_one(client, django_assert_num_queries):
    """Who asks takes one, the page another; one more where a text was not kept yet."""
    client.get("/Users", count=ALL).expect(200)
    client.get("/Users", startIndex=101, count=100).expect(200)
    for count in (1, 100, 400):
        with django_assert_num_queries(2):
            client.get("/Users", startIndex=1, count=count).expect(200)
    with django_assert_num_queries(2):
        client.get("/Users", startIndex=101, count=100).expect(200)
    with django_assert_num_queries(3):
        client.get("/Users", filter='userName eq "crowd-7@example.org"').expect(200)


def test_names_of_groups_are_read_once_until_one_changes(
    client, crowd, django_assert_num_queries
):
    group = _team_of_everybody(crowd)
    client.get("/Users", startIndex=1, count=100).expect(200)
    directory.note_names_changed(crowd.pk)
    with django_assert_num_queries(3):
        page = client.get("/Users", startIndex=1, count=100).expect(200)
    assert [len(one["groups"]) for one in page["Resources"]] == [1] * 100
    with django_assert_num_queries(2):
        client.get("/Users", startIndex=1, count=100).expect(200)

    def shown():
        [user] = client.get("/Users", count=1).expect(200)["Resources"]
        return [(one["display"], role["teamName"]) for one, role in zip(
            user["groups"], user[STEWARD_URN]["teamRoles"], strict=True
        )]  # fmt: skip

    assert shown() == [("everybody", "everybody")]
    rename = {"op": "replace", "path": "displayName", "value": "All of us"}
    client.patch(f"/Groups/{group.wire_id}", patch_of(rename)).expect(200)
    assert shown() == [("All of us", "everybody")]
    teams.rename(actor=OPERATOR, organization=crowd, team=group.team, name="whole")
    assert shown() == [("All of us", "whole")]
    other = _team_of_everybody(crowd, "nobody")
    assert shown() == [("All of us", "whole"), ("nobody", "nobody")]
    client.delete(f"/Groups/{other.wire_id}").expect(204)
    assert shown() == [("All of us", "whole")]


def test_who_begins_in_the_middle_has_the_list_surveyed_once(
    client, crowd, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(anchors, "_STEP", 200)
    every = names(client.get("/Users", count=ALL).expect(200))
    cache.clear()
    anchors.near.clear()
    with django_assert_num_queries(4):  # the survey, the rest of the way, the page
        page = client.get("/Users", startIndex=251, count=7).expect(200)
    assert names(page) == every[250:257]
    cache_keeps = [
        client.get("/Users", startIndex=start, count=7).expect(200) for start in (401, 399, 201, 1)
    ]
    assert [names(page)[0] for page in cache_keeps] == [every[n] for n in (400, 398, 200, 0)]
    with django_assert_num_queries(2):
        client.get("/Users", startIndex=401, count=7).expect(200)
    with django_assert_num_queries(3):
        client.get("/Users", startIndex=411, count=7).expect(200)
    beyond = client.get("/Users", startIndex=ALL + 500, count=7).expect(200)
    assert (beyond["totalResults"], beyond["Resources"]) == (ALL, [])


def _team_of_everybody(crowd, name="everybody"):
    team = teams.create(actor=OPERATOR, organization=crowd, name=name)
    TeamMembership.objects.bulk_create(
        TeamMembership(organization=crowd, team=team, membership=member)
        for member in Membership.objects.of(crowd)
    )
    team.member_count = ALL
    team.save(update_fields=["member_count"])
    directory.note_team_changed(crowd.pk, team.pk)
    return SCIMGroup.objects.of(crowd).get(team=team)


def test_members_that_are_not_asked_for_are_not_read(client, crowd, django_assert_num_queries):
    group = _team_of_everybody(crowd)
    with django_assert_num_queries(2) as asked:
        page = client.get("/Groups", excludedAttributes="members").expect(200)
    assert "members" not in page["Resources"][0]
    assert not [one for one in asked if "orgs_teammembership" in one["sql"]]
    whole = client.get(f"/Groups/{group.wire_id}").expect(200)
    assert len(whole["members"]) == ALL


def test_adding_and_removing_one_costs_the_same_in_a_group_of_any_size(
    client, crowd, django_assert_max_num_queries
):
    group = _team_of_everybody(crowd)
    user = client.post("/Users", {"userName": "new@example.org"}).expect(201)
    path = f"/Groups/{group.wire_id}"
    add = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
    remove = {"op": "remove", "path": f'members[value eq "{user["id"]}"]'}
    for operation in (add, remove):
        with django_assert_max_num_queries(45) as asked:
            answer = client.patch(path, {"Operations": [operation]})
            answer.expect(204)
        assert answer.headers["ETag"]
        assert not [one for one in asked if "LIMIT" not in one["sql"] and len(one["sql"]) > 20_000]
    place = TeamMembership.objects.of(crowd).filter(team_id=group.team_id)
    assert place.count() == ALL


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("by", ["userName", "displayName", "meta.created", "id", "active"])
def test_lists_are_sorted_by_what_is_asked(client, by, order):
    page = client.get("/Users", sortBy=by, sortOrder=order, count=1000).expect(200)

    def key(one):
        found = one
        for part in by.split("."):
            found = found[part]
        return found.casefold() if isinstance(found, str) else found

    keys = [key(one) for one in page["Resources"]]
    ordered = sorted(keys, reverse=order == "descending")
    if by in ("userName", "displayName"):
        # The database's own collation decides between letters and signs.
        assert sorted(keys) == sorted(ordered)
        assert (keys[0] < keys[-1]) == (order == "ascending")
    else:
        assert keys == ordered


def test_sorted_pages_follow_each_other(client):
    whole = names(client.get("/Users", sortBy="userName", count=1000).expect(200))
    parts = [
        names(client.get("/Users", sortBy="userName", startIndex=start, count=100).expect(200))
        for start in (1, 101, 201)
    ]
    assert [name for part in parts for name in part] == whole[:300]


def test_a_search_at_the_root_finds_users_and_groups(client, crowd):
    teams.create(actor=OPERATOR, organization=crowd, name="crowd-team")
    found = client.post("/.search", {"filter": 'displayName sw "Person 1"', "count": 3})
    page = found.expect(200)
    assert page["totalResults"] == 111
    assert [one["meta"]["resourceType"] for one in page["Resources"]] == ["User"] * 3
    everything = client.post("/.search", {"startIndex": ALL, "count": 5}).expect(200)
    kinds = [one["meta"]["resourceType"] for one in everything["Resources"]]
    assert kinds == ["User", "Group"]
    only_users = client.post("/.search", {"filter": 'userName eq "CROWD-3@example.org"'})
    assert names(only_users.expect(200)) == ["crowd-3@example.org"]
    client.post("/.search", {"filter": 'nobody eq "x"'}).expect(400, "invalidFilter")


def test_a_count_of_a_filter_is_right_on_every_page(client):
    asked = {"filter": 'userName sw "crowd-1"', "count": 50}
    first = client.get("/Users", startIndex=1, **asked).expect(200)
    second = client.get("/Users", startIndex=51, **asked).expect(200)
    third = client.get("/Users", startIndex=101, **asked).expect(200)
    assert {page["totalResults"] for page in (first, second, third)} == {111}
    found = names(first) + names(second) + names(third)
    assert len(found) == len(set(found)) == 111
    assert client.get("/Users", count=0, filter=asked["filter"]).expect(200)["totalResults"] == 111


def test_what_is_told_fits_what_was_asked(client, crowd):
    row = SCIMUser.objects.of(crowd).get(user_name="crowd-1@example.org")
    shown = client.get(f"/Users/{row.wire_id}", attributes="emails.value,meta.location")
    assert shown.expect(200) == {
        "schemas": shown.json()["schemas"],
        "id": row.wire_id,
        "emails": [{"value": "crowd-1@example.org"}],
        "meta": {"location": shown.json()["meta"]["location"]},
    }
    client.get("/Users", attributes="id", excludedAttributes="meta").expect(400, "invalidValue")


def test_emptying_a_group_costs_as_many_queries_as_it_has_batches(client, crowd):
    cost = []
    for number in (200, 400):
        group = _team_of_everybody(crowd, f"group-{number}")
        page = client.get("/Users", count=number).expect(200)
        values = [{"value": one["id"]} for one in page["Resources"]]
        with CaptureQueriesContext(connection) as asked:
            client.patch(
                f"/Groups/{group.wire_id}",
                patch_of({"op": "remove", "path": "members", "value": values}),
            ).expect(204)
        cost.append(len(asked))
        group.team.refresh_from_db()
        assert group.team.member_count == ALL - number
    assert cost[1] - cost[0] < 5
