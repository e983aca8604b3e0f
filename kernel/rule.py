"""An invariant told by the rows that break it: one statement of the database.

A rule by itself asks for its first rows, whose number is bounded. Many rules together are
one statement, built once: cheap enough to be asked at the end of every test.
"""

import datetime as dt
import string
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import F, Field, ForeignKey, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast

from kernel.clock import now
from kernel.wiring import Violation

AT_MOST = 100
"""How many violations of one rule are told; that there are more is told as well."""

_COLUMNS = 5
_MARK = dt.datetime(1987, 6, 5, 4, 3, 2, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule's name, the rows that break it at a moment, and how to tell of one.

    `where` and `found` are texts with the names of at most five columns in braces. A rule
    `of_a_running_system` asks whether work is done in time, which no test's world promises.
    """

    name: str
    rows: "Callable[[dt.datetime], QuerySet[Any, Any]]"
    where: str
    found: str
    of_a_running_system: bool = False

    def __call__(self) -> Iterator[Violation]:
        """Yield what breaks the rule now."""
        broken = self.columns(now())[: AT_MOST + 1]
        for number, row in enumerate(broken):
            if number == AT_MOST:
                yield Violation(self.name, "elsewhere", f"and more than {AT_MOST} in all")
            else:
                yield self.tell(row[1:])

    def columns(self, moment: dt.datetime) -> "QuerySet[Any, Any]":
        """Return the breaking rows as texts: the name, then what the rule's words name."""
        named: list[Any] = [Cast(name, TextField()) for name in self._names()]
        named += [Value("", TextField())] * (_COLUMNS - len(named))
        return self.rows(moment).order_by().values_list(Value(self.name, TextField()), *named)

    def tell(self, values: Sequence[str | None]) -> Violation:
        """Put a row's values into the rule's words."""
        known = dict(zip(self._names(), map(_readable, values), strict=False))
        return Violation(self.name, self.where.format(**known), self.found.format(**known))

    def _names(self) -> list[str]:
        parts = string.Formatter().parse(f"{self.where} {self.found}")
        return list(dict.fromkeys(name for _, name, _, _ in parts if name))


class Together:
    """Several rules as one statement, built at the first use and kept."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules: Mapping[str, Rule] = {rule.name: rule for rule in rules}
        self._statements: dict[str, tuple[str, list[Any]]] = {}

    def broken(self) -> list[Violation]:
        """Return what breaks any of the rules now; one round to the database."""
        statement = self._statements.get(connection.vendor)
        if statement is None:
            statement = self._statements[connection.vendor] = self._build()
        sql, parameters = statement
        moment = connection.ops.adapt_datetimefield_value(now())
        mark = connection.ops.adapt_datetimefield_value(_MARK)
        filled = [moment if value in (mark, _MARK) else value for value in parameters]
        with connection.cursor() as cursor:
            cursor.execute(sql, filled)
            return [self._rules[row[0]].tell(row[1:]) for row in cursor.fetchall()]

    def _build(self) -> tuple[str, list[Any]]:
        texts, parameters = [], []
        for rule in self._rules.values():
            compiler = rule.columns(_MARK).query.get_compiler(connection=connection)
            sql, values = compiler.as_sql()
            texts.append(sql)
            parameters += values
        return " UNION ALL ".join(texts), parameters


def stays_in_its_organization() -> tuple[Rule, ...]:
    """Return a rule for each foreign key between two tables of tenants: the ids agree.

    Made from the models, so a new table joins by itself. Where one side's organization may
    be empty, only two that are named are compared.
    """
    return tuple(
        _same_organization(model, field)
        for model in apps.get_models()
        if _has_organization(model)
        for field in model._meta.concrete_fields
        if isinstance(field, ForeignKey) and _has_organization(field.related_model)
    )


def _same_organization(model: Any, field: "Field[Any, Any]") -> Rule:
    path = f"{field.name}__organization_id"
    differ = Q(**{f"{path}__isnull": False}, organization_id__isnull=False)
    table, column = model._meta.db_table, field.attname

    def rows(_moment: dt.datetime) -> "QuerySet[Any, Any]":
        # ast-grep-ignore: no-way-around-the-tenant - a rule looks at all tenants
        found: QuerySet[Any, Any] = model._base_manager.filter(differ)
        return found.exclude(organization_id=F(path))

    return Rule(
        f"{table}.{column}_stays_in_its_organization",
        rows,
        f"{table} {{pk}}, organization {{organization_id}}",
        f"it refers to {{{path}}}'s",
    )


def _has_organization(model: Any) -> bool:
    return any(field.attname == "organization_id" for field in model._meta.concrete_fields)


def _readable(value: str | None) -> str:
    """Return an id in its usual form: SQLite keeps 32 digits without dashes."""
    if value is not None and len(value) == 32:
        try:
            return str(uuid.UUID(value))
        except ValueError:
            return value
    return "nothing" if value is None else value
