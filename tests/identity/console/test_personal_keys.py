"""One's own keys in the console: made, shown once, rotated, stopped, revoked, changed."""

import datetime as dt
import re

import pytest
import time_machine
from django.contrib.sessions.models import Session

from identity.models import APIKey
from identity.queries import recognise
from kernel.clock import now
from kernel.events.models import Event
from kernel.principal import Origin
from tests.identity.console.conftest import plain

QUERIES = 4
"""Session and person, the organizations to choose from, the keys."""

NEW = {"name": "Laptop", "lifetime": "90", "reach": "all", "organization": ""}
SECRET = re.compile(r"stw_[0-9A-Za-z]{10}_[0-9A-Za-z]{49}")


def secret_in(answer) -> str:
    """Return the key that a page shows."""
    found = re.search(r'<code id="secret"[^>]*>([^<]+)</code>', answer.content.decode())
    assert found
    return found.group(1)


def only_key() -> APIKey:
    return APIKey.objects.system_all().get()


def test_a_key_is_shown_in_the_answer_and_nowhere_else(open_browser, lab):
    client = open_browser(lab.member)

    answer = client.post("/account/keys/new", NEW)

    secret = secret_in(answer)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert recognise(secret, Origin(ip="127.0.0.1")).principal.id == lab.member.pk
    sessions = [session.get_decoded() for session in Session.objects.all()]
    events = list(Event.objects.system_all().values_list("changes", "target_label"))
    kept = str((sessions, events, list(APIKey.objects.system_all().values())))
    assert secret not in kept
    assert secret[-20:] not in kept
    later = client.get("/account/keys").content.decode()
    assert not SECRET.search(later)
    assert only_key().hint in later


def test_the_page_of_a_new_key_holds_working_examples(open_browser, lab):
    page = open_browser(lab.member).post("/account/keys/new", NEW).content.decode()

    assert "Authorization: Bearer $STEWARD_API_KEY" in page
    assert "http://testserver/api/v1/me" in page
    assert "STEWARD_API_KEY: ${{ secrets.STEWARD_API_KEY }}" in page
    assert 'download="steward.env"' in page
    assert "data:text/plain;charset=utf-8,STEWARD_API_KEY%3Dstw_" in page


def test_the_old_form_is_made_on_request(open_browser, lab):
    answer = open_browser(lab.member).post("/account/keys/new", {**NEW, "legacy": "on"})

    assert re.fullmatch("[0-9a-f]{40}", secret_in(answer))


def test_expiry_scopes_and_networks_are_kept(open_browser, lab):
    day = (now() + dt.timedelta(days=10)).date()

    open_browser(lab.member).post(
        "/account/keys/new",
        {
            **NEW,
            "organization": lab.organization.slug,
            "lifetime": "date",
            "expires_on": day.isoformat(),
            "reach": "some",
            "scopes": ["*.read", "team.update"],
            "allowed_networks": "203.0.113.7\n198.51.100.0/24, 2001:db8::/32",
        },
    )

    key = only_key()
    assert key.organization == lab.organization
    assert key.expires_at == dt.datetime.combine(
        day + dt.timedelta(days=1), dt.time.min, tzinfo=dt.UTC
    )
    assert key.scopes == ["*.read", "team.update"]
    assert key.allowed_networks == ["198.51.100.0/24", "2001:db8::/32", "203.0.113.7/32"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": ""}, "required"),
        ({"reach": "some"}, "Choose at least one scope."),
        ({"lifetime": "date"}, "Choose the last day."),
        ({"lifetime": "date", "expires_on": "2001-01-01"}, "Choose a time in the future."),
        ({"allowed_networks": "home"}, "is not an address or network"),
        ({"organization": "elsewhere"}, "Select a valid choice"),
    ],
)
def test_a_key_is_refused_beside_the_field(open_browser, lab, change, sentence):
    answer = open_browser(lab.member).post("/account/keys/new", {**NEW, **change})

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not APIKey.objects.system_all().exists()


