"""Querysets whose SQL is built once: for the few reads that almost every request makes.

Django builds a query's SQL anew each time it runs, which takes ten times as long as
PostgreSQL needs to find a row by an index. A `Prepared` lets Django build it once, with
marks in place of the values, and fills the values in from then on. What comes back is
what the queryset gives: model objects with their relations and annotations.

    _BY_SLUG = Prepared(lambda slug: Organization.objects.filter(slug=slug), str)
    organization = _BY_SLUG.first("acme")

Other databases' drivers want values in forms of their own; there the queryset simply runs.
Tests: tests/kernel/test_prepared.py.
"""

import datetime as dt
import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=Model)

_MARKS: dict[type, Callable[[], Any]] = {
    str: lambda: secrets.token_hex(16),
    uuid.UUID: uuid.uuid4,
    dt.datetime: lambda: dt.datetime.fromtimestamp(secrets.randbits(31), dt.UTC),
}


@dataclass(frozen=True, slots=True)
class _Statement:
    """SQL with its parameters, and how its rows become objects.

    `places` says which parameter is which of the caller's values.
    """

    sql: str
    parameters: Sequence[Any]
    places: Sequence[tuple[int, int]]
    model: type[Model]
    columns: slice
    attributes: Sequence[str]
    populators: Sequence[Any]
    annotations: Sequence[tuple[str, int]]
    convert: Callable[[Any], Any]


class Prepared(Generic[M]):
    """A queryset made by `build` from values of the given kinds (str, UUID, datetime).

    `build` runs once, so nothing may be decided by the values: they stand in comparisons
    as they are, and none is ever None.
    """

    def __init__(self, build: Callable[..., "QuerySet[M]"], *kinds: type) -> None:
        self._build, self._kinds = build, kinds
        self._statement: _Statement | None = None

    def rows(self, *values: Any) -> list[M]:
        """Return the rows for some values, in one query."""
        if connection.vendor != "postgresql":
            return list(self._build(*values))
        # Two threads that find nothing here build the same thing; the later one stays.
        statement = self._statement
        if statement is None:
            statement = self._statement = _statement_of(self._build, self._kinds)
        parameters = list(statement.parameters)
        for place, which in statement.places:
            parameters[place] = values[which]
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, parameters)
            found = statement.convert(cursor.fetchall())
        return [_object(statement, row) for row in found]

    def first(self, *values: Any) -> M | None:
        """Return the first row for some values, or None."""
        found = self.rows(*values)
        return found[0] if found else None


def _statement_of(build: Callable[..., "QuerySet[Any]"], kinds: Sequence[type]) -> _Statement:
    marks = [_MARKS[kind]() for kind in kinds]
    compiler: Any = build(*marks).query.get_compiler(connection=connection)
    sql, parameters = compiler.as_sql()
    places = [
        (place, marks.index(value)) for place, value in enumerate(parameters) if value in marks
    ]
    if {which for _, which in places} != set(range(len(marks))):
        raise TypeError("A value of a prepared query does not reach its SQL as it is.")
    info = compiler.klass_info
    own = info["select_fields"]
    columns = slice(own[0], own[-1] + 1)
    converters = compiler.get_converters([column[0] for column in compiler.select])

    def convert(rows: Any) -> Any:
        return compiler.apply_converters(rows, converters) if converters else rows

    return _Statement(
        sql=sql,
        parameters=parameters,
        places=places,
        model=info["model"],
        columns=columns,
        attributes=[column[0].target.attname for column in compiler.select[columns]],
        populators=get_related_populators(  # type: ignore[call-arg] # stubs of a later Django
            info, compiler.select, connection.alias
        ),
        annotations=list(compiler.annotation_col_map.items()),
        convert=convert,
    )


def _object(statement: _Statement, row: Sequence[Any]) -> Any:
    """Make a row's object, as `django.db.models.query.ModelIterable` does."""
    made = statement.model.from_db(connection.alias, statement.attributes, row[statement.columns])
    for populator in statement.populators:
        populator.populate(row, made)
    for name, place in statement.annotations:
        setattr(made, name, row[place])
    return made
