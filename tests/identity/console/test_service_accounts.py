"""Service accounts in the console, and the wall around them."""

import datetime as dt
import re

import pytest

from identity.actions import api_keys
from identity.models import APIKey
from identity.queries import recognise
from kernel.clock import now
from kernel.principal import Origin
from orgs.actions import members, roles, service_accounts, teams
from orgs.models import ServiceAccount
from tests.identity.conftest import as_user, person

NEW_KEY = {"name": "CI", "lifetime": "90", "reach": "all"}
NEW = {"name": "nightly", "description": "Trains", "team": "vision", "role": "member"}

QUERIES = {"list": 12, "detail": 11, "keys": 8}
"""What pages cost for one row and for fifty: about half is the session's and the door's."""


@pytest.fixture
def home(lab) -> str:
    return f"/o/{lab.organization.slug}/service-accounts"


@pytest.fixture
def machine_page(lab, home) -> str:
    return f"{home}/{lab.machine.wire_id}"


def test_the_list_goes_on_where_a_page_ends(open_browser, lab, home):
    for number in range(25):
        service_accounts.create(
            actor=as_user(lab.owner), organization=lab.organization, name=f"bot-{number}"
        )
    browser = open_browser(lab.owner)
    first = browser.get(home).content.decode()
    assert "bot-24" in first
    cursor = re.search(r"[?&;]cursor=([\w-]+)", first).group(1)
    second = browser.get(home, {"cursor": cursor}).content.decode()
    assert "ci-bot" in second
    assert "bot-24" not in second


def test_a_page_of_keys_goes_on_where_it_ends(open_browser, lab):
    for number in range(49):
        lab.key(name=f"key {number}")
    for number in range(3):
        lab.key(lab.owner, name=f"own {number}")
    browser = open_browser(lab.owner)
    first = browser.get(f"/o/{lab.organization.slug}/keys")
    assert first.status_code == 200
    cursor = re.search(r"[?&;]cursor=([\w-]+)", first.content.decode()).group(1)
    second = browser.get(f"/o/{lab.organization.slug}/keys", {"cursor": cursor})
    assert "key 0" in second.content.decode()


def test_the_list_shows_accounts_with_their_living_keys(open_browser, lab, home):
    living, ended = lab.key(name="in use").key, lab.key(name="gone").key
    api_keys.revoke(actor=as_user(lab.owner), organization=lab.organization, key=ended)

    page = open_browser(lab.owner).get(home).content.decode()

    assert "ci-bot" in page
    assert "vision" in page
    assert living.hint in page
    assert ended.hint not in page
    assert 'aria-current="page"' in page


def test_an_empty_list_says_what_it_is_for(open_browser, lab, home):
    service_accounts.delete(
        actor=as_user(lab.owner), organization=lab.organization, account=lab.machine
    )

    page = open_browser(lab.owner).get(home).content.decode()

    assert "No service account yet" in page
    assert page.count("New service account") >= 2


def test_the_list_is_searched_and_filtered(open_browser, lab, home):
    client = open_browser(lab.owner)
    key = lab.key(expires_at=now() + dt.timedelta(days=3)).key
    service_accounts.create(
        actor=as_user(lab.owner), organization=lab.organization, name="grafana"
    )

    def names(query: str) -> set[str]:
        page = client.get(f"{home}?{query}").content.decode()
        return set(re.findall(r'class="linked" href="[^"]+">([^<]+)<', page))

    assert names("") == {"ci-bot", "grafana"}
    assert names("q=graf") == {"grafana"}
    assert names(f"q=stw_{key.key_id}") == {"ci-bot"}
    assert names("show=expiring") == names("show=unused") == {"ci-bot"}
    assert names("q=%00nothing") == set()
    assert "Keys expire within 14 days" in client.get(home).content.decode()
    assert "No service account matches" in client.get(f"{home}?q=nothing").content.decode()
    assert client.get(f"{home}?cursor=nonsense").status_code in (400, 422)