def test_an_organization_can_forbid_personal_keys(open_browser, lab):
    lab.organization.allows_api_key_creation = False
    lab.organization.save(update_fields=["allows_api_key_creation"])

    answer = open_browser(lab.member).post(
        "/account/keys/new", {**NEW, "organization": lab.organization.slug}
    )

    assert answer.status_code == 403
    assert "does not allow personal API keys" in answer.content.decode()


def test_rotation_shows_the_successor_and_when_the_old_one_stops(open_browser, lab):
    client = open_browser(lab.member)
    old = lab.key(lab.member).key

    form = client.get(f"/account/keys/{old.wire_id}/rotate").content.decode()
    answer = client.post(f"/account/keys/{old.wire_id}/rotate", {"overlap": "86400"})

    assert old.hint in form
    assert recognise(secret_in(answer), Origin(ip="127.0.0.1"))
    assert "The old key stops in 23 h 59 min" in answer.content.decode()
    page = client.get("/account/keys").content.decode()
    assert "Being replaced" in page
    assert "Stops working in 23 h 59 min" in page
    assert "Extend" in page
    assert "Stop now" in page


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ({"overlap": "0"}, 0),
        ({"overlap": "3600"}, 3600),
        ({"overlap": "604800"}, 604800),
        ({"overlap": "custom", "hours": "36"}, 36 * 3600),
    ],
)
def test_the_overlap_is_as_long_as_was_chosen(open_browser, lab, typed, seconds):
    old = lab.key(lab.member).key

    open_browser(lab.member).post(f"/account/keys/{old.wire_id}/rotate", typed)

    old.refresh_from_db()
    assert abs((old.ends_at - now()).total_seconds() - seconds) < 10


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"overlap": "custom"}, "Say how many hours."),
        ({"overlap": "custom", "hours": "721"}, "less than or equal to 720"),
        ({"overlap": "5"}, "Select a valid choice"),
    ],
)
def test_an_impossible_overlap_is_refused(open_browser, lab, typed, sentence):
    old = lab.key(lab.member).key

    answer = open_browser(lab.member).post(f"/account/keys/{old.wire_id}/rotate", typed)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_a_rotated_key_is_not_rotated_again(open_browser, lab):
    client, old = open_browser(lab.member), lab.key(lab.member).key
    client.post(f"/account/keys/{old.wire_id}/rotate", {"overlap": "3600"})

    answer = client.post(f"/account/keys/{old.wire_id}/rotate", {"overlap": "3600"})

    assert answer.status_code == 409
    assert "Rotate the key that replaced it" in answer.content.decode()


def test_the_overlap_is_extended_and_stopped(open_browser, lab):
    client, issued = open_browser(lab.member), lab.key(lab.member)
    old = issued.key
    client.post(f"/account/keys/{old.wire_id}/rotate", {"overlap": "3600"})

    answer = client.post(f"/account/keys/{old.wire_id}/extend", {"overlap": "604800"})
    assert answer["Location"] == "/account/keys"
    assert "Stops working in 6 d 23 h" in client.get("/account/keys").content.decode()
    assert b"Stop the old key now?" in client.get(f"/account/keys/{old.wire_id}/stop").content
    client.post(f"/account/keys/{old.wire_id}/stop")

    old.refresh_from_db()
    assert old.state == "rotated_out"
    assert "Rotated out" in client.get("/account/keys").content.decode()


def test_a_rotated_key_that_is_still_used_is_pointed_out(open_browser, lab):
    client, old = open_browser(lab.member), lab.key(lab.member).key
    client.post(f"/account/keys/{old.wire_id}/rotate", {"overlap": "86400"})
    APIKey.objects.filter(pk=old.pk).update(
        last_used_at=now(), last_used_ip="203.0.113.9", last_used_agent="curl/8"
    )

    page = client.get("/account/keys").content.decode()

    assert "Still in use" in page
    assert "203.0.113.9<br>curl/8" in page


