"""Rows become objects without Django's `__init__`; what they are must be the same."""

import pytest
from django.db.models import Model

from kernel.clock import now
from kernel.jobs.models import Job


@pytest.fixture
def job(db):
    return Job.objects.create(kind="test", payload={"a": 1}, due_at=now(), created_at=now())


def test_a_row_is_what_django_makes_of_it(job):
    names = [field.attname for field in Job._meta.concrete_fields]
    values = Job.objects.filter(pk=job.pk).values_list(*names).get()
    ours, theirs = Job.objects.get(pk=job.pk), Model.from_db.__func__(Job, "default", names, values)
    assert {name: ours.__dict__[name] for name in names} == {
        name: theirs.__dict__[name] for name in names
    }
    assert ours == theirs == job
    assert (ours._state.db, ours._state.adding) == ("default", False)


def test_a_field_that_was_not_loaded_is_read_when_it_is_asked_for(job, django_assert_num_queries):
    light = Job.objects.defer("payload").get(pk=job.pk)
    assert light.get_deferred_fields() == {"payload"}
    with django_assert_num_queries(1):
        assert light.payload == {"a": 1}


def test_a_loaded_row_is_updated_and_not_inserted(job, django_assert_num_queries):
    loaded = Job.objects.get(pk=job.pk)
    loaded.kind = "changed"
    with django_assert_num_queries(1):
        loaded.save()
    assert Job.objects.get(pk=job.pk).kind == "changed"
    loaded.refresh_from_db(fields=["kind"])
    assert loaded.kind == "changed"
