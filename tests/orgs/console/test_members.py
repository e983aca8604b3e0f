"""Members, invitations, requests and seats in the browser."""

import datetime as dt

import pytest

from kernel.clock import now
from kernel.events import Target
from kernel.mail.models import Mail
from kernel.mail.send import write_rendered
from orgs.actions import entitlements
from orgs.models import AccessRequest, Invitation, Membership
from tests.factories import OPERATOR, MembershipFactory
from tests.orgs.console.test_door import address

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
IN_DIALOG = {"HX-Request": "true", "HX-Target": "dialog"}


def test_the_list_shows_people_roles_seats_and_teams(world, owner):
    text = owner.get("/o/acme/members").content.decode()
    assert world.admin.user.email in text
    assert "acme-team" in text
    assert "Full seats" in text


def test_filters_narrow_and_clear(world, owner):
    text = owner.get("/o/acme/members?role=viewer&q=acme").content.decode()
    assert world.viewer.user.email in text
    assert world.admin.user.email not in text
    assert "Clear the filter Role" in text
    nobody = owner.get("/o/acme/members?q=nobody").content.decode()
    assert "No member matches" in nobody
    assert "Clear filters" in nobody
    by_team = owner.get("/o/acme/members?team=acme-team").content.decode()
    assert world.team_member.user.email in by_team
    assert world.admin.user.email not in by_team


def test_pages_lead_on(world, owner):
    for _ in range(60):
        MembershipFactory(organization=world.organization, seat="none")
    first = owner.get("/o/acme/members")
    following = first.context["pages"].next
    second = owner.get("/o/acme/members", {"cursor": following})
    shown = [{row.member.pk for row in page.context["rows"]} for page in (first, second)]
    assert len(shown[0]) == 50
    assert len(shown[1]) == 18
    assert not shown[0] & shown[1]


def test_the_order_is_chosen(world, owner):
    orders = [
        [row.member.pk for row in owner.get(f"/o/acme/members{query}").context["rows"]]
        for query in ("", "?sort=newest")
    ]
    assert orders[0] == orders[1][::-1]
    assert orders[0][0] == world.owner.member.pk


def test_who_may_not_change_members_sees_no_controls(world, signed_in):
    text = signed_in(world.member.user).get("/o/acme/members").content.decode()
    assert "data-select-all" not in text
    assert '/deactivate"' not in text
    assert "Invite people" not in text


@pytest.mark.parametrize(
    "name", ["member_role", "member_seat", "member_deactivate", "invite", "invite_preview"]
)
def test_posts_without_the_permission_are_refused(world, things, signed_in, name):
    response = signed_in(world.member.user).post(address(name, world, things), {"role": "admin"})
    assert response.status_code == 403
    things.member.refresh_from_db()
    assert things.member.role == "member"
    assert things.member.is_active


def test_a_role_is_changed_in_the_row(world, things, owner):
    response = owner.post(
        address("member_role", world, things), {"role": "admin", "version": 1}, headers=HTMX
    )
    assert response.status_code == 200
    assert response.content.decode().startswith("<tr")
    assert "hx-swap-oob" in response.content.decode()
    things.member.refresh_from_db()
    assert things.member.role == "admin"


def test_a_custom_role_is_given_by_its_id(world, things, owner):
    owner.post(address("member_role", world, things), {"role": things.role.wire_id})
    things.member.refresh_from_db()
    assert things.member.custom_role == things.role


def test_without_script_a_change_leads_back_with_a_message(world, things, owner):
    back = "/o/acme/members?role=member"
    response = owner.post(
        address("member_seat", world, things), {"seat": "viewer", "next": back}, follow=True
    )
    assert response.redirect_chain == [(back, 303)]
    assert "was changed" in response.content.decode()


def test_next_leads_nowhere_else(world, things, owner):
    response = owner.post(
        address("member_seat", world, things), {"seat": "viewer", "next": "//evil.example/"}
    )
    assert response["Location"].startswith("/o/acme/")


def test_the_last_owner_is_told_what_to_do_in_the_row(world, owner):
    member = world.owner.member
    response = owner.post(
        f"/o/acme/members/{member.wire_id}/role", {"role": "member"}, headers=HTMX
    )
    assert "last owner" in response.content.decode()
    assert 'role="alert"' in response.content.decode()


def test_a_lost_update_is_told(world, things, owner):
    response = owner.post(
        address("member_role", world, things), {"role": "admin", "version": 99}, headers=HTMX
    )
    assert "Somebody changed this" in response.content.decode()


def test_a_member_is_deactivated_and_comes_back(world, things, owner):
    page = owner.get(address("member_deactivate", world, things), headers=IN_DIALOG)
    assert "sheet-form" in page.content.decode()
    assert "<html" not in page.content.decode()
    done = owner.post(address("member_deactivate", world, things), headers=IN_DIALOG)
    assert done["HX-Redirect"] == "/o/acme/members"
    things.member.refresh_from_db()
    assert things.member.status == Membership.Status.DEACTIVATED
    assert world.member.user.email in owner.get("/o/acme/members/deactivated").content.decode()
    owner.post(address("member_reactivate", world, things))
    things.member.refresh_from_db()
    assert things.member.is_active


