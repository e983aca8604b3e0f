"""Rows inserted as a document are those that Django would have inserted."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from kernel.clock import now
from kernel.database import bulk
from kernel.ids import uuid7
from kernel.jobs.models import Job

pytestmark = pytest.mark.django_db


def _row(**changed):
    job = Job(kind="test", due_at=now(), created_at=now(), unique_key=uuid7().hex)
    row = {field.attname: getattr(job, field.attname) for field in Job._meta.concrete_fields}
    return {**row, "payload": {"ü": [1, None, "\u2028 \\u0000 %s"]}, **changed}


def test_values_of_every_type_arrive():
    rows = [
        _row(attempts=7, lease_until=now() + dt.timedelta(days=1)),
        _row(lease_until=None, organization_id=uuid7()),
    ]
    bulk.insert(Job, rows)
    found = {job.pk: job for job in Job.objects.filter(pk__in=[row["id"] for row in rows])}
    for row in rows:
        assert {name: getattr(found[row["id"]], name) for name in row} == row


def test_all_or_none():
    row = _row()
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert(Job, [_row(), row, row])
    assert not Job.objects.filter(kind="test").exists()
    bulk.insert(Job, [])


def test_columns_are_set_where_the_rest_is_still_the_same():
    same, other = _row(attempts=1), _row(attempts=1)
    bulk.insert(Job, [same, other])
    Job.objects.filter(pk=other["id"]).update(attempts=2)
    told = "ü \x01 \u2028 \\u0000 %s"
    given = [{"id": row["id"], "attempts": 1, "last_error": told} for row in (same, other)]
    bulk.fill_in(Job, given, only_same=["attempts"])
    assert Job.objects.get(pk=same["id"]).last_error == told
    assert Job.objects.get(pk=other["id"]).last_error == other["last_error"]
    bulk.fill_in(Job, [])


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_rows_that_others_hold_are_passed_over():
    held, free = _row(), _row()
    bulk.insert(Job, [held, free])
    given = [{"id": row["id"], "last_error": "new"} for row in (held, free)]

    def fill() -> None:
        try:
            bulk.fill_in(Job, given)
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        Job.objects.select_for_update().get(pk=held["id"])
        pool.submit(fill).result(timeout=10)
    found = {job.pk: job.last_error for job in Job.objects.filter(kind="test")}
    assert found == {held["id"]: "", free["id"]: "new"}
    Job.objects.filter(kind="test").delete()