def test_an_account_is_made_in_a_team_with_a_role(open_browser, lab, home):
    role = roles.create(
        actor=as_user(lab.owner),
        organization=lab.organization,
        name="Runner",
        scope="team",
        inherits="viewer",
        added=["project.contribute"],
    )
    client = open_browser(lab.owner)
    form = client.get(f"{home}/new").content.decode()
    assert '<option value="vision">' in form
    assert "Runner" in form

    answer = client.post(f"{home}/new", {**NEW, "role": role.wire_id})

    account = ServiceAccount.objects.of(lab.organization).get(name="nightly")
    assert answer["Location"] == f"{home}/{account.wire_id}"
    assert (account.team, account.custom_role, account.role) == (lab.team, role, "viewer")
    assert "Make its first key now." in client.get(answer["Location"]).content.decode()


def test_an_account_without_a_team_is_the_organizations(open_browser, lab, home):
    open_browser(lab.owner).post(f"{home}/new", {**NEW, "team": "", "role": "billing_admin"})

    account = ServiceAccount.objects.of(lab.organization).get(name="nightly")
    assert (account.team, account.role) == (None, "billing_admin")


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"name": ""}, 422, "required"),
        ({"name": "a b"}, 422, "Use letters"),
        ({"name": "ci-bot"}, 409, "already"),
        ({"team": "nowhere"}, 422, "There is no team of this name"),
        ({"role": "owner"}, 422, "Select a valid choice"),
        ({"role": "billing_admin"}, 422, "Choose one of"),
    ],
)
def test_an_account_is_refused_with_a_reason(open_browser, lab, home, change, status, sentence):
    answer = open_browser(lab.owner).post(f"{home}/new", {**NEW, **change})

    assert answer.status_code == status
    assert sentence in answer.content.decode()
    assert not ServiceAccount.objects.of(lab.organization).filter(name="nightly").exists()


def test_an_account_is_changed_and_a_lost_update_is_told(open_browser, lab, machine_page):
    client = open_browser(lab.owner)
    assert b'value="ci-bot"' in client.get(f"{machine_page}/edit").content
    typed = {"name": "ci", "description": "New", "role": "viewer", "version": lab.machine.version}

    assert client.post(f"{machine_page}/edit", typed)["Location"] == machine_page
    stale = client.post(f"{machine_page}/edit", {**typed, "name": "other"})

    assert stale.status_code == 412
    assert 'value="other"' in stale.content.decode()
    lab.machine.refresh_from_db()
    assert (lab.machine.name, lab.machine.role) == ("ci", "viewer")


def test_a_disabled_account_is_told_apart_and_enabled_again(open_browser, lab, machine_page):
    client, issued = open_browser(lab.owner), lab.key()

    client.post(f"{machine_page}/disable")
    assert "Its keys are refused since" in client.get(machine_page).content.decode()
    refused = client.post(f"{machine_page}/keys/new", NEW_KEY)
    assert refused.status_code == 403
    assert "Enable it first" in refused.content.decode()
    client.post(f"{machine_page}/enable")

    assert recognise(issued.secret, Origin(ip="127.0.0.1"))
    assert "Its keys are refused since" not in client.get(machine_page).content.decode()


def test_deletion_needs_the_name_typed(open_browser, lab, machine_page, home):
    client, key = open_browser(lab.owner), lab.key().key
    assert b'data-confirm="ci-bot"' in client.get(f"{machine_page}/delete").content

    wrong = client.post(f"{machine_page}/delete", {"confirmation": "ci"})
    assert (wrong.status_code, b"This is not the name." in wrong.content) == (422, True)
    answer = client.post(f"{machine_page}/delete", {"confirmation": "ci-bot"})

    assert answer["Location"] == home
    assert not ServiceAccount.objects.of(lab.organization).exists()
    assert not APIKey.objects.of(lab.organization).live(now()).filter(pk=key.pk).exists()


