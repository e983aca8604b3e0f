"""Request bodies: read within bounds, and nothing in them is passed over in silence."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from rest_framework import exceptions as drf
from rest_framework import serializers
from rest_framework.parsers import JSONParser

MAX_DEPTH = 32
"""How deep arrays and objects of a body may be nested."""


class JSONBody(JSONParser):
    """Reads JSON from Django's `body`, which refuses what is larger than the settings allow.

    DRF's own parser reads the stream past that limit, and a deeply nested document ends
    it with an error that nobody expects. A name that stands twice in an object is refused
    (RFC 8259 §4): readers differ in which one they take, and so could whoever checked the
    body before us.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the parsed document; raise `ParseError` for anything that is not JSON."""
        body = parser_context["request"]._request.body if parser_context else stream.read()
        return read_json(body)


def read_json(body: bytes) -> Any:
    """Return a document; raise `ParseError` for anything that is not JSON, or nested too deep."""
    try:
        document = json.loads(
            body.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_without_twins,
        )
        _require_flat(document)
    except (ValueError, RecursionError) as error:
        raise drf.ParseError(f"The body is not JSON: {_told(error)}.") from None
    return document


class Body(serializers.Serializer[Any]):
    """A request's body. A member that it does not know is refused, not ignored."""

    def to_internal_value(self, data: Any) -> Any:
        """Check the members' names, then their values."""
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            unknown = sorted(str(name) for name in data if name not in known)
            if unknown:
                raise serializers.ValidationError(
                    {
                        name: serializers.ErrorDetail(
                            f"There is no such member; known are {', '.join(sorted(known))}.",
                            code="unknown_field",
                        )
                        for name in unknown[:20]
                    }
                )
        return super().to_internal_value(data)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is too large for a number")
    return number


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"“{name[:64]}” stands twice in one object")
            seen.add(name)
    return found


def _require_flat(document: Any) -> None:
    """Raise for what is nested deeper than `MAX_DEPTH`, level by level: no recursion."""
    level, depth = [document], 0
    while level := [inner for inner in level if isinstance(inner, dict | list)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise RecursionError
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]


def _told(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
