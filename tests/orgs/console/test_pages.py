"""Organizations, teams, roles, temporary access, projects, audit log and settings."""

import csv
import io

import pytest

from kernel.events.models import Event
from kernel.sheet import harmless
from orgs.actions import features, invitations, organizations
from orgs.models import FeatureChoice, Grant, Organization, Project, Role, Team, User
from tests.factories import OPERATOR, UserFactory
from tests.orgs.console.test_door import address

pytestmark = pytest.mark.django_db


# --- organizations --------------------------------------------------------------------------


def test_a_person_without_an_organization_is_shown_the_way(db, signed_in):
    browser = signed_in(UserFactory())
    assert browser.get("/")["Location"] == "/organizations"
    text = browser.get("/organizations").content.decode()
    assert "You are in no organization yet" in text
    assert "/organizations/new" in text


def test_a_waiting_invitation_is_shown_with_its_link(world, signed_in):
    guest = UserFactory(email="guest@example.com")
    outcome = invitations.create_many(
        actor=world.owner.principal,
        organization=world.organization,
        addresses=["guest@example.com"],
    )[0]
    text = signed_in(guest).get("/organizations").content.decode()
    assert invitations.link(outcome.invitation) in text


def test_the_only_organization_is_opened_at_once(world, owner):
    assert owner.get("/")["Location"] == "/o/acme/"


def test_an_organization_is_created_and_a_taken_address_refused(world, owner):
    response = owner.post("/organizations/new", {"name": "Northwind", "slug": ""})
    assert response["Location"] == "/o/northwind/"
    taken = owner.post("/organizations/new", {"name": "Another", "slug": "acme"})
    assert taken.status_code in {409, 422}
    assert "is taken" in taken.content.decode()
    assert "Another" in taken.content.decode()


def test_the_theme_is_kept_for_the_person_and_the_browser(world, owner):
    response = owner.post("/preferences/theme", {"theme": "dark", "next": "/organizations"})
    assert response["Location"] == "/organizations"
    assert response.cookies["theme"].value == "dark"
    world.owner.user.refresh_from_db()
    assert world.owner.user.theme == User.Theme.DARK
    assert 'data-theme="dark"' in owner.get("/organizations").content.decode()


def test_the_switcher_keeps_the_page_and_marks_the_demo(world, owner):
    organizations.create(
        actor=world.owner.principal,
        name="Trial",
        slug="trial",
        owner=world.owner.user,
        is_demo=True,
    )
    text = owner.get("/o/acme/teams").content.decode()
    assert 'href="/o/trial/teams"' in text
    assert "Demo" in text


# --- teams ----------------------------------------------------------------------------------


def test_a_team_is_created_and_its_people_change(world, owner):
    made = owner.post("/o/acme/teams/new", {"name": "vision", "display_name": "Vision"})
    assert made["Location"] == "/o/acme/teams/vision"
    owner.post("/o/acme/teams/vision/add", {"person": "acme-member", "role": "member"})
    team = Team.objects.get(name="vision")
    place = team.memberships.get(membership=world.member.member)
    owner.post(f"/o/acme/teams/vision/members/{place.wire_id}/role", {"role": "admin"})
    place.refresh_from_db()
    assert place.role == "admin"
    owner.post(f"/o/acme/teams/vision/members/{place.wire_id}/remove")
    assert not team.memberships.filter(pk=place.pk).exists()


def test_an_unknown_person_is_told_beside_the_field(owner):
    response = owner.post("/o/acme/teams/acme-team/add", {"person": "nobody", "role": "member"})
    assert response.status_code == 422
    assert "id_person_error" in response.content.decode()


def test_a_taken_team_name_keeps_what_was_typed(owner):
    response = owner.post("/o/acme/teams/new", {"name": "acme-owner", "description": "Typed"})
    assert response.status_code in {409, 422}
    assert "Typed" in response.content.decode()


def test_plain_members_see_no_team_controls(world, signed_in):
    text = signed_in(world.team_member.user).get("/o/acme/teams/acme-team").content.decode()
    assert "Add member" not in text
    assert "/settings" not in text.split("<main")[1]
    assert "Leave" in text


def test_an_enforced_switch_is_locked_with_the_reason(world, owner):
    organizations.update(
        actor=world.owner.principal,
        organization=world.organization,
        changes={"enforces_hidden_teams": True},
    )
    path = "/o/acme/teams/acme-team/settings"
    text = owner.get(path).content.decode()
    assert "Decided by a policy of Acme" in text
    saved = owner.post(path, {"display_name": "Team", "description": "", "version": 1})
    assert saved.status_code == 303
    world.team.refresh_from_db()
    assert world.team.display_name == "Team"


