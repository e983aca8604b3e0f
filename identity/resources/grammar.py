"""Reading filters and paths (RFC 7644 §3.4.2.2, §3.5.2).

Read by hand rather than with `scim2-filter-parser`, which django-scim2 uses: that one knows
no `null`, wants operators in lower case in some places, and answers a malformed text with
errors of several kinds; identity providers send all of it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from identity.resources.connectives import And, Not, Or
from identity.resources.refusals import InvalidFilter, InvalidPath, Refusal

MOST_CHARACTERS = 8_000
MOST_NESTED = 40
MOST_COMPARISONS = 200
LONGEST_NUMBER = 30

OPERATORS = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>"(?:[^"\\\x00-\x1f]|\\.)*")
    |(?P<number>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?=[\s)\]]|$)
    |(?P<sign>[()\[\]])
    |(?P<word>[A-Za-z$][\w$:./-]*)
    |(?P<sub>\.[A-Za-z$][\w$-]*)
    )""",
    re.VERBOSE | re.ASCII,
)
_NAME = re.compile(r"[A-Za-z$][\w$-]*", re.ASCII)
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class AttributePath:
    """`urn:…:name.sub` as it was written; names are told apart in any case."""

    urn: str | None
    name: str
    sub: str | None = None

    def __str__(self) -> str:
        text = f"{self.urn}:{self.name}" if self.urn else self.name
        return f"{text}.{self.sub}" if self.sub else text


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator value`; the value is text, a number, a boolean or None."""

    path: AttributePath
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Present:
    """`path pr`."""

    path: AttributePath


@dataclass(frozen=True, slots=True)
class Complex:
    """`path[filter]`: one and the same element fulfils the whole filter."""

    path: AttributePath
    node: "Node"


Node = Comparison | Present | Complex | Not["Node"] | And["Node"] | Or["Node"]


@dataclass(frozen=True, slots=True)
class Path:
    """What a PATCH operation is about: an attribute, those of its elements that a filter
    finds, and a sub-attribute of them."""

    attribute: AttributePath
    node: Node | None = None
    sub: str | None = None


def parse_filter(text: str) -> Node:
    """Read a filter. Raises `InvalidFilter`, which says where it went wrong."""
    reader = _Reader(text, InvalidFilter)
    node = reader.alternatives(0)
    reader.end()
    return node


def parse_path(text: str) -> Path:
    """Read the path of a PATCH operation. Raises `InvalidPath`."""
    reader = _Reader(text, InvalidPath)
    attribute = reader.attribute()
    if not reader.takes("sign", "["):
        reader.end()
        return Path(attribute)
    if attribute.sub:
        raise reader.wrong("a value filter stands behind an attribute, not a sub-attribute")
    node = reader.alternatives(1)
    reader.expect("]")
    sub = reader.next("sub")
    reader.end()
    return Path(attribute, node, sub[1:] if sub else None)


def attribute_path(word: str) -> AttributePath | None:
    """Split `urn:…:name.sub`; None if it is no attribute's path.

    A URN has points and colons of its own: its last colon ends it.
    """
    urn, colon, rest = word.rpartition(":")
    name, point, sub = rest.partition(".")
    if colon and not urn.lower().startswith("urn:"):
        return None
    if not _NAME.fullmatch(name) or (point and not _NAME.fullmatch(sub)):
        return None
    return AttributePath(urn or None, name, sub or None)


class _Reader:
    """Reads a text from left to right; each method takes what it is named after."""

    def __init__(self, text: str, error: type[Refusal]) -> None:
        self._error, self._text = error, text
        if len(text) > MOST_CHARACTERS:
            raise error(f"It has more than {MOST_CHARACTERS:,} characters.")
        self._tokens = list(self._split())
        self._at = self._comparisons = 0

    def _split(self) -> Iterator[tuple[str, str, int]]:
        position, end = 0, len(self._text.rstrip())
        while position < end:
            found = _TOKEN.match(self._text, position)
            if found is None or found.lastgroup is None:
                rest = self._text[position : position + 20].strip()
                raise self._error(f"It cannot be read from character {position + 1} on: “{rest}”.")
            yield found.lastgroup, found.group(found.lastgroup), found.start(found.lastgroup)
            position = found.end()

    def wrong(self, what: str) -> Refusal:
        """Return the error that says what is wrong at this place."""
        if self._at < len(self._tokens):
            place = f"at character {self._tokens[self._at][2] + 1}"
        else:
            place = "at the end"
        return self._error(f"{what[:1].upper()}{what[1:]} ({place}).")

    def next(self, kind: str) -> str | None:
        """Take the next token if it is of a kind."""
        if self._at < len(self._tokens) and self._tokens[self._at][0] == kind:
            self._at += 1
            return str(self._tokens[self._at - 1][1])
        return None

    def takes(self, kind: str, text: str) -> bool:
        """Take the next token if it is this one, in any case."""
        if self._at < len(self._tokens):
            found = self._tokens[self._at]
            if found[0] == kind and found[1].lower() == text:
                self._at += 1
                return True
        return False

    def expect(self, sign: str) -> None:
        """Take a sign that must stand here."""
        if not self.takes("sign", sign):
            raise self.wrong(f"“{sign}” is missing")

    def end(self) -> None:
        """Be at the end."""
        if self._at < len(self._tokens):
            raise self.wrong("nothing may stand here")

    def alternatives(self, depth: int) -> Node:
        """Take filters with `or` between them; `and` binds tighter."""
        if depth > MOST_NESTED:
            raise self.wrong(f"it is nested more than {MOST_NESTED} deep")
        nodes = [self._all(depth)]
        while self.takes("word", "or"):
            nodes.append(self._all(depth))
        return nodes[0] if len(nodes) == 1 else Or(tuple(nodes))

    def _all(self, depth: int) -> Node:
        nodes = [self._one(depth)]
        while self.takes("word", "and"):
            nodes.append(self._one(depth))
        return nodes[0] if len(nodes) == 1 else And(tuple(nodes))

    def _one(self, depth: int) -> Node:
        if self._is_negated():
            node = self.alternatives(depth + 1)
            self.expect(")")
            return Not(node)
        if self.takes("sign", "("):
            node = self.alternatives(depth + 1)
            self.expect(")")
            return node
        return self._expression(depth)

    def _is_negated(self) -> bool:
        """Take `not (`; an attribute may be named `not` as well."""
        following = self._tokens[self._at + 1 : self._at + 2]
        if following and following[0][1] == "(" and self.takes("word", "not"):
            return self.takes("sign", "(")
        return False

    def attribute(self) -> AttributePath:
        """Take an attribute's path."""
        word = self.next("word")
        path = attribute_path(word) if word is not None else None
        if path is None:
            self._at -= word is not None
            raise self.wrong("an attribute's name is missing")
        return path

    def _expression(self, depth: int) -> Node:
        self._comparisons += 1
        if self._comparisons > MOST_COMPARISONS:
            raise self.wrong(f"it compares more than {MOST_COMPARISONS} times")
        path = self.attribute()
        if self.takes("sign", "["):
            node = self.alternatives(depth + 1)
            self.expect("]")
            # `emails[type eq "work"].value eq "x"` is what Entra ID matches by: both must
            # hold of the same element.
            if sub := self.next("sub"):
                node = And((node, self._comparison(AttributePath(None, sub[1:]))))
            return Complex(path, node)
        return self._comparison(path)

    def _comparison(self, path: AttributePath) -> Node:
        if self.takes("word", "pr"):
            return Present(path)
        operator = (self.next("word") or "").lower()
        if operator not in OPERATORS:
            self._at -= bool(operator)
            raise self.wrong(f"one of the operators {', '.join(OPERATORS)} or pr is missing")
        return Comparison(path, operator, self._value())

    def _value(self) -> Any:
        if (text := self.next("string")) is not None:
            try:
                found = json.loads(text)
                found.encode()
            except (json.JSONDecodeError, UnicodeEncodeError):
                self._at -= 1
                raise self.wrong("this text is not written as in JSON") from None
            if "\x00" in found:
                self._at -= 1
                raise self.wrong("this text holds a character that nothing here has")
            return found
        if (number := self.next("number")) is not None:
            if len(number) > LONGEST_NUMBER:
                self._at -= 1
                raise self.wrong("this number is too long")
            return json.loads(number)
        word = (self.next("word") or "").lower()
        if word in _WORDS:
            return _WORDS[word]
        self._at -= bool(word)
        raise self.wrong("a value is missing: text in quotation marks, a number, true, false, null")
