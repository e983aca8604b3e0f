"""Pieces of SQL that a filter is built of, in the words of the database that runs it.

A piece holds its text with `%s` for values, and the values. Names of columns and paths come
from the schemas and the code, never from a client.
"""

import datetime as dt
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection

Values = tuple[Any, ...]
_JOINED = {"postgresql": "string_agg", "sqlite": "group_concat"}


@cache
def _vendor() -> str:
    """Return which database runs it: always the same one, and slow to ask."""
    return connection.vendor


@dataclass(frozen=True, slots=True)
class Piece:
    """SQL and the values of its marks."""

    text: str
    values: Values = ()

    def __and__(self, other: "Piece") -> "Piece":
        return Piece(f"({self.text} AND {other.text})", self.values + other.values)

    def __or__(self, other: "Piece") -> "Piece":
        return Piece(f"({self.text} OR {other.text})", self.values + other.values)

    def __invert__(self) -> "Piece":
        # Comparisons with what is absent are NULL in SQL and false in SCIM.
        return Piece(f"(NOT COALESCE({self.text}, {_FALSE}))", self.values)


_FALSE = "(1 = 0)"
ALWAYS, NEVER = Piece("(1 = 1)"), Piece(_FALSE)


def constant(truth: bool) -> Piece:  # noqa: FBT001 - a truth is what it is about
    """Return the condition that always, or never, holds."""
    return ALWAYS if truth else NEVER


def all_of(pieces: Iterable[Piece]) -> Piece:
    """Join conditions of which each must hold."""
    return _joined(" AND ", pieces, ALWAYS)


def any_of(pieces: Iterable[Piece]) -> Piece:
    """Join conditions of which one must hold."""
    return _joined(" OR ", pieces, NEVER)


def _joined(word: str, pieces: Iterable[Piece], empty: Piece) -> Piece:
    found = list(pieces)
    if not found:
        return empty
    values = tuple(value for piece in found for value in piece.values)
    return Piece("(" + word.join(piece.text for piece in found) + ")", values)


def exists(source: str, condition: Piece) -> Piece:
    """Whether a row of a source fulfils a condition."""
    text = f"EXISTS (SELECT 1 FROM {source} WHERE {condition.text})"  # noqa: S608 - our names # nosec B608
    return Piece(text, condition.values)


def json_text(document: str, path: tuple[str, ...], *, boolean: bool = False) -> Piece:
    """Return the text at a path of a JSON document, NULL if there is none.

    Booleans are the texts `true` and `false` on every database.
    """
    if _vendor() == "postgresql":
        return Piece(f"({document} #>> '{{{_names(path)}}}')")
    place = "'$" + "".join(f'."{name}"' for name in path) + "'"
    if boolean:
        # SQLite has no booleans of its own: they would come as 1 and 0.
        return Piece(
            f"(CASE json_type({document}, {place}) WHEN 'true' THEN 'true' "
            "WHEN 'false' THEN 'false' END)"
        )
    return Piece(f"json_extract({document}, {place})")


def json_elements(document: str, path: tuple[str, ...], alias: str) -> str:
    """Return the source whose rows are the elements of a list in a document.

    Each row's `value` is the element.
    """
    if _vendor() == "postgresql":
        return f"jsonb_array_elements({document} #> '{{{_names(path)}}}') AS {alias}(value)"
    place = "'$" + "".join(f'."{name}"' for name in path) + "'"
    return f"json_each({document}, {place}) AS {alias}"


def id_text(column: str) -> str:
    """Return the text of a UUID: its hexadecimal digits, with dashes or without."""
    return f"{column}::text" if _vendor() == "postgresql" else column


def moment_text(column: str) -> str:
    """Return the text of a time in UTC, with a space between its date and its hours."""
    if _vendor() == "postgresql":
        return f"({column} AT TIME ZONE 'UTC')::text"
    # A column by itself would come as an object.
    return f"({column} || '')"


def among(column: str, ids: Iterable[str]) -> tuple[str, Any]:
    """Return the condition that a UUID is one of some, with one mark, and the mark's value.

    However many there are, the statement is the same.
    """
    if _vendor() == "postgresql":
        return f"{column} = ANY(%s::uuid[])", f"{{{','.join(ids)}}}"
    listed = json.dumps([one.replace("-", "") for one in ids])
    return f"{column} IN (SELECT value FROM json_each(%s))", listed  # noqa: S608 - our names # nosec B608


def joined_lines(line: str, source: str) -> str:
    """Return the lines of a source's rows as one text, in any order; NULL if there is none."""
    return f"(SELECT {_JOINED[_vendor()]}({line}, '\n') FROM {source})"  # noqa: S608 - our names # nosec B608


def joined_texts(text: str, source: str) -> str:
    """Return how many rows a source has, and their texts with commas between, in its order."""
    return f"SELECT count(*), {_JOINED[_vendor()]}({text}, ',') FROM {source}"  # noqa: S608 - our names # nosec B608


def key(value: uuid.UUID) -> Any:
    """Return a UUID as the database compares it."""
    return value if _vendor() == "postgresql" else value.hex


def _names(path: tuple[str, ...]) -> str:
    return ",".join(f'"{name}"' for name in path)


def compare_text(held: Piece, operator: str, value: str) -> Piece:
    """Compare a text; what is absent fulfils nothing. Order is that of code points."""
    if operator in ("co", "sw", "ew") and value == "":
        return Piece(f"({held.text} IS NOT NULL)", held.values)
    is_postgresql = _vendor() == "postgresql"
    match operator:
        case "eq":
            return Piece(f"({held.text} = %s)", (*held.values, value))
        case "ne":
            return Piece(f"({held.text} <> %s)", (*held.values, value))
        case "co":
            name = "strpos" if is_postgresql else "instr"
            return Piece(f"({name}({held.text}, %s) > 0)", (*held.values, value))
        case "sw" if is_postgresql:
            return Piece(f"starts_with({held.text}, %s)", (*held.values, value))
        case "sw":
            return Piece(
                f"(substr({held.text}, 1, %s) = %s)", (*held.values, len(value), value)
            )
        case "ew":
            cut = "right({0}, %s)" if is_postgresql else "substr({0}, -%s)"
            return Piece(
                f"({cut.format(held.text)} = %s)", (*held.values, len(value), value)
            )
        case _:
            return _ordered(held, operator, value)


def _ordered(held: Piece, operator: str, value: str) -> Piece:
    sign = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}[operator]
    by_code_point = ' COLLATE "C"' if _vendor() == "postgresql" else ""
    return Piece(f"({held.text}{by_code_point} {sign} %s)", (*held.values, value))


def compare_moment(held: Piece, operator: str, value: dt.datetime) -> Piece:
    """Compare a time."""
    sign = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}[operator]
    adapted = connection.ops.adapt_datetimefield_value(value)
    return Piece(f"({held.text} {sign} %s)", (*held.values, adapted))