def test_a_key_of_a_machine_is_shown_once(open_browser, lab, machine_page):
    client = open_browser(lab.owner)
    assert b"New key for ci-bot" in client.get(f"{machine_page}/keys/new").content

    answer = client.post(
        f"{machine_page}/keys/new", {**NEW_KEY, "reach": "some", "scopes": ["*.read"]}
    )

    secret = re.search(r'<code id="secret"[^>]*>([^<]+)<', answer.content.decode())
    assert secret
    assert answer["Cache-Control"] == "no-store"
    known = recognise(secret.group(1), Origin(ip="127.0.0.1"))
    assert known.principal.id == lab.machine.pk
    assert known.principal.scopes == {"*.read"}
    assert secret.group(1) not in client.get(machine_page).content.decode()


def test_a_machines_key_is_rotated_by_whoever_manages_it(open_browser, lab, machine_page):
    client, old = open_browser(lab.owner), lab.key().key
    base = f"/o/{lab.organization.slug}/keys/{old.wire_id}"

    answer = client.post(f"{base}/rotate", {"overlap": "86400"})
    assert b"The old key stops in 23 h" in answer.content
    client.post(f"{base}/extend", {"overlap": "3600"})
    assert "Stops working in 59 min" in client.get(machine_page).content.decode()
    answer = client.post(f"{base}/stop")

    assert answer["Location"] == machine_page
    old.refresh_from_db()
    assert old.state == "rotated_out"


def test_people_see_the_accounts_of_their_teams_only(open_browser, lab, home, machine_page):
    service_accounts.create(
        actor=as_user(lab.owner), organization=lab.organization, name="everywhere"
    )
    outside = open_browser(lab.member)
    assert "No service account yet" in outside.get(home).content.decode()
    assert outside.get(machine_page).status_code == 404

    teams.add_member(
        actor=as_user(lab.owner),
        organization=lab.organization,
        team=lab.team,
        member=lab.membership,
        role="member",
    )

    page = outside.get(home).content.decode()
    assert "ci-bot" in page
    assert "everywhere" not in page
    assert "New service account" not in page
    assert "New key" not in outside.get(machine_page).content.decode()
    assert outside.post(f"{machine_page}/disable").status_code == 403
    assert outside.post(f"{machine_page}/keys/new", NEW_KEY).status_code == 403


def test_a_team_admin_manages_the_teams_accounts(open_browser, lab, home, machine_page):
    teams.add_member(
        actor=as_user(lab.owner),
        organization=lab.organization,
        team=lab.team,
        member=lab.membership,
        role="admin",
    )
    client, key = open_browser(lab.member), lab.key().key

    page = client.get(home).content.decode()
    assert "New service account" in page
    assert f"{key.wire_id}/rotate" in page
    assert client.post(f"{home}/new", NEW).status_code == 303
    assert client.post(f"{home}/new", {**NEW, "name": "x", "team": ""}).status_code == 403
    assert client.post(f"{machine_page}/keys/new", NEW_KEY).status_code == 200


def test_all_keys_of_the_organization_are_listed_for_those_who_may_read_them(open_browser, lab):
    url = f"/o/{lab.organization.slug}/keys"
    personal, machine = lab.key(lab.member, name="max’s").key, lab.key(name="bot’s").key
    ended = lab.key(name="old").key
    api_keys.revoke(actor=as_user(lab.owner), organization=lab.organization, key=ended)
    client = open_browser(lab.owner)

    page = client.get(url).content.decode()
    for key in (personal, machine, ended):
        assert key.hint in page
    assert f"{personal.wire_id}/revoke" in page
    assert f"{personal.wire_id}/rotate" not in page
    assert f"{machine.wire_id}/rotate" in page
    assert ended.hint not in client.get(f"{url}?state=live").content.decode()
    assert personal.hint not in client.get(f"{url}?state=ended").content.decode()
    assert machine.hint not in client.get(f"{url}?q=stw_{personal.key_id}").content.decode()
    assert "No key matches" in client.get(f"{url}?q=nothing").content.decode()
    refused = open_browser(lab.member).get(url)
    assert refused.status_code == 403
    assert "api_key.read" in refused.content.decode()


