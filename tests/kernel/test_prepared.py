"""Prepared queries give what their querysets give, and build their SQL once."""

import datetime as dt
import uuid

import pytest
from django.contrib.auth.models import Permission
from django.db.models import F, Q, Value
from django.db.models.functions import Concat

from kernel.clock import now
from kernel.ids import uuid7
from kernel.jobs.models import Job
from kernel.prepared import Prepared

pytestmark = pytest.mark.django_db


def _job(organization_id: uuid.UUID, *, due_at: dt.datetime | None = None) -> Job:
    moment = now()
    return Job.objects.create(
        kind="test",
        payload={"list": [1, "two", None]},
        organization_id=organization_id,
        due_at=due_at or moment,
        created_at=moment,
    )


def test_rows_are_whole_objects_with_values_of_every_type():
    here, elsewhere = uuid7(), uuid7()
    made = [_job(here), _job(here)]
    _job(elsewhere)
    of = Prepared(lambda it: Job.objects.filter(organization_id=it).order_by("id"), uuid.UUID)
    for _ in range(2):
        found = of.rows(here)
        assert found == made
        for one, other in zip(found, made, strict=True):
            assert {**vars(one), "_state": 0} == {**vars(other), "_state": 0}
            assert not one._state.adding
    assert of.first(elsewhere).organization_id == elsewhere


def test_values_stand_where_they_were_given():
    here, moment = uuid7(), now()
    late = _job(here, due_at=moment - dt.timedelta(hours=1))
    _job(here, due_at=moment + dt.timedelta(hours=1))
    due = Prepared(
        lambda before, it, kind: Job.objects.filter(
            Q(due_at__lte=before) | Q(lease_until__lt=before), organization_id=it, kind=kind
        ),
        dt.datetime,
        uuid.UUID,
        str,
    )
    assert due.rows(moment, here, "test") == [late]
    assert due.rows(moment, here, "other") == []
    assert due.first(moment - dt.timedelta(hours=2), here, "test") is None


def test_relations_and_annotations_come_along(django_assert_num_queries):
    named = Prepared(
        lambda codename: Permission.objects.filter(codename=codename)
        .select_related("content_type")
        .annotate(full=Concat(F("content_type__model"), Value("."), F("codename"))),
        str,
    )
    plain = Permission.objects.select_related("content_type").first()
    named.first(plain.codename)
    with django_assert_num_queries(1):
        found = named.first(plain.codename)
        assert found.content_type == plain.content_type
    assert found.full == f"{plain.content_type.model}.{plain.codename}"


@pytest.mark.postgresql
def test_sql_is_built_once(monkeypatch):
    built = []

    def build(it: uuid.UUID):
        built.append(it)
        return Job.objects.filter(organization_id=it)

    of = Prepared(build, uuid.UUID)
    for _ in range(3):
        of.rows(uuid7())
    assert len(built) == 1


@pytest.mark.postgresql
def test_a_value_that_the_lookup_changes_is_refused():
    with pytest.raises(TypeError, match="does not reach its SQL"):
        Prepared(lambda kind: Job.objects.filter(kind__startswith=kind), str).rows("mail")


@pytest.mark.django_db(transaction=True)
def test_threads_share_a_prepared_query(in_threads):
    here = uuid7()
    made = _job(here)
    of = Prepared(lambda it: Job.objects.filter(organization_id=it), uuid.UUID)
    found = in_threads(*[lambda: of.rows(here)] * 4)
    assert found == [[made]] * 4
