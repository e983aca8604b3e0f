"""Bad input gets a problem document with a stable code, never a 500, on every route."""

import json
from typing import Any

import pytest

from kernel.api.problem import CONTENT_TYPE
from tests.wire.stage import Stage
from tests.wire.table import TABLE, Line
from tests.wire.test_permissions_table import ROUTES, send, url_of

pytestmark = pytest.mark.django_db

NOT_JSON: tuple[Any, ...] = (
    "{",
    " ",
    "nonsense",
    '{"a": NaN}',
    "\ud800".encode("utf-8", "surrogatepass"),
    "[" * 100_000,
)
WRONG = ({"a": 1}, [[1]], 12.5, True, "\x00", None, "x" * 9000)
WITH_BODY = [line for line in TABLE if line.body is not None]
POSTS = [line for line in TABLE if line.method == "POST"]
OBJECTS = [
    line for line in TABLE if line.method == "GET" and not ROUTES[line.route][2].is_list
]
MERGES = [line for line in TABLE if line.method == "PATCH"]


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content.decode()
    assert response.headers["Content-Type"] == CONTENT_TYPE
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["type"].endswith(f"/docs/errors/{code}")
    assert document["title"]
    assert document["detail"]
    assert document["instance"].endswith(response.headers["X-Request-Id"])
    return document


def prepared(line: Line, stage: Stage) -> dict[str, str]:
    """Prepare the stage for a line, once, and return the parts of its URL."""
    return {**stage.ids, **(line.given(stage, stage.owner) if line.given else {})}


def ask(
    client: Any,
    line: Line,
    stage: Stage,
    data: Any = None,
    ids: dict[str, str] | None = None,
    **headers: str,
) -> Any:
    return client.generic(
        line.method,
        url_of(line, ids or prepared(line, stage)),
        "" if data is None else data,
        content_type=headers.pop("content_type", "application/json"),
        headers={**stage.owner.headers, **headers},
    )


@pytest.mark.parametrize("line", TABLE, ids=str)
def test_an_unknown_parameter_is_refused(line: Line, acme: Stage, client: Any) -> None:
    ids = prepared(line, acme)
    url = url_of(line, ids)
    url += ("&" if "?" in url else "?") + "colour=blue"
    response = client.generic(line.method, url, headers=acme.owner.headers)
    assert problem(response, 400, "bad_parameter")["parameter"] == "colour"


@pytest.mark.parametrize("line", WITH_BODY, ids=str)
def test_what_is_not_json_is_malformed(line: Line, acme: Stage, client: Any) -> None:
    ids = prepared(line, acme)
    for text in NOT_JSON:
        problem(ask(client, line, acme, text, ids), 400, "malformed_request")


@pytest.mark.parametrize("line", WITH_BODY, ids=str)
def test_a_body_that_is_no_object_is_refused(line: Line, acme: Stage, client: Any) -> None:
    ids = prepared(line, acme)
    for data in ("[]", "1", '"text"', "null", "true"):
        document = problem(ask(client, line, acme, data, ids), 422, "invalid")
        assert document["errors"][0]["pointer"] == ""


@pytest.mark.parametrize("line", WITH_BODY, ids=str)
def test_an_unknown_member_is_named(line: Line, acme: Stage, client: Any) -> None:
    document = problem(ask(client, line, acme, '{"no/such~member": 1}'), 422, "invalid")
    pointers = {error["pointer"]: error["code"] for error in document["errors"]}
    assert pointers["/no~1such~0member"] == "unknown_field"


@pytest.mark.parametrize("line", [line for line in WITH_BODY if line.body], ids=str)
def test_a_wrong_type_is_refused_with_a_pointer(line: Line, acme: Stage, client: Any) -> None:
    assert line.body is not None
    ids = prepared(line, acme)
    for name, good in line.body.items():
        for value in WRONG:
            fits = type(good) is type(value) and not isinstance(value, str)
            takes_null = value is None and name == "is_on"
            if not fits and not takes_null:
                response = ask(client, line, acme, json.dumps({**line.body, name: value}), ids)
                document = problem(response, 422, "invalid")
                assert any(error["pointer"].startswith(f"/{name}") for error in document["errors"])


@pytest.mark.parametrize("line", WITH_BODY, ids=str)
def test_another_media_type_is_not_supported(line: Line, acme: Stage, client: Any) -> None:
    response = ask(client, line, acme, "name=x", content_type="application/x-www-form-urlencoded")
    problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("line", WITH_BODY, ids=str)
def test_a_body_beyond_the_limit_is_too_large(line: Line, acme: Stage, client: Any) -> None:
    problem(ask(client, line, acme, '{"name": "' + "x" * 1_100_000 + '"}'), 413, "body_too_large")


@pytest.mark.parametrize("line", POSTS, ids=str)
def test_a_post_with_the_same_key_has_one_effect_and_one_answer(
    line: Line, acme: Stage, client: Any
) -> None:
    ids = prepared(line, acme)
    text = json.dumps(line.body or {})
    for name in ("outsider", "team"):
        text = text.replace("{" + name + "}", ids[name])

    def post(data: str) -> Any:
        return client.generic(
            "POST",
            url_of(line, ids),
            data,
            content_type="application/json",
            headers={**acme.owner.headers, "Idempotency-Key": "once-only"},
        )

    first, again = post(text), post(text)
    assert first.status_code == line.success, first.content.decode()
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    for name in ("ETag", "Location"):
        assert again.headers.get(name) == first.headers.get(name)
    problem(post(text + " "), 422, "idempotency_key_reused")


