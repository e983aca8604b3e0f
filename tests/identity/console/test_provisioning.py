"""Provisioning in the console: connections, tokens, set-up, groups."""

import datetime as dt
import re

import pytest

from identity.actions import provisioning, scim_users
from identity.models import (
    APIKey,
    ProvisioningConnection,
    ProvisioningEntry,
    SCIMGroup,
    SCIMUser,
)
from identity.queries import recognise
from kernel.clock import now
from kernel.errors import DomainError
from kernel.principal import Origin
from orgs.actions import roles, service_accounts, teams
from orgs.models import Membership, ServiceAccount, TeamMembership
from tests.identity.conftest import as_user, person

QUERIES = {"": 12, "/log": 9, "/groups": 10, "connection": 11}
"""What pages cost, for one row and for many."""

PAGES = (
    "",
    "/connect",
    "/set-up",
    "/log",
    "/groups",
    "/groups/{group}/role",
    "/connections/{connection}",
    "/connections/{connection}/tokens/new",
    "/connections/{connection}/disconnect",
)


@pytest.fixture
def place(home, connection) -> str:
    return f"{home}/connections/{connection.wire_id}"


def entry(connection: ProvisioningConnection, **fields: object) -> ProvisioningEntry:
    asked = {
        "organization": connection.organization,
        "connection": connection,
        "caller": "scim-Okta",
        "method": "GET",
        "path": "/scim/v2/Users",
        "status": 200,
        "action": "listed",
        "resource_type": "User",
    }
    return ProvisioningEntry.objects.create(**{**asked, **fields})


def secret_in(content: bytes) -> str:
    found = re.search(r'<code id="secret"[^>]*>([^<]+)<', content.decode())
    assert found, content.decode()
    return found.group(1)


def test_an_empty_overview_offers_the_providers(open_browser, lab, home):
    page = open_browser(lab.owner).get(home).content.decode()

    assert "No provider is connected" in page
    for value in ProvisioningConnection.Provider.values:
        assert f"/provisioning/connect?provider={value}" in page
    assert "http://testserver/scim/v2" in page
    assert f"http://testserver/scim/{lab.organization.slug}/v2" in page
    assert 'aria-current="page"' in page


def test_the_overview_tells_how_each_connection_does(open_browser, lab, home, connection):
    client = open_browser(lab.owner)
    token = provisioning.issue_token(
        actor=as_user(lab.owner), organization=lab.organization, connection=connection
    )
    page = client.get(home).content.decode()
    assert "Nothing came yet" in page
    assert token.key.hint in page
    assert f"{token.key.wire_id}/rotate" in page

    entry(connection)
    page = client.get(home).content.decode()
    assert "Healthy, last request" in page
    assert "1 request, 0 changes, 0 failed" in page

    entry(connection, method="POST", status=201, action="created", at=now())
    for _ in range(2):
        entry(connection, status=409, scim_type="uniqueness", detail="Taken already.")
    page = client.get(home).content.decode()
    assert "2 of the last 4 requests failed" in page
    assert "Taken already." in page
    assert f"outcome=failed&amp;connection={connection.wire_id}" in page
    assert "4 requests, 1 change, 2 failed" in page
    assert "Some requests failed" in page


def test_only_the_newest_requests_say_how_a_connection_does(open_browser, lab, home, connection):
    entry(connection, status=500, detail="Long ago.", at=now() - dt.timedelta(days=2))
    for _ in range(20):
        entry(connection)

    page = open_browser(lab.owner).get(home).content.decode()

    assert "Healthy, last request" in page
    assert "20 requests, 0 changes, 0 failed" in page


def test_the_overview_lists_who_has_still_to_confirm(
    open_browser, lab, home, connection, provider
):
    person("elsewhere")
    scim_users.create(
        actor=provider,
        organization=lab.organization,
        resource={
            "userName": "elsewhere@example.com",
            "displayName": "Else Where",
            "emails": [{"value": "elsewhere@example.com", "primary": True}],
            "active": True,
        },
    )

    page = open_browser(lab.owner).get(home).content.decode()

    assert SCIMUser.objects.get(user_name="elsewhere@example.com").membership is None
    assert "Else Where" in page
    assert "Nobody takes an account over" in page


