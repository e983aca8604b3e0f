"""What URLs and bodies name: old names, custom roles, hidden things, keys with scopes."""

from typing import Any

import pytest

from identity.actions import api_keys
from tests.wire.stage import Person, Stage

pytestmark = pytest.mark.django_db

ACME = "/api/v1/organizations/acme"


def ask(client: Any, person: Person, method: str, path: str, data: Any = None) -> Any:
    call = getattr(client, method)
    if data is None:
        return call(path, headers=person.headers)
    return call(path, data, format="json", headers=person.headers)


def scoped(stage: Stage, *scopes: str) -> Person:
    """Return the owner with a key of some scopes only."""
    owner = stage.owner
    issued = api_keys.create(
        actor=owner.principal,
        organization=stage.organization,
        owner=owner.user,
        name="scoped",
        scopes=scopes,
    )
    return Person(owner.user, issued.secret, owner.member)


def test_an_organization_is_found_by_slug_and_by_id(acme: Stage, client: Any) -> None:
    by_slug = ask(client, acme.owner, "get", ACME)
    by_id = ask(
        client, acme.owner, "get", f"/api/v1/organizations/{acme.organization.wire_id}"
    )
    assert by_slug.content == by_id.content


def test_a_renamed_team_answers_to_its_old_name(acme: Stage, rival: Stage, client: Any) -> None:
    renamed = ask(client, acme.owner, "patch", f"{ACME}/teams/acme-core", {"name": "acme-heart"})
    assert renamed.status_code == 200
    assert renamed.json()["name"] == "acme-heart"
    old = ask(client, acme.owner, "get", f"{ACME}/teams/acme-core")
    assert old.json()["name"] == "acme-heart"
    elsewhere = "/api/v1/organizations/rival/teams/acme-core"
    assert ask(client, rival.owner, "get", elsewhere).status_code == 404


def test_a_custom_role_is_given_and_shown_by_its_id(acme: Stage, client: Any) -> None:
    role, member = acme.ids["role"], f"{ACME}/members/{acme.ids['member']}"
    changed = ask(client, acme.owner, "patch", member, {"role": role})
    assert changed.status_code == 200, changed.content
    assert changed.json()["role"] == role
    listed = ask(client, acme.owner, "get", f"{ACME}/members?role={role}").json()["data"]
    assert [entry["id"] for entry in listed] == [acme.ids["member"]]
    assert ask(client, acme.owner, "delete", f"{ACME}/roles/{role}").status_code == 409


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("members", {"user": "nobody-here"}, "/user"),
        ("members", {"user": "rival-owner@example.test"}, "/user"),
        ("members", {"user": "usr_nonsense"}, "/user"),
        ("members", {"user": "acme-gone", "role": "role_" + "0" * 32}, "/role"),
        ("members", {"user": "acme-gone", "role": "emperor"}, "/role"),
        ("teams/acme-core/members", {"member": "mem_" + "0" * 32}, "/member"),
        ("projects", {"name": "x", "team": "rival-core"}, "/team"),
        ("service-accounts", {"name": "x", "team": "\u0130"}, "/team"),
        (
            "invitations",
            {"addresses": ["a@b.test"], "teams": [{"team": "acme-core"}, {"team": "rival-core"}]},
            "/teams/1/team",
        ),
        ("invitations", {"addresses": [1]}, "/addresses/0"),
    ],
)
def test_what_a_body_names_and_is_not_here_is_pointed_at(
    path: str, body: Any, pointer: str, acme: Stage, rival: Stage, client: Any
) -> None:
    response = ask(client, acme.owner, "post", f"{ACME}/{path}", body)
    assert response.status_code == 422, response.content
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


def test_a_hidden_team_is_absent_to_those_outside_of_it(acme: Stage, client: Any) -> None:
    ask(client, acme.owner, "patch", f"{ACME}/teams/acme-core", {"is_hidden": True})
    outside, inside = acme.people["organization:member"], acme.people["team:viewer"]
    for path in ("teams/acme-core", "teams/acme-core/members", "teams/acme-core/features"):
        hidden = ask(client, outside, "get", f"{ACME}/{path}")
        absent = ask(client, outside, "get", f"{ACME}/{path.replace('acme-core', 'no-team')}")
        assert hidden.status_code == absent.status_code == 404
        assert hidden.json()["detail"] == absent.json()["detail"]
        assert ask(client, inside, "get", f"{ACME}/{path}").status_code == 200


def test_a_hidden_team_cannot_be_named_by_those_outside_of_it(acme: Stage, client: Any) -> None:
    ask(client, acme.owner, "patch", f"{ACME}/teams/acme-core", {"is_hidden": True})
    outside = acme.people["organization:member"]
    for noun in ("projects", "grants", "service-accounts", "members"):
        for team in ("acme-core", "no-team"):
            response = ask(client, outside, "get", f"{ACME}/{noun}?team={team}")
            assert response.status_code == 404, (noun, team)
    for team in ("acme-core", "no-team"):
        response = ask(client, outside, "post", f"{ACME}/projects", {"name": "x", "team": team})
        assert response.status_code == 422