def test_a_lost_update_keeps_the_input_and_the_current_version(world, owner):
    path = "/o/acme/teams/acme-team/settings"
    owner.post(path, {"display_name": "First", "version": 1})
    response = owner.post(path, {"display_name": "Second", "version": 1})
    text = response.content.decode()
    assert response.status_code == 412
    assert "Second" in text
    assert "Somebody changed this" in text
    assert 'name="version" value="2"' in text
    assert owner.post(path, {"display_name": "Second", "version": 2}).status_code == 303


def test_a_team_is_renamed_left_and_deleted(world, owner, signed_in):
    signed_in(world.team_viewer.user).post("/o/acme/teams/acme-team/leave")
    assert not world.team.memberships.filter(membership=world.team_viewer.member).exists()
    renamed = owner.post("/o/acme/teams/acme-team/rename", {"name": "acme-crew"})
    assert renamed["Location"] == "/o/acme/teams/acme-crew/settings"
    wrong = owner.post("/o/acme/teams/acme-crew/delete", {"confirmation": "acme-team"})
    assert wrong.status_code == 422
    owner.post("/o/acme/teams/acme-crew/delete", {"confirmation": "acme-crew"})
    assert not Team.objects.filter(name="acme-crew").exists()


# --- roles and temporary access -------------------------------------------------------------


def test_a_role_is_made_changed_and_deleted(world, owner):
    base = ["member.read", "organization.read", "role.read", "seat.read", "team.read"]
    owner.post(
        "/o/acme/roles/new",
        {
            "name": "Auditor",
            "scope": "organization",
            "inherits": "member",
            "held": [*base, "audit.read"],
        },
    )
    role = Role.objects.get(name="Auditor")
    assert (role.added, role.removed) == (["audit.read"], [])
    path = f"/o/acme/roles/{role.wire_id}"
    owner.post(path, {"name": "Auditor", "held": base[1:], "version": role.version})
    role.refresh_from_db()
    assert (role.added, role.removed) == ([], ["member.read"])
    owner.post(f"{path}/delete")
    assert not Role.objects.filter(name="Auditor").exists()


def test_the_picker_offers_nothing_reserved_to_owners(owner):
    text = owner.get("/o/acme/roles/new").content.decode()
    assert 'value="audit.read"' in text
    assert 'value="owner.manage"' not in text


def test_access_is_given_for_a_time_and_ended(world, owner, signed_in):
    response = owner.post(
        "/o/acme/access/new",
        {
            "person": "acme-member",
            "place": world.team.wire_id,
            "role": "team:admin",
            "hours": "4",
            "reason": "Covering",
        },
    )
    assert response.status_code == 303
    grant = Grant.objects.get()
    assert grant.team == world.team
    text = signed_in(world.member.user).get("/o/acme/access").content.decode()
    assert "Covering" in text
    owner.post(f"/o/acme/access/{grant.wire_id}/end")
    assert "Covering" in owner.get("/o/acme/access?state=ended").content.decode()


def test_a_role_of_the_wrong_place_is_told_beside_the_field(world, owner):
    response = owner.post(
        "/o/acme/access/new",
        {"person": "acme-member", "place": "", "role": "team:admin", "hours": "4", "reason": "x"},
    )
    assert response.status_code == 422
    assert "id_role_error" in response.content.decode()


# --- projects -------------------------------------------------------------------------------


def test_a_project_is_created_moved_and_deleted(world, owner):
    made = owner.post(
        "/o/acme/projects/new",
        {"team": world.team.wire_id, "name": "depth", "visibility": "team"},
        follow=True,
    )
    assert "The members of its team" in made.content.decode()
    project = Project.objects.get(name="depth")
    path = f"/o/acme/projects/{project.wire_id}"
    owner.post(f"{path}/edit", {"name": "deep", "visibility": "restricted", "version": 1})
    project.refresh_from_db()
    assert (project.name, project.visibility) == ("deep", "restricted")
    owner.post(f"{path}/people", {"person": "acme-member", "role": "viewer"})
    row = project.collaborators.get(membership=world.member.member)
    owner.post(f"{path}/people/{row.pk}/remove")
    assert not project.collaborators.filter(pk=row.pk).exists()
    owner.post("/o/acme/teams/new", {"name": "second"})
    target = Team.objects.get(name="second")
    owner.post(f"{path}/move", {"team": target.wire_id})
    project.refresh_from_db()
    assert project.team == target
    assert owner.post(f"{path}/delete", {"confirmation": "wrong"}).status_code == 422
    owner.post(f"{path}/delete", {"confirmation": "deep"})
    assert not Project.objects.filter(pk=project.pk).exists()


