"""What `represent` gives is what the serializer's own `data` gives."""

import datetime as dt
import uuid
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from rest_framework import serializers

from kernel.api import represent
from kernel.api.fields import WireId

MOMENTS = [
    dt.datetime(2026, 11, 26, 18, 0, tzinfo=dt.UTC),
    dt.datetime(2026, 11, 26, 18, 0, 0, 123456, tzinfo=dt.UTC),
    dt.datetime(2026, 11, 26, 18, 0, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    None,
]


class Inner(serializers.Serializer[Any]):
    id = WireId("usr", source="pk")
    name = serializers.CharField()


class Outer(serializers.Serializer[Any]):
    inner = Inner(allow_null=True)
    others = Inner(many=True)
    inner_name = serializers.CharField(source="inner.name", default="nobody")
    at = serializers.DateTimeField()
    year = serializers.DateTimeField(source="at", format="%Y")
    kind = serializers.ChoiceField(["one", "two"])
    number = serializers.IntegerField()
    flag = serializers.BooleanField()
    tags = serializers.ListField(child=serializers.CharField(), allow_null=True)
    called = serializers.CharField()
    told = serializers.SerializerMethodField()
    secret = serializers.CharField(write_only=True)
    absent = serializers.CharField(required=False)

    def get_told(self, row: Any) -> str:
        return f"{row.number} of {row.kind}"


class Wrapped(serializers.Serializer[Any]):
    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {"wrapped": instance}


class Holder(serializers.Serializer[Any]):
    held = Wrapped()


def _inner(name: str) -> SimpleNamespace:
    return SimpleNamespace(pk=uuid.uuid4(), name=name)


@dataclass
class Row:
    at: dt.datetime | None
    inner: Any = field(default_factory=lambda: _inner("ada"))
    others: list[Any] = field(default_factory=lambda: [_inner("bo"), _inner("cy")])
    kind: str = "one"
    number: int = 3
    flag: bool = True
    tags: list[str] | None = None

    def called(self) -> str:
        return "called"


@pytest.mark.parametrize("at", MOMENTS)
def test_rows_look_as_drf_shows_them(at):
    row = Row(at)
    assert represent.one(Outer, row) == Outer(row).data
    rows = [row, Row(at, inner=None, others=[], tags=["a"], flag=False, kind="two")]
    assert represent.many(Outer, rows) == Outer(rows, many=True).data


class Counted(serializers.Serializer[Any]):
    items = serializers.IntegerField()


def test_mappings_look_as_drf_shows_them():
    row = {"pk": uuid.uuid4(), "name": "ada"}
    assert represent.one(Inner, row) == Inner(row).data
    assert represent.one(Counted, {"items": 3}) == {"items": 3}


def test_a_representation_of_its_own_is_kept():
    row = {"held": 3}
    assert represent.one(Holder, row) == Holder(row).data == {"held": {"wrapped": 3}}
    assert represent.one(Wrapped, 3) == {"wrapped": 3}


def test_what_lacks_is_an_error_as_in_drf():
    with pytest.raises(AttributeError):
        represent.one(Inner, SimpleNamespace(pk=uuid.uuid4()))
