"""The door: anonymous visitors and people without the permission.

Strangers and another organization's ids: tests/walls/test_foreign_and_absent.py.
"""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, reverse

from orgs.actions import members
from orgs.console import urls
from orgs.permissions import Permission

pytestmark = pytest.mark.django_db

PERSONAL = {"home", "organizations", "new_organization", "theme"}
POSTS_ONLY = {
    "theme",
    "members_bulk",
    "invite_preview",
    "invitation_resend",
    "request_withdraw",
    "member_role",
    "member_seat",
    "team_member_role",
    "project_remove",
    "restore",
}


def _names(*, of_organizations: bool = True) -> list[str]:
    named = [p.name for p in urls.urlpatterns if isinstance(p, URLPattern) and p.name]
    return [name for name in named if (name not in PERSONAL) is of_organizations]


def address(name: str, world, things, slug: str = "") -> str:
    """Return the address of a page of the world."""
    known = {
        "organization": slug or world.organization.slug,
        "member": things.member.wire_id,
        "invitation": things.invitation.wire_id,
        "access_request": things.request.wire_id,
        "team": world.team.name,
        "place": things.place.wire_id,
        "role": things.role.wire_id,
        "grant": things.grant.wire_id,
        "project": things.project.wire_id,
        "collaborator": things.collaborator.pk,
    }
    pattern = next(p for p in urls.urlpatterns if p.name == name)
    wanted = re.findall(r"<\w+:(\w+)>", str(pattern.pattern))
    return reverse(f"console:{name}", kwargs={part: known[part] for part in wanted})


def test_an_owner_sees_every_page(world, things, owner):
    for name in _names():
        if name in POSTS_ONLY:
            assert owner.get(address(name, world, things)).status_code == 405, name
            continue
        response = owner.get(address(name, world, things))
        assert response.status_code == 200, name
        text = response.getvalue() if response.streaming else response.content
        assert b"<c-" not in text, name
        assert b" style=" not in text, name


FORMS_THAT_ASK = [
    "invite",
    "new_request",
    "new_team",
    "team_add",
    "team_rename",
    "team_delete",
    "new_role",
    "role",
    "new_grant",
    "new_project",
    "project_edit",
    "project_move",
    "project_delete",
    "project_add",
    "settings",
    "policies",
    "team_settings",
    "delete_organization",
]


def test_a_form_without_its_answers_is_asked_again(world, things, owner):
    for name in FORMS_THAT_ASK:
        response = owner.post(address(name, world, things), {})
        assert response.status_code == 422, name
        assert re.search(rb'class="error(list|s)', response.content), name


def test_anonymous_visitors_are_led_to_the_sign_in(world, things):
    for name in [*_names(), *_names(of_organizations=False)]:
        path = address(name, world, things)
        response = Client().post(path) if name in POSTS_ONLY else Client().get(path)
        assert response.status_code == 302, name
        assert response["Location"].startswith(reverse(settings.LOGIN_URL)), name
        assert "next=" in response["Location"], name


def test_a_session_that_ended_leads_htmx_to_the_sign_in_too(world):
    response = Client(headers={"HX-Request": "true"}).get(f"/o/{world.organization.slug}/members")
    assert response["HX-Redirect"].startswith(reverse(settings.LOGIN_URL))


def test_a_removed_member_is_a_stranger(world, things, signed_in):
    browser = signed_in(world.viewer.user)
    path = f"/o/{world.organization.slug}/teams"
    assert browser.get(path).status_code == 200
    members.remove(
        actor=world.owner.principal, organization=world.organization, member=world.viewer.member
    )
    assert signed_in(world.viewer.user).get(path).status_code == 404


def test_a_refusal_says_which_permission_is_missing(world, signed_in):
    response = signed_in(world.member.user).get(f"/o/{world.organization.slug}/audit")
    assert response.status_code == 403
    assert b"audit.read" in response.content
    assert b"Ask for access" in response.content


def test_a_refusal_reaches_htmx_as_a_notice(world, signed_in):
    browser = signed_in(world.member.user)
    response = browser.get(f"/o/{world.organization.slug}/audit", headers={"HX-Request": "true"})
    assert response.status_code == 403
    assert response["HX-Reswap"] == "none"
    assert "lacks audit.read" in response["HX-Trigger"]


def test_a_path_with_nul_is_missing(owner):
    assert owner.get("/o/a%00b/members").status_code == 404
    assert owner.get("/o/acme/teams/a%00b").status_code == 404


@pytest.mark.parametrize("query", ["?q=%00", "?role=%00", "?cursor=nonsense", "?team=nobody"])
def test_odd_queries_do_no_harm(owner, query):
    assert owner.get(f"/o/acme/members{query}").status_code in {200, 404, 422}


def test_the_organization_is_named_by_slug_or_id(world, owner):
    assert owner.get(f"/o/{world.organization.wire_id}/members").status_code == 200


def test_the_permissions_that_templates_name_exist():
    known = {str(permission) for permission in Permission}
    for template in Path(settings.BASE_DIR, "templates/orgs").rglob("*.html"):
        named = re.findall(r'"([a-z_]+\.[a-z_]+)" in page\.held', template.read_text())
        assert set(named) <= known, template


def test_templates_hold_no_inline_style_or_script():
    for template in Path(settings.BASE_DIR, "templates").rglob("*.html"):
        if "email" in template.parts:
            continue
        text = template.read_text()
        assert not re.search(r"\sstyle=|\son\w+=\"|<style|<script(?![^>]*\ssrc=)", text), template
