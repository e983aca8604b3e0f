"""Idempotency-Key: the same request twice has one effect and one answer."""

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.test import Client

from kernel.clock import now
from kernel.idempotency.models import IdempotencyKey, forget_old
from kernel.jobs.models import Job
from tests.kernel.throwaway import Effects

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kernel.throwaway")]
KEY = {"Idempotency-Key": "k-1"}


def post(body=None, *, headers=KEY, who="1", path="/api/effects"):
    return Client(raise_request_exception=False).post(
        path,
        body or {},
        content_type="application/json",
        headers={"Authorization": f"Bearer {who}", **headers},
    )


def effects():
    return Job.objects.filter(kind="effect").count()


def test_without_a_key_each_request_counts():
    post(headers={})
    post(headers={})
    assert effects() == 2


def test_a_repetition_gets_the_first_answer():
    first, second = post({"a": 1}), post({"a": 1})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second["Location"] == first["Location"]
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert second["X-Request-Id"] != first["X-Request-Id"]
    assert effects() == 1


def test_the_remembered_answer_is_sealed():
    post()
    with connection.cursor() as cursor:
        cursor.execute("SELECT body, headers FROM kernel_idempotencykey")
        assert "shown once" not in repr(cursor.fetchall())
    assert str(IdempotencyKey.objects.get()).startswith("answer 201 until 20")


def test_another_body_or_query_with_the_same_key_is_refused():
    post({"a": 1})
    answer = post({"a": 2})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert post({"a": 1}, path="/api/effects?x=1").status_code == 422
    assert effects() == 1


def test_callers_and_keys_are_apart():
    post()
    post(who="2")
    post(headers={"Idempotency-Key": "k-2"})
    assert effects() == 3


def test_strangers_are_told_apart_by_address():
    client = Client()
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
        client.post(
            "/api/effects", {}, content_type="application/json", headers=KEY, REMOTE_ADDR=address
        )
    assert effects() == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "naïve"])
def test_a_key_of_another_form_is_refused(key):
    answer = post(headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
    assert answer.json()["parameter"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("do", "status", "left"), [("refuse", 409, 0), ("answer 400", 400, 2), ("answer 500", 500, 0)]
)
def test_an_error_is_not_remembered(do, status, left):
    for _ in range(2):
        answer = post({"do": do})
        assert answer.status_code == status
        assert "Idempotent-Replayed" not in answer
    assert effects() == left
    assert not IdempotencyKey.objects.exists()


def test_an_answer_is_forgotten_after_a_day():
    post()
    with time_machine.travel(now() + dt.timedelta(hours=25)):
        assert "Idempotent-Replayed" not in post()
    assert effects() == 2


def test_old_answers_are_dropped_by_their_job():
    post()
    forget_old(Job())
    assert IdempotencyKey.objects.count() == 1
    with time_machine.travel(now() + dt.timedelta(hours=25)):
        forget_old(Job())
    assert not IdempotencyKey.objects.exists()


def test_a_view_without_post_stays_one():
    answer = post(path="/api/bare")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_repetition_while_the_first_is_at_work_is_told_so(in_threads):
    Effects.enter.clear()
    Effects.leave.clear()

    def second():
        assert Effects.enter.wait(20)
        answer = post({"do": "wait"})
        Effects.leave.set()
        return answer.status_code, answer.json()["code"], answer["Retry-After"]

    first, told = in_threads(lambda: post({"do": "wait"}).status_code, second)
    assert first == 201
    assert told == (409, "idempotency_in_progress", "1")
    assert post({"do": "wait"})["Idempotent-Replayed"] == "true"
    assert effects() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_many_at_once_have_one_effect(in_threads):
    Effects.leave.set()
    statuses = in_threads(*[lambda: post({"a": 1}).status_code] * 8)
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert effects() == 1