@pytest.mark.parametrize("line", MERGES, ids=str)
def test_a_lost_update_is_refused(line: Line, acme: Stage, client: Any) -> None:
    text = json.dumps(line.body)
    problem(ask(client, line, acme, text, **{"If-Match": '"99-abc"'}), 412, "lost_update")
    problem(ask(client, line, acme, text, **{"If-Match": '"other"'}), 412, "lost_update")
    read = send(client, _reading(line), acme.ids, acme.owner)
    changed = ask(client, line, acme, text, **{"If-Match": read.headers["ETag"]})
    assert changed.status_code == 200, changed.content.decode()
    problem(ask(client, line, acme, text, **{"If-Match": read.headers["ETag"]}), 412, "lost_update")
    assert changed.headers["ETag"] != read.headers["ETag"]


@pytest.mark.parametrize("line", OBJECTS, ids=str)
def test_what_the_caller_has_already_is_not_sent_again(
    line: Line, acme: Stage, client: Any
) -> None:
    first = ask(client, line, acme)
    again = ask(client, line, acme, **{"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.content == b""
    weak = ask(client, line, acme, **{"If-None-Match": f"W/{first.headers['ETag']}"})
    assert weak.status_code == 304


@pytest.mark.parametrize("line", TABLE, ids=str)
def test_every_answer_says_where_the_caller_stands(
    line: Line, acme: Stage, client: Any, settings: Any
) -> None:
    settings.STEWARD_API_RATE = 600
    response = ask(client, line, acme, json.dumps(line.body) if line.body else None)
    assert response.headers["RateLimit-Policy"] == '"default";q=600;w=60'
    assert response.headers["X-RateLimit-Limit"] == "600"
    assert int(response.headers["X-RateLimit-Remaining"]) == 599


def test_beyond_the_limit_the_answer_is_429(acme: Stage, client: Any, settings: Any) -> None:
    settings.STEWARD_API_RATE = 2
    url = "/api/v1/organizations"
    for _ in range(2):
        assert client.get(url, headers=acme.owner.headers).status_code == 200
    response = client.get(url, headers=acme.owner.headers)
    problem(response, 429, "throttled")
    assert int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "url",
    [
        "organizations/%00",
        "organizations/%00/members",
        "organizations/ACME/members",
        "organizations/acme/teams/%00",
        "organizations/acme/teams/a%2Fb",
        "organizations/acme/members/%00",
        "organizations/acme/members/mem_",
        "organizations/acme/members/0",
        "organizations/acme/features/%00",
        "organizations/acme/projects/proj_zz",
        "organizations/acme/roles/admin",
        "organizations/acme/audit-events/evt_1",
        "organizations/acme/api-keys/%FF",
        "organizations/org_%F0%9F%98%80",
        "no-such-thing",
    ],
)
def test_an_address_that_cannot_be_is_not_found(url: str, acme: Stage, client: Any) -> None:
    problem(client.get(f"/api/v1/{url}", headers=acme.owner.headers), 404, "not_found")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("members?limit=0", "invalid_limit"),
        ("members?limit=101", "invalid_limit"),
        ("members?limit=ten", "invalid_limit"),
        ("members?cursor=nonsense", "invalid_cursor"),
        ("members?status=asleep", "bad_parameter"),
        ("members?q=%00", "bad_parameter"),
        ("members?q=", "bad_parameter"),
        ("audit-events?since=yesterday", "bad_parameter"),
        ("invitations?state=maybe", "bad_parameter"),
        ("seats?limit=5", "bad_parameter"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(
    query: str, code: str, acme: Stage, client: Any
) -> None:
    url = f"/api/v1/organizations/acme/{query}"
    document = problem(client.get(url, headers=acme.owner.headers), 400, code)
    assert document["parameter"]


def test_head_answers_as_get_without_a_body(acme: Stage, client: Any) -> None:
    response = client.head("/api/v1/organizations/acme", headers=acme.owner.headers)
    assert response.status_code == 200
    assert response.headers["ETag"]


def test_pages_lead_on_and_back(acme: Stage, client: Any) -> None:
    url = "/api/v1/organizations/acme/members?limit=4"
    seen: list[str] = []
    page = client.get(url, headers=acme.owner.headers).json()
    seen += [member["id"] for member in page["data"]]
    while page["page"]["next"]:
        step = client.get(f"{url}&cursor={page['page']['next']}", headers=acme.owner.headers)
        assert 'rel="prev"' in step.headers["Link"]
        page = step.json()
        seen += [member["id"] for member in page["data"]]
    assert len(seen) == len(set(seen)) == acme.organization.member_count + 1  # one deactivated
    back = client.get(f"{url}&cursor={page['page']['previous']}", headers=acme.owner.headers).json()
    assert back["data"][-1]["id"] == seen[-1 - len(page["data"])]


def _reading(line: Line) -> Line:
    return next(other for other in TABLE if other.method == "GET" and other.route == line.route)
