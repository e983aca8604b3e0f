"""Pages on the wire."""

import pytest

from kernel.api.pagination import KeysetPagination
from kernel.clock import now
from kernel.jobs.models import Job

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kernel.throwaway")]


@pytest.fixture(autouse=True)
def jobs():
    return [
        Job.objects.create(kind=f"k{number}", due_at=now(), created_at=now()).wire_id
        for number in range(5)
    ]


def test_links_lead_through_the_list_and_back(client, jobs):
    first = client.get("/api/pages?limit=2&x=1")
    assert first.json()["data"] == jobs[::-1][:2]
    assert first.json()["page"]["previous"] is None
    link = first["Link"]
    assert link.startswith("<http://testserver/api/pages?")
    assert link.endswith('>; rel="next"')
    second = client.get(link[1 : link.index(">")])
    assert second.json()["data"] == jobs[::-1][2:4]
    assert second["Link"].count("rel=") == 2
    previous = client.get("/api/pages", {"limit": 2, "cursor": second.json()["page"]["previous"]})
    assert previous.json()["data"] == first.json()["data"]


def test_a_list_of_one_page_has_no_links(client, jobs):
    answer = client.get("/api/pages")
    assert answer.json()["page"] == {"next": None, "previous": None}
    assert "Link" not in answer


def test_the_caller_may_choose_the_order(client, jobs):
    assert client.get("/api/ordered?order=kind").json()["data"] == jobs
    assert client.get("/api/ordered?order=-kind").json()["data"] == jobs[::-1]


@pytest.mark.parametrize(
    ("query", "code"), [("limit=0", "invalid_limit"), ("cursor=x", "invalid_cursor")]
)
def test_a_bad_parameter_is_named(client, query, code):
    answer = client.get(f"/api/pages?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["parameter"] == query.split("=")[0]


def test_pages_are_described_for_openapi():
    names = [p["name"] for p in KeysetPagination().get_schema_operation_parameters(None)]
    assert names == ["cursor", "limit"]
    schema = KeysetPagination().get_paginated_response_schema({"type": "array"})
    assert schema["properties"]["data"] == {"type": "array"}