def test_an_admin_revokes_a_persons_key_and_never_gets_one(open_browser, lab):
    key = lab.key(lab.member).key
    client, base = open_browser(lab.owner), f"/o/{lab.organization.slug}/keys/{key.wire_id}"

    refused = client.post(f"{base}/rotate", {"overlap": "0"})
    assert "Only the person themselves can rotate their key." in refused.content.decode()
    assert APIKey.objects.of(lab.organization).filter(user=lab.member).count() == 1
    answer = client.post(f"{base}/revoke")

    assert answer["Location"] == f"/o/{lab.organization.slug}/keys"
    key.refresh_from_db()
    assert key.state == "revoked"
    assert key.revoked_by == "olga"


PAGES = (
    "service-accounts",
    "service-accounts/new",
    "service-accounts/{machine}",
    "service-accounts/{machine}/edit",
    "service-accounts/{machine}/delete",
    "service-accounts/{machine}/keys/new",
    "keys",
    "keys/{key}/edit",
    "keys/{key}/rotate",
    "keys/{key}/extend",
    "keys/{key}/stop",
    "keys/{key}/revoke",
)
POSTS = tuple(f"service-accounts/{{machine}}/{act}" for act in ("disable", "enable"))


def paths(lab) -> list[str]:
    names = {"machine": lab.machine.wire_id, "key": lab.key().key.wire_id}
    return [path.format(**names) for path in (*PAGES, *POSTS)]


def test_a_visitor_is_led_to_the_sign_in(open_browser, lab):
    for path in paths(lab):
        answer = open_browser().get(f"/o/{lab.organization.slug}/{path}")
        assert answer["Location"].startswith("/account/login/?next=/o/"), path


@pytest.mark.parametrize("place", ["list", "detail", "keys"])
def test_pages_cost_the_same_for_one_row_and_for_fifty(
    open_browser, lab, place, django_assert_num_queries
):
    slug, owner = lab.organization.slug, as_user(lab.owner)
    url = {
        "list": f"/o/{slug}/service-accounts",
        "detail": f"/o/{slug}/service-accounts/{lab.machine.wire_id}",
        "keys": f"/o/{slug}/keys",
    }[place]
    client = open_browser(lab.owner)
    lab.key()
    client.get(url)
    with django_assert_num_queries(QUERIES[place]):
        client.get(url)
    for number in range(49):
        if place == "list" and number < 19:
            team = teams.create(
                actor=owner, organization=lab.organization, name=f"team-{number}"
            )
            account = service_accounts.create(
                actor=owner, organization=lab.organization, team=team, name=f"bot-{number}"
            )
            lab.key(account, name=f"key {number}")
        else:
            lab.key(name=f"key {number}") if place != "keys" else lab.key(
                service_accounts.create(
                    actor=owner, organization=lab.organization, name=f"bot-{number}"
                )
            )

    with django_assert_num_queries(QUERIES[place]):
        assert client.get(url).content.count(b"Never used") > 40


def test_a_member_of_two_teams_costs_no_more_than_of_one(open_browser, lab, home):
    newcomer = person("nora")
    member = members.provision(
        actor=as_user(lab.owner), organization=lab.organization, user=newcomer, role="member"
    )
    for name in ("one", "two"):
        team = teams.create(actor=as_user(lab.owner), organization=lab.organization, name=name)
        teams.add_member(
            actor=as_user(lab.owner),
            organization=lab.organization,
            team=team,
            member=member,
            role="admin",
        )
        service_accounts.create(
            actor=as_user(lab.owner), organization=lab.organization, team=team, name=f"bot-{name}"
        )

    page = open_browser(newcomer).get(home).content.decode()

    assert page.count("New key for bot-") == 2


def test_the_work_of_a_key_is_attributed_to_a_member(open_browser, lab):
    url = f"/o/{lab.organization.slug}/service-accounts/{lab.machine.wire_id}/keys/new"
    data = {"name": "CI", "lifetime": "90", "reach": "all", "on_behalf_of": "max"}
    browser = open_browser(lab.owner)
    assert browser.post(url, data).status_code == 200
    assert APIKey.objects.get(name="CI").on_behalf_of == lab.member
    refused = browser.post(url, {**data, "name": "no", "on_behalf_of": "sven"})
    assert refused.status_code == 422
    assert "not an active member" in refused.content.decode()
    assert not APIKey.objects.filter(name="no").exists()
