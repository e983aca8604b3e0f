"""Values that no client of good faith sends, wherever one is taken: never a fault of ours."""

import json

import pytest
from django.db import transaction

from kernel.api.endpoint import endpoints
from tests.wire.table import TABLE, Line
from tests.wire.test_permissions_table import send, url_of

pytestmark = pytest.mark.django_db

VIEWS = {name.split(":")[-1]: view for name, _, view in endpoints()}

TEXTS = {
    "nul": "a\x00b",
    "lone surrogate": "\ud800",
    "long": "x" * 5000,
    "override": "\u202eevil\u2066",
    "format": "%s%n{0}{x.__class__}",
    "sql": "'; DROP TABLE orgs_team; --",
    "template": "{{ settings.SECRET_KEY }}{% debug %}",
    "newline": "a\r\nSet-Cookie: x=1",
}
IN_BODIES = [
    *(TEXTS[name] for name in ("nul", "lone surrogate", "long")),
    None, -1, 2**70, [None], {"$ne": ""},
]  # fmt: skip
IN_QUERIES = [
    *(TEXTS[name] for name in ("nul", "lone surrogate", "sql")),
    "9" * 400, "9999-99-99", "0001-01-01T00:00:00+23:59",
]  # fmt: skip

WITH_BODY = [line for line in TABLE if line.body]
WITH_QUERY = [
    line
    for line in TABLE
    if line.method == "GET" and VIEWS[line.route].query_parameters("GET")
]


def _variants(body: dict):
    """Yield the body with one member at a time replaced by each hostile value."""
    for name, usual in body.items():
        for value in IN_BODIES:
            yield {**body, name: value}
            if isinstance(usual, list):
                yield {**body, name: [value]}


@pytest.mark.parametrize("line", WITH_BODY, ids=str)
def test_no_value_in_a_body_is_a_fault_of_ours(client, acme, line: Line):
    owner = acme.owner
    ids = {**acme.ids, **(line.given(acme, owner) if line.given else {})}
    for body in _variants(line.body):
        changed = Line(line.method, line.route, line.permission, line.success, body)
        with transaction.atomic():
            answer = send(client, changed, ids, owner)
            transaction.set_rollback(True)
        assert answer.status_code < 500, (body, answer.content)
        assert "Set-Cookie: x=1" not in str(answer.headers)


@pytest.mark.parametrize("line", WITH_QUERY, ids=str)
def test_no_value_in_a_query_is_a_fault_of_ours(client, acme, line: Line):
    url = url_of(Line("GET", line.route, None, 200), acme.ids)
    for name in sorted(VIEWS[line.route].query_parameters("GET")):
        for value in IN_QUERIES:
            given = value.encode("utf-8", "surrogatepass").decode("latin-1")
            answer = client.get(url, {name: given}, headers=acme.owner.headers)
            assert answer.status_code < 500, (name, value, answer.content)


@pytest.mark.parametrize("value", TEXTS.values(), ids=TEXTS)
def test_no_header_is_a_fault_of_ours(client, acme, value):
    raw = value.encode("utf-8", "surrogatepass").decode("latin-1")
    url = f"/api/v1/organizations/{acme.organization.slug}"
    for name in (
        "Accept", "Accept-Language", "If-Match", "If-None-Match", "Idempotency-Key",
        "User-Agent", "X-Request-Id", "X-Forwarded-For", "X-Forwarded-Proto", "Origin",
        "Content-Type", "Cookie", "Referer", "HX-Request", "HX-Current-URL",
    ):  # fmt: skip
        headers = {**acme.owner.headers, name: raw}
        assert client.get(url, headers=headers).status_code < 500, name
        answer = client.post(
            f"{url}/teams", json.dumps({}), content_type="application/json", headers=headers
        )
        assert answer.status_code < 500, name
        assert client.get("/account/login/", headers={name: raw}).status_code < 500, name
        alone = client.get(url, headers={"Authorization": raw})
        assert alone.status_code in {400, 401}
