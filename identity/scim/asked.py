"""What a list is asked for, in a query or in the body of a search (RFC 7644 §3.4.2, §3.4.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from identity.directory.lists import EVERYTHING, MOST, USUAL, Asked
from identity.resources.projection import Projection
from identity.resources.refusals import InvalidSyntax, InvalidValue
from identity.resources.schema import ResourceType

_LARGEST = 2**31


@dataclass(frozen=True, slots=True)
class Question:
    """A list's filter and place, and the names of what to show."""

    asked: Asked
    attributes: tuple[str, ...]
    excluded: tuple[str, ...]

    def projection(self, resource_type: ResourceType) -> Projection:
        """Return what to show of a resource. Raises `InvalidValue`."""
        return Projection.asked(self.attributes, self.excluded, resource_type)


def in_query(query: QueryDict, *, everything: bool = False) -> Question:
    """Read a query. With `everything` whoever names no page gets all there is."""
    return _question({name: query[name] for name in query}, everything=everything)


def in_body(body: Any, *, everything: bool = False) -> Question:
    """Read the body of a search."""
    if not isinstance(body, Mapping):
        raise InvalidSyntax("The body has to be a JSON object.")
    return _question(body, everything=everything)


def require_one_choice(query: QueryDict) -> None:
    """Raise `InvalidValue` for both parameters of a projection, before anything is done."""
    if query.get("attributes") and query.get("excludedAttributes"):
        raise InvalidValue("Give either “attributes” or “excludedAttributes”, not both.")


def shown(query: QueryDict, resource_type: ResourceType) -> Projection:
    """Read what to show of one resource."""
    attributes, excluded = query.get("attributes", ""), query.get("excludedAttributes", "")
    return Projection.asked(_names(attributes), _names(excluded), resource_type)


def _question(given: Mapping[str, Any], *, everything: bool) -> Question:
    found = {name.lower(): value for name, value in given.items() if value is not None}
    names_no_page = "count" not in found and "startindex" not in found
    usual = EVERYTHING if everything and names_no_page else USUAL
    most = EVERYTHING if everything and names_no_page else MOST
    order = str(found.get("sortorder", "ascending")).lower()
    if order not in ("ascending", "descending"):
        raise InvalidValue("“sortOrder” is ascending or descending.")
    cursor = found.get("cursor")
    return Question(
        asked=Asked(
            filter=_text(found, "filter").strip(),
            start_index=max(1, _number(found, "startindex", 1)),
            count=min(max(0, _number(found, "count", usual)), most),
            cursor=str(cursor) if cursor is not None else None,
            sort_by=_text(found, "sortby"),
            is_descending=order == "descending",
        ),
        attributes=_names(found.get("attributes", "")),
        excluded=_names(found.get("excludedattributes", "")),
    )


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name, "")
    if not isinstance(value, str):
        raise InvalidValue(f"“{name}” has to be text.")
    return value


def _number(found: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = found.get(name, otherwise)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise InvalidValue(f"“{name}” has to be a whole number.")
    if isinstance(value, str):
        text = value.strip()
        if not text.lstrip("+-").isdecimal() or not text.isascii() or len(text) > 30:
            raise InvalidValue(f"“{name}” has to be a whole number.")
        value = int(text)
    return max(-_LARGEST, min(value, _LARGEST))


def _names(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        given = given.split(",")
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise InvalidValue("Attributes are named in a list of texts.")
    return tuple(name.strip() for name in given if name.strip())
