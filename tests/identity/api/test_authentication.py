import base64

import pytest

from identity.actions import api_keys
from identity.models import APIKey
from identity.usage import keys
from tests.identity.conftest import as_user, bearer


def basic(name: str, password: str) -> dict[str, str]:
    encoded = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"HTTP_AUTHORIZATION": f"Basic {encoded}"}


WAYS = {
    "bearer": bearer,
    "bearer in lower case": lambda key: {"HTTP_AUTHORIZATION": f"bearer {key}"},
    "basic with the username": lambda key: basic("ci-bot", key),
    "basic with api": lambda key: basic("api", key),
    "basic without a name": lambda key: basic("", key),
    "basic with the key as name": lambda key: basic(key, ""),
    "X-API-Key": lambda key: {"HTTP_X_API_KEY": key},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("legacy", [False, True])
def test_a_key_is_accepted_in_every_documented_way(lab, api, way, legacy):
    issued = lab.key(legacy=legacy)
    answer = api.get("/api/v1/me", **WAYS[way](issued.secret))
    assert answer.status_code == 200
    body = answer.json()
    assert body["id"] == lab.machine.wire_id
    assert body["kind"] == "service_account"
    assert body["team"] == "vision"
    assert body["credential"]["prefix"] == issued.key.prefix
    assert issued.secret not in answer.content.decode()


def test_the_key_alone_decides_and_not_the_name_beside_it(lab, api):
    issued = lab.key()
    assert api.get("/api/v1/me", **basic("olga", issued.secret)).json()["name"] == "ci-bot"


def test_a_person_sees_their_organizations(lab, api):
    issued = lab.key(lab.member, organization=None, on_behalf_of=None)
    body = api.get("/api/v1/me", **bearer(issued.secret)).json()
    assert body["name"] == "max"
    assert [place["slug"] for place in body["organizations"]] == ["lab"]
    assert body["organizations"][0]["seat"] == "full"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "not_authenticated"),
        ({"HTTP_AUTHORIZATION": "Digest x"}, "unknown_scheme"),
        ({"HTTP_AUTHORIZATION": "Basic %%%"}, "malformed_credentials"),
        ({"HTTP_AUTHORIZATION": "Bearer nonsense"}, "key_unknown"),
        ({"HTTP_AUTHORIZATION": "Bearer "}, "key_unknown"),
        ({"HTTP_AUTHORIZATION": "Bearer " + "x" * 5000}, "key_unknown"),
        ({"HTTP_X_API_KEY": "0" * 40}, "key_unknown"),
        ({"HTTP_X_API_KEY": "a", "HTTP_AUTHORIZATION": "Bearer b"}, "two_credentials"),
    ],
)
def test_what_proves_nobody_is_a_problem_of_401(lab, api, headers, code):
    answer = api.get("/api/v1/me", **headers)
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert "Bearer" in answer["WWW-Authenticate"]


def test_a_revoked_key_fails_on_the_very_next_request(lab, api):
    issued = lab.key()
    assert api.get("/api/v1/me", **bearer(issued.secret)).status_code == 200
    api_keys.revoke(
        actor=as_user(lab.owner), organization=lab.organization, key=issued.key
    )
    answer = api.get("/api/v1/me", **bearer(issued.secret))
    assert (answer.status_code, answer.json()["code"]) == (401, "key_revoked")


def test_a_session_does_not_open_the_api(lab, client):
    client.force_login(lab.owner, backend="identity.accounts.backend.OneHashBackend")
    assert client.get("/api/v1/me").status_code == 401


def test_guessing_keys_is_stopped_and_a_right_key_from_the_same_place_is_not(lab, api, settings):
    settings.STEWARD_KEY_FAILURE_RATE = 3
    issued, revoked = lab.key(), lab.key()
    api_keys.revoke(
        actor=as_user(lab.owner), organization=lab.organization, key=revoked.key
    )
    for _ in range(3):
        assert api.get("/api/v1/me", **bearer("guess")).status_code == 401

    stopped = [api.get("/api/v1/me", **bearer(bad)) for bad in ("guess", revoked.secret)]
    right = api.get("/api/v1/me", **bearer(issued.secret))
    again = api.get("/api/v1/me", **bearer("guess"))

    assert [answer.status_code for answer in (*stopped, right, again)] == [429, 429, 200, 429]
    # What is stopped learns nothing of the key that it was sent with.
    assert len({answer.json()["code"] for answer in (*stopped, again)}) == 1
    assert all(int(answer["Retry-After"]) > 0 for answer in (*stopped, again))


def test_last_use_is_buffered_and_then_written(lab, api):
    issued = lab.key()
    keys.flush()
    api.get("/api/v1/me", HTTP_USER_AGENT="ci/1.0", **bearer(issued.secret))
    assert APIKey.objects.get(pk=issued.key.pk).last_used_at is None
    assert keys.flush() == 1
    row = APIKey.objects.get(pk=issued.key.pk)
    assert row.last_used_ip == "127.0.0.1"
    assert row.last_used_agent == "ci/1.0"
    before = row.last_used_at
    assert keys.flush() == 0
    api.get("/api/v1/me", **bearer(issued.secret))
    keys.flush()
    assert APIKey.objects.get(pk=issued.key.pk).last_used_at > before


def test_me_takes_a_bounded_number_of_queries(lab, api, django_assert_num_queries):
    issued = lab.key(lab.member)
    api.get("/api/v1/me", **bearer(issued.secret))
    with django_assert_num_queries(2):
        api.get("/api/v1/me", **bearer(issued.secret))


def test_a_person_changes_their_own_profile(lab, api):
    issued = lab.key(lab.member, organization=None)
    answer = api.patch(
        "/api/v1/me", {"display_name": "Max M."}, format="json", **bearer(issued.secret)
    )
    assert answer.status_code == 200
    assert answer.json()["display_name"] == "Max M."
    machine = lab.key()
    refused = api.patch(
        "/api/v1/me", {"display_name": "Bot"}, format="json", **bearer(machine.secret)
    )
    assert refused.status_code == 403