def test_a_provider_is_connected_and_its_token_shown_once(open_browser, lab, home):
    client = open_browser(lab.owner)
    form = client.get(f"{home}/connect?provider=entra").content.decode()
    assert '<option value="entra" selected>' in form
    assert 'value="Microsoft Entra ID"' in form

    answer = client.post(f"{home}/connect", {"provider": "entra", "name": "Entra"})

    secret = secret_in(answer.content)
    connection = ProvisioningConnection.objects.get(organization=lab.organization)
    assert (connection.name, connection.provider) == ("Entra", "entra")
    assert answer["Cache-Control"] == "no-store"
    page = answer.content.decode()
    assert "Entra is connected" in page
    assert "Tenant URL" in page
    assert "/scim/v2/Users?count=1" in page
    known = recognise(secret, Origin(ip="127.0.0.1"), provisions=True)
    assert known.principal.id == connection.service_account_id
    for path in (home, f"{home}/connections/{connection.wire_id}", f"{home}/log"):
        assert secret not in client.get(path).content.decode()


def test_a_rotated_token_is_shown_with_a_request_that_it_can_make(
    open_browser, lab, home, connection
):
    issued = provisioning.issue_token(
        actor=as_user(lab.owner), organization=lab.organization, connection=connection
    )
    page = open_browser(lab.owner).post(
        f"/o/lab/keys/{issued.key.wire_id}/rotate", {"overlap": "86400"}
    ).content.decode()
    assert "Copy the token" in page
    assert "/scim/v2/Users?count=1" in page
    assert "/api/v1/me" not in page
    assert f'action="{home}/connections/{connection.wire_id}"' in page


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"name": ""}, 422, "required"),
        ({"name": "x" * 41}, 422, "at most 40"),
        ({"provider": "nobody"}, 422, "Select a valid choice"),
        ({"name": "Okta"}, 422, "already"),
    ],
)
def test_a_connection_is_refused_with_a_reason(
    open_browser, lab, home, connection, change, status, sentence
):
    sent = {"provider": "okta", "name": "Another", **change}
    answer = open_browser(lab.owner).post(f"{home}/connect", sent)

    assert answer.status_code == status
    assert sentence in answer.content.decode()
    assert ProvisioningConnection.objects.count() == 1
    assert not APIKey.objects.filter(service_account=connection.service_account_id).exists()


def test_the_connect_form_knows_no_other_providers(open_browser, lab, home):
    client = open_browser(lab.owner)
    assert '<option value="okta" selected>' in client.get(
        f"{home}/connect?provider=nobody"
    ).content.decode()
    other = client.get(f"{home}/connect?provider=other").content.decode()
    assert '<option value="other" selected>' in other
    assert 'value="Another provider"' not in other


