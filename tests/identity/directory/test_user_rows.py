"""Pages of Users are read along one index, in its order, whatever the database knows."""

import pytest
from django.db import connection
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Concat

from identity.directory import user_rows
from identity.directory.lists import Stretch
from identity.models import Directory, SCIMText, SCIMUser
from tests.database import as_owner
from tests.factories import OrganizationFactory
from tests.identity.directory.test_conditions import keep, stored

MANY = 3_000


@pytest.fixture
def crowd(db) -> Directory:
    """Return a directory of many Users, each with a text."""
    organization = OrganizationFactory()
    rows = [stored(organization, {"userName": f"u{n}@b.c", "active": True}) for n in range(MANY)]
    keep(rows)
    told = SCIMUser.objects.of(organization).filter(pk=OuterRef("pk")).values("user_name")
    SCIMText.objects.of(organization).update(text=Concat(Value("text of "), Subquery(told)))
    return Directory(organization=organization, users=MANY)


def plan_of(directory: Directory, stretch: Stretch) -> str:
    """Return how the database would read a part of the list."""
    end, values = user_rows._within(directory, stretch)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN SELECT w.text FROM identity_scimtext w WHERE {end}", values)
        return "\n".join(line for (line,) in cursor.fetchall())


@pytest.mark.postgresql
@pytest.mark.django_db
@pytest.mark.parametrize("is_analyzed", [False, True])
def test_a_page_is_read_in_the_order_of_the_index(crowd, is_analyzed):
    if is_analyzed:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ANALYZE identity_scimtext")
    middle = SCIMUser.objects.of(crowd.pk).order_by("pk")[MANY // 2]
    for after in (None, middle.pk):
        plan = plan_of(crowd, Stretch(after, 100))
        assert "Index Scan using scim_text_list" in plan
        assert "Sort" not in plan


@pytest.mark.django_db
def test_a_part_is_read_in_order_and_ends_with_the_list(crowd):
    ids = list(SCIMUser.objects.of(crowd.pk).order_by("pk").values_list("pk", "user_name"))
    number, text = user_rows.joined(crowd, Stretch(ids[99][0], 3))
    assert (number, text) == (3, ",".join(f"text of {name}" for _, name in ids[100:103]))
    assert user_rows.joined(crowd, Stretch(None, 2))[1].startswith(f"text of {ids[0][1]},")
    assert user_rows.joined(crowd, Stretch(ids[-2][0], 100)) == (1, f"text of {ids[-1][1]}")
    assert user_rows.joined(crowd, Stretch(ids[-1][0], 100)) == (0, "")