def test_a_public_project_is_refused_where_the_policy_forbids_it(world, owner):
    organizations.update(
        actor=world.owner.principal,
        organization=world.organization,
        changes={"allows_public_projects": False},
    )
    response = owner.post(
        "/o/acme/projects/new",
        {"team": world.team.wire_id, "name": "depth", "visibility": "public"},
    )
    assert response.status_code == 403
    assert "does not allow open and public projects" in response.content.decode()
    assert 'value="depth"' in response.content.decode()


# --- audit log ------------------------------------------------------------------------------


def test_the_log_tells_sentences_and_differences(world, things, owner):
    owner.post(address("member_role", world, things), {"role": "admin"})
    text = owner.get("/o/acme/audit?kind=orgs.member.").content.decode()
    assert "acme-owner changed the role of acme-member" in text
    assert "<del>Member</del>" in text
    assert "<ins>Admin</ins>" in text
    assert "invited guest@example.com" not in text
    assert "No event matches" in owner.get("/o/acme/audit?q=nothing-like-it").content.decode()


def test_the_export_holds_the_events_of_the_view(world, things, owner):
    shown = Event.objects.of(world.organization).filter(type__startswith="orgs.invitation.")
    response = owner.get("/o/acme/audit/export.csv?kind=orgs.invitation.")
    lines = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
    assert [int(line["sequence"]) for line in lines] == list(
        shown.order_by("-sequence").values_list("sequence", flat=True)
    )
    assert lines[0]["sentence"] == "acme-owner invited guest@example.com"
    assert "acme-audit-" in response["Content-Disposition"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_the_export_is_a_formula(start):
    assert harmless(f"{start}cmd|' /C calc'!A0").startswith("'")
    assert harmless("plain") == "plain"


# --- settings -------------------------------------------------------------------------------


def test_name_address_and_policies_are_saved(world, owner):
    saved = owner.post("/o/acme/settings", {"name": "Acme Two", "slug": "acme-two", "version": 1})
    assert saved["Location"] == "/o/acme-two/settings"
    policies = owner.post(
        "/o/acme-two/settings/policies",
        {"seat_policy": "viewer", "allows_member_teams": "on", "version": 2},
    )
    assert policies.status_code == 303
    world.organization.refresh_from_db()
    assert world.organization.seat_policy == "viewer"
    assert world.organization.allows_member_teams
    assert not world.organization.allows_public_projects


def test_a_refused_address_keeps_the_input_and_the_links(world, owner):
    path = "/o/acme/settings"
    response = owner.post(path, {"name": "Acme", "slug": "Not a slug", "version": 1})
    text = response.content.decode()
    assert response.status_code == 422
    assert 'value="Not a slug"' in text
    assert "id_slug_error" in text
    assert 'href="/o/acme/members"' in text


def test_members_see_settings_but_change_nothing(world, signed_in):
    browser = signed_in(world.member.user)
    text = browser.get("/o/acme/settings").content.decode()
    assert "Danger zone" not in text
    assert 'name="slug"' not in text
    sent = {"name": "Mine", "slug": "mine", "version": 1}
    assert browser.post("/o/acme/settings", sent).status_code == 403
    assert "disabled" in browser.get("/o/acme/settings/policies").content.decode()


def test_a_feature_is_switched_and_given_back(world, owner):
    features.define(actor=OPERATOR, name="sweeps", title="Sweeps")
    path = "/o/acme/settings/features"
    owner.post(path, {"flag": "sweeps", "choice": "on"})
    assert FeatureChoice.objects.get().is_on
    assert "chosen here" in owner.get(path).content.decode()
    owner.post(path, {"flag": "sweeps", "choice": "default"})
    assert not FeatureChoice.objects.exists()


def test_deletion_needs_the_address_and_can_be_taken_back(world, owner, signed_in):
    path = "/o/acme/settings/delete"
    assert "Type <code" in owner.get(path).content.decode()
    assert owner.post(path, {"confirmation": "wrong"}).status_code == 422
    owner.post(path, {"confirmation": "acme"})
    world.organization.refresh_from_db()
    assert world.organization.is_being_deleted
    for page in ("/o/acme/", "/o/acme/members", "/o/acme/settings"):
        text = owner.get(page).content.decode()
        assert "is being deleted" in text, page
        assert "/settings/restore" in text, page
    member = signed_in(world.member.user).get("/o/acme/").content.decode()
    assert "is being deleted" in member
    assert "/settings/restore" not in member
    assert signed_in(world.admin.user).post("/o/acme/settings/restore").status_code == 403
    owner.post("/o/acme/settings/restore")
    assert not Organization.objects.get(slug="acme").is_being_deleted
