"""Every family of errors has its problem document, and none says too much."""

import pytest
from django.test import Client

from tests.kernel.throwaway import FAILURES

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kernel.throwaway")]

EXPECTED = {
    "domain": (400, "domain_error"),
    "parameter": (400, "bad_parameter"),
    "limit": (402, "limit_reached"),
    "child": (402, "seat_limit"),
    "denied": (403, "denied"),
    "missing": (404, "not_found"),
    "conflict": (409, "conflict"),
    "gone": (410, "gone"),
    "stale": (412, "lost_update"),
    "invalid": (422, "invalid"),
    "throttled": (429, "throttled"),
    "unavailable": (503, "unavailable"),
    "drf-parse": (400, "malformed_request"),
    "drf-404": (404, "not_found"),
    "drf-403": (403, "denied"),
    "drf-401": (401, "not_authenticated"),
    "drf-401-code": (401, "key_expired"),
    "drf-405": (405, "method_not_allowed"),
    "drf-406": (406, "not_acceptable"),
    "drf-415": (415, "unsupported_media_type"),
    "drf-429": (429, "throttled"),
    "http404": (404, "not_found"),
    "http403": (403, "denied"),
    "too-big": (413, "body_too_large"),
    "suspicious": (400, "malformed_request"),
    "bad-request": (400, "malformed_request"),
    "cut": (400, "malformed_request"),
    "db-busy": (503, "unavailable"),
    "db-gone": (503, "unavailable"),
    "db-table": (500, "internal_error"),
    "unique": (409, "conflict"),
    "integrity": (500, "internal_error"),
    "bug": (500, "internal_error"),
}


def fail(name, **headers):
    return Client(raise_request_exception=False).get(f"/api/fails/{name}", headers=headers)


def test_every_failure_is_expected():
    assert set(EXPECTED) == set(FAILURES)


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_a_problem_document(name):
    answer = fail(name, x_request_id="req-12345678")
    status, code = EXPECTED[name]
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Cache-Control"] == "no-store"
    assert body["type"] == f"http://testserver/docs/errors/{code}"
    assert body["instance"] == "urn:steward:request:req-12345678"
    assert body["title"]
    assert body["detail"]
    assert "secret detail" not in answer.content.decode()
    assert ("Retry-After" in answer) == (status in {429, 503})


def test_what_is_absent_never_differs():
    bodies = {fail(name, x_request_id="req-12345678").content
              for name in ("missing", "http404", "drf-404")}
    assert len(bodies) == 1


def test_members_beyond_the_standard():
    assert fail("limit").json()["upgrade_url"] == "https://x/seats"
    assert fail("child").json()["limit"] == 5
    denied = fail("denied").json()
    assert (denied["permission"], denied["reason"]) == ("member.invite", "role viewer lacks it")
    assert fail("parameter").json()["parameter"] == "q"
    assert fail("stale").json()["current_version"] == 4


def test_times_to_wait():
    assert fail("throttled")["Retry-After"] == "7"
    assert fail("drf-429")["Retry-After"] == "2"


def test_a_challenge_says_how_to_prove_who_one_is():
    assert fail("drf-401")["WWW-Authenticate"] == 'Bearer realm="steward"'


def test_a_pointer_leads_to_the_refused_value():
    (error,) = fail("invalid").json()["errors"]
    assert error == {"pointer": "/a/b~c", "code": "odd", "detail": "No."}


def check(body, content_type="application/json"):
    return Client().post("/api/fails/form", body, content_type=content_type)


def test_refused_values_are_listed_by_pointer():
    answer = check({"name": "long", "rows": [1, "x"]})
    assert answer.status_code == 422
    found = {error["pointer"]: error["code"] for error in answer.json()["errors"]}
    assert found == {"/name": "max_length", "/rows/1": "invalid"}


def test_a_missing_value_and_the_whole_have_pointers_too():
    assert check({}).json()["errors"][0] == {
        "pointer": "/name",
        "code": "required",
        "detail": "This field is required.",
    }
    (error,) = check({"name": "all"}).json()["errors"]
    assert (error["pointer"], error["code"]) == ("", "whole")


def test_a_name_with_slashes_is_escaped():
    from rest_framework.exceptions import ValidationError

    from kernel.api.exceptions import field_problems

    detail = ValidationError({"a/b~c": [{"x": ["No."]}]}).detail
    assert [p["pointer"] for p in field_problems(detail)] == ["/a~1b~0c/0/x"]


@pytest.mark.parametrize("body", ["{", "[1,", '{"a": nope}'])
def test_a_body_that_is_no_json_is_malformed(body):
    answer = check(body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


def test_another_media_type_is_refused():
    assert check("a=1", "application/x-www-form-urlencoded").status_code == 415


@pytest.mark.django_db(transaction=True)
def test_a_missing_table_is_no_trouble_that_passes():
    assert fail("db-real").status_code == 500


@pytest.mark.django_db(transaction=True)
def test_a_real_duplicate_is_a_conflict():
    from django.db import IntegrityError

    from kernel.api.exceptions import is_duplicate
    from kernel.clock import now
    from kernel.jobs.models import Job

    Job.objects.create(kind="a", unique_key="k", due_at=now(), created_at=now())
    with pytest.raises(IntegrityError) as caught:
        Job.objects.create(kind="a", unique_key="k", due_at=now(), created_at=now())
    assert is_duplicate(caught.value)
    with pytest.raises(IntegrityError) as caught:
        Job.objects.create(kind=None, due_at=now(), created_at=now())
    assert not is_duplicate(caught.value)


def test_a_problem_without_more_is_complete():
    from kernel.api.problem import Problem

    body = Problem("x", "Title", 400, extra={"status": 1, "more": 2}).body()
    assert body == {
        "type": "http://testserver/docs/errors/x",
        "title": "Title",
        "status": 400,
        "detail": "Title",
        "code": "x",
        "more": 2,
    }