def test_a_refused_act_is_told_in_its_dialog(world, owner):
    path = f"/o/acme/members/{world.owner.member.wire_id}/deactivate"
    response = owner.post(path, headers=IN_DIALOG)
    assert response.status_code == 409
    assert "last owner" in response.content.decode()


def test_removing_an_owner_is_refused_to_an_admin(world, signed_in):
    browser = signed_in(world.admin.user)
    path = f"/o/acme/members/{world.owner.member.wire_id}/remove"
    response = browser.post(path, headers=IN_DIALOG)
    assert response.status_code == 403
    assert "lacks owner.manage" in response.content.decode()


def test_a_member_leaves_by_themselves(world, signed_in):
    browser = signed_in(world.viewer.user)
    response = browser.post(f"/o/acme/members/{world.viewer.member.wire_id}/remove")
    assert response["Location"] == "/organizations"
    world.viewer.member.refresh_from_db()
    assert world.viewer.member.status == Membership.Status.REMOVED


def test_bulk_acts_on_each_and_says_what_was_refused(world, owner):
    response = owner.post(
        "/o/acme/members/bulk",
        {
            "member": [world.member.member.wire_id, world.owner.member.wire_id],
            "act": "deactivate",
        },
        follow=True,
    )
    text = response.content.decode()
    assert "Done for 1 of 2" in text
    assert "last owner" in text
    world.member.member.refresh_from_db()
    assert not world.member.member.is_active


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"act": "role", "role": "admin"}, ("admin", "full")),
        ({"act": "seat", "seat": "viewer"}, ("member", "viewer")),
        ({"act": "seat", "seat": "throne"}, ("member", "full")),
        ({"act": "role", "role": "role_gone"}, ("member", "full")),
        ({"act": "nonsense"}, ("member", "full")),
    ],
)
def test_bulk_changes_roles_and_seats(world, owner, sent, expected):
    member = world.member.member
    owner.post("/o/acme/members/bulk", {"member": [member.wire_id], **sent})
    member.refresh_from_db()
    assert (member.role, member.seat) == expected


def test_bulk_without_anybody_says_so(owner):
    text = owner.post("/o/acme/members/bulk", {"act": "deactivate"}, follow=True).content.decode()
    assert "Choose at least one member" in text


def test_idle_seats_are_listed(world, owner):
    long_ago = now() - dt.timedelta(days=60)
    Membership.objects.filter(pk=world.member.member.pk).update(joined_at=long_ago)
    for page in ("/o/acme/members?idle=1", "/o/acme/members/seats"):
        text = owner.get(page).content.decode()
        assert world.member.user.email in text, page
        assert world.admin.user.email not in text, page


def test_the_delivery_of_an_invitation_is_shown(world, things, owner):
    assert "Not written yet" in owner.get("/o/acme/members/invitations").content.decode()
    write_rendered(
        template="orgs/invitation",
        recipient="guest@example.com",
        subject="Join",
        text="Join",
        html="",
        organization_id=world.organization.pk,
        about=Target.of(things.invitation),
    )
    assert "Queued" in owner.get("/o/acme/members/invitations").content.decode()
    Mail.objects.update(state=Mail.State.FAILED, error="SMTPRecipientsRefused: no such mailbox")
    text = owner.get("/o/acme/members/invitations?q=guest").content.decode()
    assert "Failed" in text
    assert "no such mailbox" in text


def test_the_member_page_says_why_somebody_may(world, things, owner):
    text = owner.get(address("member", world, things)).content.decode()
    assert "role Member" in text
    assert "Covering for a colleague" in text


def test_invitations_are_judged_before_they_are_sent(world, owner):
    response = owner.post(
        "/o/acme/members/invite/preview",
        {"addresses": f"New <new@example.com>, {world.admin.user.email}; mara@northwnd"},
        headers=HTMX,
    )
    text = response.content.decode()
    assert "1 invitation will be sent" in text
    assert "A member already" in text
    assert "Not an e-mail address" in text
    assert not Invitation.objects.filter(email="new@example.com").exists()


def test_inviting_tells_the_result_of_each_address_with_its_link(world, owner):
    response = owner.post(
        "/o/acme/members/invite",
        {
            "addresses": "one@example.com two@example.com not-an-address",
            "role": "member",
            "seat": "viewer",
            "teams": [world.team.wire_id],
        },
    )
    text = response.content.decode()
    assert "2 invitations on the way" in text
    assert text.count("/join/") == 2
    assert "Not an e-mail address" in text
    made = Invitation.objects.get(email="one@example.com")
    assert made.seat == "viewer"
    assert [place.team for place in made.teams.all()] == [world.team]