@pytest.mark.parametrize("provider_name", ProvisioningConnection.Provider.values)
def test_each_provider_has_its_steps(open_browser, lab, home, provider_name):
    page = open_browser(lab.owner).get(f"{home}/set-up?provider={provider_name}").content.decode()

    assert f'href="?provider={provider_name}" aria-current="true"' in page
    assert "http://testserver/scim/v2" in page
    assert "the token, shown once when it was made" in page
    assert "userName" in page
    assert "Test it" in page
    assert "What then happens" in page
    assert "{base}" not in page
    ids = re.findall(r'<code id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_another_token_works_beside_the_first(open_browser, lab, place, connection):
    client = open_browser(lab.owner)
    first = provisioning.issue_token(
        actor=as_user(lab.owner), organization=lab.organization, connection=connection
    )
    assert b"New token for Okta" in client.get(f"{place}/tokens/new").content
    assert client.post(f"{place}/tokens/new", {"name": ""}).status_code == 422

    answer = client.post(f"{place}/tokens/new", {"name": "second"})

    secret = secret_in(answer.content)
    assert answer["Cache-Control"] == "no-store"
    for text in (first.secret, secret):
        assert recognise(text, Origin(ip="127.0.0.1"), provisions=True)
    page = client.get(place).content.decode()
    assert "second" in page
    assert first.key.hint in page
    assert secret not in page


def test_a_token_that_cannot_be_made_says_why(open_browser, lab, place, connection):
    service_accounts.disable(
        actor=as_user(lab.owner),
        organization=lab.organization,
        account=ServiceAccount.objects.get(pk=connection.service_account_id),
    )

    answer = open_browser(lab.owner).post(f"{place}/tokens/new", {"name": "second"})

    assert answer.status_code == 403
    assert "Enable it first" in answer.content.decode()


def test_a_connection_shows_its_tokens_and_last_failures(open_browser, lab, place, connection):
    entry(connection, status=404, detail="There is no such User.")
    client = open_browser(lab.owner)
    assert "No token yet" in client.get(place).content.decode()
    token = provisioning.issue_token(
        actor=as_user(lab.owner), organization=lab.organization, connection=connection
    )
    client.post(f"/o/{lab.organization.slug}/keys/{token.key.wire_id}/revoke")

    page = client.get(place).content.decode()

    assert "Revoked" in page
    assert "Okta was refused: There is no such User." in page
    assert "scim-Okta" in page
    assert "/disconnect" in page


def test_disconnecting_needs_the_name_and_ends_the_tokens(
    open_browser, lab, home, place, connection
):
    token = provisioning.issue_token(
        actor=as_user(lab.owner), organization=lab.organization, connection=connection
    )
    Membership.objects.filter(pk=lab.membership.pk).update(is_managed=True)
    kept = entry(connection)
    client = open_browser(lab.owner)
    form = client.get(f"{place}/disconnect").content.decode()
    assert "its tokens" in form
    assert 'data-confirm="Okta"' in form

    wrong = client.post(f"{place}/disconnect", {"confirmation": "okta"})
    assert wrong.status_code == 422
    assert "This is not the name." in wrong.content.decode()
    answer = client.post(f"{place}/disconnect", {"confirmation": "Okta"})

    assert answer["Location"] == home
    assert not ProvisioningConnection.objects.exists()
    with pytest.raises(DomainError):
        recognise(token.secret, Origin(ip="127.0.0.1"), provisions=True)
    lab.membership.refresh_from_db()
    assert (lab.membership.status, lab.membership.is_managed) == ("active", False)
    kept.refresh_from_db()
    assert kept.connection is None
    assert "scim-Okta listed users" in client.get(f"{home}/log").content.decode()


def test_groups_are_listed_and_get_a_team_role(open_browser, lab, home, connection):
    group = SCIMGroup.objects.get(team=lab.team)
    teams.add_member(
        actor=as_user(lab.owner),
        organization=lab.organization,
        team=lab.team,
        member=lab.membership,
        role="member",
    )
    runner = roles.create(
        actor=as_user(lab.owner),
        organization=lab.organization,
        name="Runner",
        scope="team",
        inherits="viewer",
        added=["project.contribute"],
    )
    client, address = open_browser(lab.owner), f"{home}/groups/{group.wire_id}/role"
    page = client.get(f"{home}/groups").content.decode()
    assert "vision" in page
    assert "Managed" not in page
    form = client.get(address).content.decode()
    assert '<option value="member" selected>' in form
    assert "(2 now)" in form

    refused = client.post(address, {"role": "owner"})
    assert (refused.status_code, b"Select a valid choice" in refused.content) == (422, True)
    assert client.post(address, {"role": runner.wire_id})["Location"] == f"{home}/groups"

    group.refresh_from_db()
    assert (group.custom_role, group.role) == (runner, "viewer")
    held = TeamMembership.objects.get(team=lab.team, membership=lab.membership)
    assert held.custom_role == runner
    assert "Runner" in client.get(f"{home}/groups").content.decode()
    assert "selected>Runner" in client.get(address).content.decode()
    assert "No group matches" in client.get(f"{home}/groups?q=nothing").content.decode()
    assert "vision" in client.get(f"{home}/groups?q=VIS").content.decode()


def test_a_group_of_no_directory_is_not_there(open_browser, lab, home):
    client = open_browser(lab.owner)
    assert "No group yet" in client.get(f"{home}/groups").content.decode()
    assert client.get(f"{home}/groups/scg_{'0' * 32}/role").status_code == 404


def test_groups_are_paged_by_name(open_browser, lab, home, connection):
    for number in range(55):
        teams.create(
            actor=as_user(lab.owner), organization=lab.organization, name=f"group-{number:02}"
        )
    client = open_browser(lab.owner)
    first = client.get(f"{home}/groups").content.decode()
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = client.get(f"{home}/groups{following.group(1)}").content.decode()
    assert "group-00" in first
    assert "group-54" in second
    assert "group-00" not in second


def test_overviews_are_paged(open_browser, lab, home):
    for number in range(22):
        provisioning.connect(
            actor=as_user(lab.owner), organization=lab.organization, name=f"Provider {number:02}"
        )
    client = open_browser(lab.owner)
    first = client.get(home).content.decode()
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = client.get(f"{home}{following.group(1)}").content.decode()
    assert "Provider 00" not in first
    assert "Provider 00" in second


# --- the wall ---------------------------------------------------------------------------------


def paths(home: str, lab, connection) -> list[str]:
    group = SCIMGroup.objects.get(team=lab.team)
    parts = {"group": group.wire_id, "connection": connection.wire_id}
    return [home + path.format(**parts) for path in PAGES]


def test_every_page_opens_for_an_owner(open_browser, lab, home, connection):
    client = open_browser(lab.owner)
    for path in paths(home, lab, connection):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert b"<c-" not in answer.content, path


def test_a_member_is_told_who_can_see_it(open_browser, lab, home, connection):
    client = open_browser(lab.member)
    for path in paths(home, lab, connection):
        answer = client.get(path)
        assert answer.status_code == 403, path
        assert "member.update" in answer.content.decode(), path
    assert "/provisioning" not in client.get(f"/o/{lab.organization.slug}/").content.decode()


def test_another_organizations_owner_finds_nothing(open_browser, lab, home, connection):
    client = open_browser(lab.stranger)
    for path in paths(home, lab, connection):
        assert client.get(path).status_code == 404, path
    elsewhere = f"/o/{lab.foreign.slug}/provisioning"
    for path in paths(elsewhere, lab, connection)[5:]:
        assert client.get(path).status_code == 404, path
        assert client.post(path).status_code == 404, path


def test_a_visitor_is_led_to_the_sign_in(open_browser, lab, home, connection):
    for path in paths(home, lab, connection):
        assert open_browser().get(path)["Location"].startswith("/account/login/?next="), path


def test_who_manages_members_alone_sees_and_does_not_act(
    open_browser, lab, home, place, connection
):
    role = roles.create(
        actor=as_user(lab.owner),
        organization=lab.organization,
        name="People",
        scope="organization",
        inherits="member",
        added=["member.update"],
    )
    Membership.objects.filter(pk=lab.membership.pk).update(custom_role=role)
    client = open_browser(lab.member)
    provisioning.issue_token(
        actor=as_user(lab.owner), organization=lab.organization, connection=connection
    )

    for path in (home, place, f"{home}/groups", f"{home}/set-up"):
        page = client.get(path).content.decode()
        assert "Okta" in page or "Provisioning" in page
        for act in ("/connect", "/tokens/new", "/disconnect", "/rotate", "/revoke", "/role"):
            assert f'{act}"' not in page, (path, act)
    for path in (f"{home}/connect", f"{place}/tokens/new", f"{place}/disconnect"):
        refused = client.post(path, {"confirmation": "Okta", "name": "x", "provider": "okta"})
        assert refused.status_code == 403, path
        assert "service_account.manage" in refused.content.decode()
    assert ProvisioningConnection.objects.count() == 1


@pytest.mark.parametrize("which", QUERIES)
def test_pages_cost_the_same_for_one_row_and_for_many(
    open_browser, lab, home, place, connection, which, django_assert_num_queries
):
    url = place if which == "connection" else f"{home}{which}"
    client, actor = open_browser(lab.owner), as_user(lab.owner)

    def grow(number: int) -> None:
        other = provisioning.connect(
            actor=actor, organization=lab.organization, name=f"Provider {number}"
        )
        for one in (connection, other):
            provisioning.issue_token(
                actor=actor, organization=lab.organization, connection=one, name=f"token {number}"
            )
            entry(one, status=409, detail="Taken.", scim_type="uniqueness")
            entry(one, changes={"active": [True, False]}, action="updated")
        teams.create(actor=actor, organization=lab.organization, name=f"team-{number}")

    grow(0)
    client.get(url)
    with django_assert_num_queries(QUERIES[which]):
        client.get(url)
    for number in range(1, 9):
        grow(number)
    with django_assert_num_queries(QUERIES[which]):
        assert client.get(url).status_code == 200
