"""Rows inserted as a document are those that Django would have inserted."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

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
