"""Keyset pages: put together they are the list, in both directions, whatever the ties."""

import base64
import datetime as dt
import json

import pytest
from django.core.exceptions import FieldDoesNotExist
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.clock import now
from kernel.events.models import Event
from kernel.jobs.models import Job
from kernel.pagination import (
    InvalidCursor,
    InvalidLimit,
    Order,
    _field,
    paginate,
    parse_limit,
)

pytestmark = pytest.mark.django_db
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ORDERS = ["id", "-id", "pk", "due_at", "-due_at", "kind", "-kind", "attempts", "-attempts"]


def fill(values):
    Job.objects.all().delete()
    Job.objects.bulk_create(
        Job(
            kind=f"kind {value} é",
            attempts=value,
            due_at=START + dt.timedelta(microseconds=value),
            created_at=now(),
        )
        for value in values
    )


def walk(order, limit, way="next", cursor=None):
    pages = []
    while True:
        page = paginate(Job.objects.all(), order=Order.parse(order), cursor=cursor, limit=limit)
        pages.append(list(page.rows))
        cursor = getattr(page, way)
        if cursor is None:
            return pages, page


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    values=st.lists(st.integers(0, 3), max_size=12),
    order=st.sampled_from(ORDERS),
    limit=st.integers(1, 5),
)
def test_pages_put_together_are_the_list_in_both_directions(values, order, limit):
    fill(values)
    name = order.removeprefix("-")
    rows = sorted(Job.objects.all(), key=lambda row: (getattr(row, name), row.pk))
    if order.startswith("-"):
        rows.reverse()
    pages, last = walk(order, limit)
    assert [row for page in pages for row in page] == rows
    assert all(len(page) == limit for page in pages[:-1])
    if last.previous is not None:
        back, first = walk(order, limit, "previous", last.previous)
        together = [row for page in reversed(back) for row in page]
        assert together + list(last.rows) == rows
        assert first.previous is None
        assert first.next is not None


def test_rows_that_come_or_go_move_nothing_on_other_pages():
    fill(range(6))
    first = paginate(Job.objects.all(), order=Order("due_at"), limit=2)
    Job.objects.filter(pk=first.rows[0].pk).delete()
    Job.objects.create(kind="new", due_at=START - dt.timedelta(days=1), created_at=now())
    second = paginate(Job.objects.all(), order=Order("due_at"), cursor=first.next, limit=2)
    assert [row.attempts for row in second.rows] == [2, 3]


def test_a_cursor_survives_the_row_that_it_names():
    fill(range(4))
    first = paginate(Job.objects.all(), order=Order("due_at"), limit=2)
    Job.objects.filter(pk=first.rows[-1].pk).delete()
    second = paginate(Job.objects.all(), order=Order("due_at"), cursor=first.next, limit=2)
    assert [row.attempts for row in second.rows] == [2, 3]


def test_past_the_end_there_is_an_empty_page():
    fill([1, 2])
    page = paginate(Job.objects.all(), order=Order("id"), limit=1)
    Job.objects.all().delete()
    assert paginate(Job.objects.all(), order=Order("id"), cursor=page.next).rows == []


def test_a_page_is_one_query_without_offset_or_count():
    fill(range(5))
    first = paginate(Job.objects.all(), order=Order("due_at"), limit=2)
    with CaptureQueriesContext(connection) as queries:
        paginate(Job.objects.all(), order=Order("due_at"), cursor=first.next, limit=2)
    (query,) = queries.captured_queries
    assert "OFFSET" not in query["sql"]
    assert "COUNT" not in query["sql"]


def cursor_of(*parts):
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).rstrip(b"=").decode()


KEY = "0" * 32


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "!!!!",
        "é" * 8,
        "A" * 2000,
        base64.urlsafe_b64encode(b"{}").decode(),
        base64.urlsafe_b64encode(b"[" * 700).decode(),
        cursor_of("due_at", "2026-01-01T00:00:00+00:00", KEY),
        cursor_of("due_at", "2026-01-01T00:00:00+00:00", KEY, "x"),
        cursor_of("-due_at", "2026-01-01T00:00:00+00:00", KEY, "n"),
        cursor_of("due_at", "2026-01-01T00:00:00", KEY, "n"),
        cursor_of("due_at", "yesterday", KEY, "n"),
        cursor_of("due_at", "", KEY, "n"),
        cursor_of("due_at", 5, KEY, "n"),
        cursor_of("due_at", "2026-01-01T00:00:00+00:00", "no uuid", "n"),
        cursor_of("due_at", "\x00", KEY, "n"),
        cursor_of("due_at", "\ud800", KEY, "n"),
    ],
)
def test_a_cursor_of_another_list_or_of_nowhere_is_refused(cursor):
    fill([1])
    with pytest.raises(InvalidCursor) as caught:
        paginate(Job.objects.all(), order=Order("due_at"), cursor=cursor)
    assert caught.value.extra == {"parameter": "cursor"}


def test_an_empty_value_in_the_order_is_an_error_of_ours():
    Job.objects.create(kind="a", due_at=START, created_at=START)
    Job.objects.create(kind="b", due_at=START, created_at=START)
    with pytest.raises(ValueError, match="NULL"):
        paginate(Job.objects.all(), order=Order("done_at"), limit=1)


def test_paths_through_relations_lead_to_a_column():
    from orgs.models import Membership

    assert _field(Membership, "user__username").name == "username"
    assert _field(Membership, "pk").name == "id"
    with pytest.raises(FieldDoesNotExist):
        _field(Event, "sequence__x")
    with pytest.raises(FieldDoesNotExist):
        _field(Membership, "team_memberships")


@pytest.mark.parametrize(
    ("text", "limit"), [(None, 50), ("", 50), ("1", 1), ("100", 100), ("007", 7)]
)
def test_a_limit_within_the_bounds(text, limit):
    assert parse_limit(text) == limit


@pytest.mark.parametrize("text", ["0", "101", "-1", "x", "1.5", "१", "99999", " 5"])
def test_any_other_limit_is_refused(text):
    with pytest.raises(InvalidLimit):
        parse_limit(text)
