"""The API's limits: who is counted, what each answer tells."""

import datetime as dt

import pytest
import time_machine
from django.test import Client

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kernel.throwaway")]


@pytest.fixture(autouse=True)
def limits(settings):
    settings.STEWARD_API_RATE = 3
    settings.STEWARD_ANONYMOUS_RATE = 2
    settings.STEWARD_KEY_FAILURE_RATE = 2
    with time_machine.travel(dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC), tick=False) as clock:
        yield clock


def ask(path="/api/limited", who=None, address="192.0.2.1"):
    headers = {"Authorization": f"Bearer {who}"} if who is not None else {}
    return Client().get(path, headers=headers, REMOTE_ADDR=address)


def test_every_answer_says_where_the_caller_stands():
    answer = ask(who=1)
    assert answer["RateLimit-Policy"] == '"default";q=3;w=60'
    assert answer["RateLimit"] == '"default";r=2;t=60'
    assert answer["X-RateLimit-Limit"] == "3"
    assert answer["X-RateLimit-Remaining"] == "2"
    assert answer["X-RateLimit-Reset"] == "60"


def test_over_the_limit_there_is_a_problem_that_says_when_to_come_back(limits):
    statuses = [ask(who=1).status_code for _ in range(3)]
    refused = ask(who=1)
    assert (statuses, refused.status_code) == ([200] * 3, 429)
    assert refused.json()["code"] == "throttled"
    assert refused["X-RateLimit-Remaining"] == "0"
    limits.shift(int(refused["Retry-After"]))
    assert ask(who=1).status_code == 200


def test_principals_are_counted_apart_wherever_they_come_from():
    for number in range(3):
        ask(who=1, address=f"192.0.2.{number}")
    assert ask(who=1).status_code == 429
    assert ask(who=2).status_code == 200


def test_strangers_are_counted_by_address():
    assert [ask().status_code for _ in range(3)] == [200, 200, 429]
    assert ask(address="192.0.2.2").status_code == 200


def test_an_address_that_guesses_keys_is_slowed_and_its_right_keys_are_not():
    assert [ask(who=0).status_code for _ in range(3)] == [401, 401, 429]
    assert ask(who=1).status_code == 200
    assert ask(who=0, address="192.0.2.2").status_code == 401
    assert ask(who=0)["X-RateLimit-Limit"] == "2"


def test_a_view_has_a_budget_of_its_own():
    assert [ask("/api/limited-itself", who=1).status_code for _ in range(3)] == [200, 200, 429]
    assert ask("/api/limited-itself", who=1)["RateLimit-Policy"] == '"own";q=2;w=60'
    assert ask(who=1).status_code == 200


def test_without_a_limit_nothing_is_said(settings):
    settings.STEWARD_API_RATE = 0
    assert "RateLimit" not in ask(who=1)
