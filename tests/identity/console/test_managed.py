"""What an identity provider manages, on the pages of members, teams and groups."""

import re

from identity.actions import scim_groups
from orgs.actions import teams
from orgs.models import Membership, Team
from tests.identity.conftest import as_user


def test_a_managed_member_is_not_offered_what_the_provider_decides(
    open_browser, lab, home, connection
):
    Membership.objects.filter(pk=lab.membership.pk).update(is_managed=True)
    client, slug = open_browser(lab.owner), lab.organization.slug
    wire_id = lab.membership.wire_id

    rows = client.get(f"/o/{slug}/members").content.decode()
    page = client.get(f"/o/{slug}/members/{wire_id}").content.decode()

    for text in (rows, page):
        assert "Managed" in text
        for act in ("deactivate", "reactivate", "remove"):
            assert f"{wire_id}/{act}" not in text
    assert f'href="{home}">Provisioning' in page
    assert f"/members/{wire_id}/role" in page
    refused = client.post(f"/o/{slug}/members/{wire_id}/deactivate")
    assert refused.status_code == 409
    own = open_browser(lab.member).get(f"/o/{slug}/members/{wire_id}").content.decode()
    assert f"{wire_id}/remove" in own
    assert f'href="{home}">Provisioning' not in own


def test_a_managed_team_is_not_offered_what_the_provider_decides(
    open_browser, lab, home, connection
):
    client, base = open_browser(lab.owner), f"/o/{lab.organization.slug}/teams"
    place = f"{base}/{lab.team.name}"
    teams.add_member(
        actor=as_user(lab.owner),
        organization=lab.organization,
        team=lab.team,
        member=lab.membership,
    )
    before = client.get(place).content.decode()
    assert f"{place}/add" in before
    assert "/remove" in before
    Team.objects.filter(pk=lab.team.pk).update(is_managed=True)

    page = client.get(place).content.decode()
    settings = client.get(f"{place}/settings").content.decode()

    assert "Managed" in client.get(base).content.decode()
    for text in (page, settings):
        assert "Managed by the identity provider" in text
        assert f'href="{home}">Provisioning' in text
        for act in (f"{place}/add", "/remove", f"{place}/delete"):
            assert act not in text
    assert re.search(r'name="display_name"[^>]*disabled', settings)
    version = Team.objects.get(pk=lab.team.pk).version
    kept = client.post(
        f"{place}/settings", {"display_name": "Other", "description": "New", "version": version}
    )
    assert kept.status_code == 303
    lab.team.refresh_from_db()
    assert (lab.team.display_name, lab.team.description) == ("", "New")


def test_a_group_that_a_provider_keeps_is_told_apart(open_browser, lab, home, provider):
    scim_groups.create(
        actor=provider, organization=lab.organization, display_name="Research", external_id="r-1"
    )

    page = open_browser(lab.owner).get(f"{home}/groups").content.decode()

    assert "Research" in page
    assert "r-1" in page
    assert "Managed" in page
