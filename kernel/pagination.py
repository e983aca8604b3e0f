"""Keyset pages: the same cost for the first page and for the thousandth.

A cursor says after (or before) which row a page begins, by the value of the ordering
field and the primary key. No OFFSET, no COUNT, and rows that come or go meanwhile move
nothing on other pages. Used by the API (`kernel.api.pagination`) and by the console.

The ordering field must not be NULL in any row, and an index should begin with what the
queryset is filtered by, followed by the ordering field and the primary key.
"""

import base64
import binascii
import datetime as dt
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Field, Model, Q, QuerySet

from kernel.errors import BadParameter

M = TypeVar("M", bound=Model)

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
_MAX_CURSOR_LENGTH = 1000


class InvalidCursor(BadParameter):
    """The cursor was not made by this list."""

    code = "invalid_cursor"
    title = "The cursor is not valid"

    def __init__(self) -> None:
        super().__init__(
            "Take cursors unchanged from an earlier page of the same list, or start without one.",
            parameter="cursor",
        )


class InvalidLimit(BadParameter):
    """The page size is not a number within the bounds."""

    code = "invalid_limit"
    title = "The limit is not valid"

    def __init__(self) -> None:
        super().__init__(f"limit is a number from 1 to {MAX_LIMIT}.", parameter="limit")


@dataclass(frozen=True, slots=True)
class Order:
    """By which field a list is ordered; the primary key settles ties in the same direction."""

    field: str
    descending: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read Django's notation: `name`, or `-created_at` for newest first."""
        return cls(text.removeprefix("-"), descending=text.startswith("-"))

    def __str__(self) -> str:
        return f"-{self.field}" if self.descending else self.field


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """One page of rows and the cursors of its neighbours, None where there is none."""

    rows: Sequence[M]
    next: str | None
    previous: str | None


@dataclass(frozen=True, slots=True)
class _Cursor:
    """A place in a list: beside the row with this value and key, in one direction."""

    order: str
    value: Any
    key: Any
    backward: bool


def paginate(
    rows: QuerySet[M], *, order: Order, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[M]:
    """Read one page in one query; raise `InvalidCursor` for a cursor of another list."""
    place = _decode(cursor, order, rows.model) if cursor else None
    backward = place is not None and place.backward
    # Going back reads the list the other way round and turns the page over at the end.
    downward = order.descending is not backward
    if place is not None:
        rows = rows.filter(_beyond(order, place, downward=downward))
    sign = "-" if downward else ""
    by = [f"{sign}{order.field}", f"{sign}pk"] if order.field not in {"pk", "id"} else [f"{sign}pk"]
    found = list(rows.order_by(*by)[: limit + 1])
    has_more = len(found) > limit
    found = found[:limit]
    if backward:
        found.reverse()
    if not found:
        return Page(found, None, None)
    # A page that was reached by a cursor has, on the side it came from, the row it came from.
    has_next, has_previous = (True, has_more) if backward else (has_more, place is not None)
    return Page(
        found,
        next=_encode(order, found[-1], backward=False) if has_next else None,
        previous=_encode(order, found[0], backward=True) if has_previous else None,
    )


def parse_limit(text: str | None) -> int:
    """Read the page size that a caller asks for; raise `InvalidLimit` outside 1 to 100."""
    if not text:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise InvalidLimit
    limit = int(text)
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidLimit
    return limit


def _beyond(order: Order, place: _Cursor, *, downward: bool) -> Q:
    """Return the condition for rows past a place.

    The first comparison alone is what an index can seek to; without it a database that
    does not see through the OR would read the list from its start.
    """
    past = "lt" if downward else "gt"
    if order.field in {"pk", "id"}:
        return Q(**{f"pk__{past}": place.key})
    return Q(**{f"{order.field}__{past}e": place.value}) & (
        Q(**{f"{order.field}__{past}": place.value}) | Q(**{f"pk__{past}": place.key})
    )


def _encode(order: Order, row: Model, *, backward: bool) -> str:
    value: Any = row
    for name in order.field.split("__"):
        value = getattr(value, name)
    if value is None:
        raise ValueError(f"{order.field} orders a list and is NULL in {row.pk}.")
    parts = [str(order), _to_text(value), _to_text(row.pk), "p" if backward else "n"]
    raw = json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str, order: Order, model: type[Model]) -> _Cursor:
    if len(text) > _MAX_CURSOR_LENGTH:
        raise InvalidCursor
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        parts = json.loads(raw)
    except (ValueError, binascii.Error, RecursionError):
        raise InvalidCursor from None
    match parts:
        case [str(made_for), str(value), str(key), ("n" | "p") as way] if made_for == str(order):
            return _Cursor(
                order=made_for,
                value=_from_text(_field(model, order.field), value),
                key=_from_text(_field(model, "pk"), key),
                backward=way == "p",
            )
        case _:
            raise InvalidCursor


def _field(model: type[Model], path: str) -> "Field[Any, Any]":
    """Return the model field behind a path such as `user__username`."""
    *relations, name = path.split("__")
    for relation in relations:
        related = model._meta.get_field(relation).related_model
        if related is None or isinstance(related, str):
            raise FieldDoesNotExist(f"{relation} of {model} leads nowhere.")
        model = related
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    if not isinstance(field, Field):
        raise FieldDoesNotExist(f"{path} is not a column of {model}.")
    return field


def _to_text(value: Any) -> str:
    if isinstance(value, uuid.UUID):
        return value.hex
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _from_text(field: "Field[Any, Any]", text: str) -> Any:
    """Read a value back as the field's own type; a text that is not one is refused.

    NUL and lone surrogates are refused too: databases cannot take them in a comparison.
    """
    if "\x00" in text:
        raise InvalidCursor
    try:
        text.encode()
        value = field.to_python(text)
    except (ValidationError, ValueError, OverflowError, ArithmeticError):
        raise InvalidCursor from None
    if value is None or (isinstance(value, dt.datetime) and value.tzinfo is None):
        raise InvalidCursor
    return value
