"""Objects into plain values by DRF's serializers, each class of them read only once.

DRF copies a serializer's fields for every answer and finds out for every row how to read
each of them; for a page of a hundred rows that costs more than all the rest. Here a
serializer class becomes, once, a list of what to read and how to show it; the values are
those of `serializer.data`. A serializer with a `to_representation` of its own, and one
whose fields ask for the request, is for `serializer.data` itself.
Tests: tests/kernel/api/test_represent.py.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from rest_framework import serializers
from rest_framework.fields import Field, SkipField

Shape = serializers.Serializer[Any]
Read = Callable[[Any], Any]
Show = Callable[[Any], Any]


def one(shape: type[Shape], row: Any) -> dict[str, Any]:
    """Return an object as `shape` shows it."""
    shown: dict[str, Any] = _showing(shape)(row)
    return shown


def many(shape: type[Shape], rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Return objects as `shape` shows them."""
    show = _showing(shape)
    return [show(row) for row in rows]


@cache
def _showing(shape: type[Shape]) -> Show:
    return _show_object(shape())


def _show_object(serializer: Any) -> Show:
    if type(serializer).to_representation is not serializers.Serializer.to_representation:
        whole: Show = serializer.to_representation
        return whole
    plan = [
        (field.field_name, _reading(field), _show(field))
        for field in serializer.fields.values()
        if not field.write_only
    ]

    def show(row: Any) -> dict[str, Any]:
        shown = {}
        for name, read, show_value in plan:
            try:
                value = read(row)
            except SkipField:
                continue
            shown[name] = None if value is None else show_value(value)
        return shown

    return show


def _reading(field: Any) -> Read:
    """Return how a field's value is read off a row; anything unusual is left to DRF."""
    ask: Read = field.get_attribute
    if type(field).get_attribute is not Field.get_attribute:
        return ask
    path = field.source_attrs
    if not path:
        return lambda row: row
    if len(path) > 2:
        return ask
    first, second = path[0], path[1] if len(path) == 2 else None

    def read(row: Any) -> Any:
        # A mapping has no such attribute, or a method of that name: DRF then reads its key.
        try:
            value = getattr(row, first)
            if second is not None:
                value = getattr(value, second)
        except AttributeError:
            return ask(row)
        return ask(row) if callable(value) else value

    return read


def _show(field: Any) -> Show:
    if isinstance(field, serializers.ListSerializer):
        child = _show(field.child)
        return lambda rows: [child(row) for row in (rows.all() if hasattr(rows, "all") else rows)]
    if isinstance(field, serializers.Serializer):
        return _show_object(field)
    plain: Show = field.to_representation
    if type(field) is serializers.DateTimeField and not hasattr(field, "format"):
        return lambda moment: _moment(moment, plain)
    return plain


def _moment(moment: Any, plain: Show) -> Any:
    """Write a time as DRF does; what is not in UTC is left to it."""
    text = moment.isoformat() if type(moment) is dt.datetime else ""
    return f"{text[:-6]}Z" if text.endswith("+00:00") else plain(moment)