def test_inviting_nobody_keeps_the_form(owner):
    response = owner.post("/o/acme/members/invite", {"role": "member", "seat": "full"})
    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.content.decode()


def test_an_invitation_is_resent_revoked_and_its_link_shown(world, things, owner):
    before = things.invitation.token_digest
    assert "/join/" in owner.get(address("invitation_link", world, things)).content.decode()
    owner.post(address("invitation_resend", world, things))
    things.invitation.refresh_from_db()
    assert things.invitation.token_digest != before
    owner.post(address("invitation_revoke", world, things), follow=True)
    assert "guest@example.com" not in owner.get("/o/acme/members/invitations").content.decode()
    revoked = owner.get("/o/acme/members/invitations?state=revoked").content.decode()
    assert "guest@example.com" in revoked


def test_a_request_is_made_and_approved_for_a_time(world, signed_in, owner):
    browser = signed_in(world.member.user)
    made = browser.post(
        "/o/acme/members/requests/new",
        {
            "kind": "access",
            "team": world.team.wire_id,
            "team_role": "member",
            "wanted_hours": "24",
            "reason": "To look at a run",
        },
        follow=True,
    )
    assert "To look at a run" in made.content.decode()
    wish = AccessRequest.objects.get()
    path = f"/o/acme/members/requests/{wish.wire_id}/approve"
    assert "To look at a run" in owner.get(path).content.decode()
    owner.post(path, {"hours": "4", "answer": "Fine"})
    wish.refresh_from_db()
    assert wish.state == "approved"
    grant = world.member.member.grants.get()
    assert round((grant.until - grant.created_at).total_seconds() / 3600) == 4


def test_a_request_for_no_team_is_told_beside_the_field(world, signed_in):
    response = signed_in(world.member.user).post(
        "/o/acme/members/requests/new", {"kind": "team", "team_role": "member", "reason": "Work"}
    )
    assert response.status_code == 422
    assert "id_team_error" in response.content.decode()


def test_a_request_is_declined_or_withdrawn(world, things, owner, signed_in):
    browser = signed_in(world.member.user)
    assert browser.post(address("request_approve", world, things)).status_code == 403
    owner.post(address("request_decline", world, things), {"answer": "Not now"})
    things.request.refresh_from_db()
    assert things.request.state == "declined"
    again = owner.post(address("request_decline", world, things), {"answer": ""})
    assert again.status_code == 409
    withdrawn = browser.post(address("request_withdraw", world, things), follow=True)
    assert "declined before" in withdrawn.content.decode()


def test_full_seats_are_said_with_the_way_to_more(world, things, owner):
    entitlements.apply(
        actor=OPERATOR, organization=world.organization, source="manual", seats={"full": 1}
    )
    owner.post(address("member_seat", world, things), {"seat": "viewer"})
    text = owner.post(
        address("member_seat", world, things), {"seat": "full"}, headers=HTMX
    ).content.decode()
    assert "seats of Acme are taken" in text
    assert "more than allowed" in owner.get("/o/acme/").content.decode()


def test_members_of_a_team_that_lets_them_invite_do_so_into_it(world, owner, signed_in):
    browser = signed_in(world.team_member.user)
    assert browser.get("/o/acme/members/invite").status_code == 403
    owner.post(
        "/o/acme/teams/acme-team/settings", {"lets_members_invite": "on", "version": 1}
    )
    assert "/members/invite?team=" in browser.get("/o/acme/teams/acme-team").content.decode()
    sent = {"addresses": "guest@example.com", "role": "member", "seat": "full"}
    alone = browser.post("/o/acme/members/invite", sent)
    assert alone.status_code == 422
    assert "id_teams_error" in alone.content.decode()
    done = browser.post("/o/acme/members/invite", {**sent, "teams": [world.team.wire_id]})
    assert "1 invitation on the way" in done.content.decode()
    made = Invitation.objects.get(email="guest@example.com")
    path = f"/o/acme/members/invitations/{made.wire_id}/resend"
    assert browser.post(path).status_code == 303
    assert signed_in(world.viewer.user).post(path).status_code == 404


def test_a_members_page_tells_of_grants_only_those_who_may_see_them(world, things, signed_in):
    path = f"/o/acme/members/{things.member.wire_id}"
    for person, sees in ((world.owner, True), (world.member, True), (world.viewer, False)):
        page = signed_in(person.user).get(path)
        assert page.status_code == 200
        assert (things.grant.reason in page.content.decode()) is sees


@pytest.mark.parametrize("version", ["²", "9" * 5000, "-1", "one"])
def test_a_version_that_is_no_number_is_passed_over(owner, things, version):
    path = f"/o/acme/members/{things.member.wire_id}/seat"
    assert owner.post(path, {"seat": "viewer", "version": version}).status_code == 303


def test_a_feature_with_a_name_that_cannot_be_is_not_there(owner):
    answer = owner.post("/o/acme/settings/features", {"flag": "a\x00b", "choice": "on"})
    assert answer.status_code == 404