def test_a_key_reaches_what_its_scopes_name_and_is_told_what_it_lacks(
    acme: Stage, client: Any
) -> None:
    reader = scoped(acme, "member.read", "project.read")
    assert ask(client, reader, "get", f"{ACME}/members").status_code == 200
    assert ask(client, reader, "get", f"{ACME}/projects").json()["data"]
    for path, permission in (("teams", "team.read"), ("grants", "grant.read")):
        refused = ask(client, reader, "get", f"{ACME}/{path}")
        assert refused.status_code == 403
        assert refused.json()["permission"] == permission
    project = f"{ACME}/projects/{acme.ids['project']}"
    refused = ask(client, reader, "patch", project, {"description": "x"})
    assert (refused.status_code, refused.json()["permission"]) == (403, "project.update")


def test_a_member_leaves_and_a_team_is_left(acme: Stage, client: Any) -> None:
    viewer = acme.people["team:viewer"]
    assert viewer.member is not None
    assert ask(client, viewer, "post", f"{ACME}/teams/acme-core/leave").status_code == 204
    assert ask(client, viewer, "post", f"{ACME}/teams/acme-core/leave").status_code == 404
    own = f"{ACME}/members/{viewer.member.wire_id}"
    assert ask(client, viewer, "delete", own).status_code == 204
    assert ask(client, viewer, "get", ACME).status_code == 404


def test_the_last_owner_stays(acme: Stage, client: Any) -> None:
    assert acme.owner.member is not None
    own = f"{ACME}/members/{acme.owner.member.wire_id}"
    for response in (
        ask(client, acme.owner, "delete", own),
        ask(client, acme.owner, "patch", own, {"role": "admin"}),
        ask(client, acme.owner, "post", f"{own}/deactivate"),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "last_owner")


def test_a_public_project_is_read_by_everybody_with_a_key(
    acme: Stage, rival: Stage, client: Any
) -> None:
    project = f"{ACME}/projects/{acme.ids['project']}"
    assert ask(client, rival.owner, "get", project).status_code == 404
    ask(client, acme.owner, "patch", project, {"visibility": "public"})
    assert ask(client, rival.owner, "get", project).status_code == 200
    assert ask(client, rival.owner, "patch", project, {"name": "ours"}).status_code == 404


def test_the_version_of_an_old_page_is_enough_to_update(acme: Stage, client: Any) -> None:
    listed = ask(client, acme.owner, "get", f"{ACME}/teams").json()["data"][0]
    client.credentials(HTTP_IF_MATCH=f'"{listed["version"]}"')
    changed = ask(
        client, acme.owner, "patch", f"{ACME}/teams/{listed['id']}", {"description": "ours"}
    )
    assert changed.status_code == 200
    assert changed.json()["version"] == listed["version"] + 1


def test_a_filter_tells_nothing_of_a_hidden_team(acme: Stage, client: Any) -> None:
    changed = ask(client, acme.owner, "patch", f"{ACME}/teams/acme-core", {"is_hidden": True})
    assert changed.status_code == 200
    path = f"{ACME}/members?team=acme-core"
    assert ask(client, acme.people["organization:viewer"], "get", path).status_code == 404
    inside = ask(client, acme.people["team:viewer"], "get", path)
    assert len(inside.json()["data"]) > 1


def test_a_narrow_key_is_told_of_no_organization(acme: Stage, client: Any) -> None:
    narrow, path = scoped(acme, "project.read"), "/api/v1/organizations"
    assert ask(client, narrow, "get", path).json()["data"] == []
    reader = scoped(acme, "organization.read")
    slugs = [row["slug"] for row in ask(client, reader, "get", path).json()["data"]]
    assert slugs == ["acme"]


def test_a_key_for_all_organizations_is_not_told_of_those_that_refuse_it(
    acme: Stage, client: Any
) -> None:
    everywhere, path = acme.people["target"], "/api/v1/organizations"
    assert len(ask(client, everywhere, "get", path).json()["data"]) == 1
    policy = {"allows_api_key_creation": False}
    bound = scoped(acme, "*")
    assert ask(client, bound, "patch", ACME, policy).status_code == 200
    assert ask(client, everywhere, "get", ACME).status_code == 403
    assert ask(client, everywhere, "get", path).json()["data"] == []


def test_a_narrow_key_is_not_told_the_answer_that_a_wide_one_got(
    acme: Stage, client: Any
) -> None:
    path, body = f"{ACME}/api-keys", {"name": "laptop"}
    again = {"Idempotency-Key": "make-a-key"}
    made = client.post(path, body, format="json", headers={**acme.owner.headers, **again})
    assert made.status_code == 201
    narrow = scoped(acme, "organization.read")
    told = client.post(path, body, format="json", headers={**narrow.headers, **again})
    assert told.status_code == 403
    assert "secret" not in told.json()


@pytest.mark.parametrize(
    "body", [b'{"\\ud800": 1}', b'{"seat_policy": "\\ud800"}', b'{"name": ["\\udfff"]}']
)
def test_a_lone_surrogate_is_refused_and_never_breaks_the_answer(
    acme: Stage, client: Any, body: bytes
) -> None:
    answer = client.generic(
        "PATCH",
        "/api/v1/organizations/acme",
        body,
        content_type="application/json",
        headers=acme.owner.headers,
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid"