def test_revoking_is_asked_once_more_and_ends_the_key(open_browser, lab):
    client, key = open_browser(lab.member), lab.key(lab.member).key

    assert b"Revoke this key?" in client.get(f"/account/keys/{key.wire_id}/revoke").content
    answer = client.post(f"/account/keys/{key.wire_id}/revoke")

    assert (answer.status_code, answer["Location"]) == (303, "/account/keys")
    page = client.get("/account/keys").content.decode()
    assert f"{key.hint} does not work any more." in page
    key.refresh_from_db()
    assert key.state == "revoked"


def test_name_end_and_networks_change(open_browser, lab):
    client, key = open_browser(lab.member), lab.key(lab.member).key
    form = client.get(f"/account/keys/{key.wire_id}/edit").content.decode()
    assert 'value="test key"' in form

    typed = {
        "name": "Renamed",
        "lifetime": "keep",
        "allowed_networks": "203.0.113.7",
        "version": key.version,
    }
    answer = client.post(f"/account/keys/{key.wire_id}/edit", typed)

    assert answer["Location"] == "/account/keys"
    key.refresh_from_db()
    assert (key.name, key.allowed_networks, key.expires_at) == (
        "Renamed",
        ["203.0.113.7/32"],
        None,
    )
    stale = client.post(f"/account/keys/{key.wire_id}/edit", {**typed, "lifetime": "30"})
    assert stale.status_code == 412
    again = client.post(
        f"/account/keys/{key.wire_id}/edit",
        {**typed, "lifetime": "30", "version": key.version},
    )
    assert again["Location"] == "/account/keys"
    key.refresh_from_db()
    assert key.expires_soon is False
    assert key.expires_at is not None


def test_states_are_told_apart(open_browser, lab):
    client = open_browser(lab.member)
    lab.key(lab.member, name="short", expires_at=now() + dt.timedelta(days=3))
    assert "Expires soon" in client.get("/account/keys").content.decode()

    with time_machine.travel(now() + dt.timedelta(days=4)):
        # The session of four days ago is over as well.
        page = open_browser(lab.member).get("/account/keys").content.decode()

    assert "Expired" in page
    assert "Rotate" not in page.replace("Rotated", "")


@pytest.mark.parametrize("act", ["edit", "rotate", "extend", "stop", "revoke"])
def test_another_persons_key_looks_absent(open_browser, lab, act):
    key = lab.key(lab.owner).key
    client = open_browser(lab.member)

    theirs = client.get(f"/account/keys/{key.wire_id}/{act}")
    absent = client.get(f"/account/keys/key_{'0' * 32}/{act}")

    assert theirs.status_code == absent.status_code == 404
    assert plain(theirs.content) == plain(absent.content)
    assert client.post(f"/account/keys/{key.wire_id}/{act}", {"overlap": "0"}).status_code == 404
    key.refresh_from_db()
    assert key.state == "active"


def test_the_list_costs_the_same_for_one_and_for_fifty(
    open_browser, lab, django_assert_num_queries
):
    client = open_browser(lab.member)
    lab.key(lab.member)
    client.get("/account/keys")
    with django_assert_num_queries(QUERIES):
        client.get("/account/keys")
    for number in range(49):
        lab.key(lab.member, name=f"key {number}")

    with django_assert_num_queries(QUERIES):
        page = client.get("/account/keys").content.decode()

    assert page.count("Never used") == 50


def test_fragment_of_the_dialog_is_no_whole_page(open_browser, lab):
    key = lab.key(lab.member).key

    answer = open_browser(lab.member).get(
        f"/account/keys/{key.wire_id}/revoke",
        headers={"HX-Request": "true", "HX-Target": "dialog"},
    )

    assert b"<html" not in answer.content
    assert b'hx-target="#dialog"' in answer.content


def test_the_last_day_of_time_is_refused_beside_its_field(lab, open_browser):
    answer = open_browser(lab.member).post(
        "/account/keys/new",
        {"name": "x", "lifetime": "date", "expires_on": "9999-12-31", "reach": "all"},
    )
    assert answer.status_code == 422
    assert b"Choose an earlier day." in answer.content
