"""Pages of Users and Groups: by index, by cursor, sorted; and how many there are in all."""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core.cache import cache
from django.db.models import F, QuerySet, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, NullIf

from identity.directory import conditions
from identity.directory.anchors import Anchors, PastTheEnd, Rows
from identity.directory.conditions import Columns
from identity.models import Directory, SCIMGroup, SCIMUser
from identity.resources.grammar import attribute_path
from identity.resources.refusals import InvalidValue
from identity.resources.schema import GROUP, USER, ResourceType
from kernel.pagination import Order, paginate
from orgs.models import Organization

MOST = 1_000
"""How many resources one page has at most; whoever asks for more gets so many."""
USUAL = 100
EVERYTHING = 9_999
"""How many a W&B client gets that names no page: that is what its documentation says."""

_TOTAL_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list was asked for. `cursor` is None for pages by index, "" for the first."""

    filter: str = ""
    start_index: int = 1
    count: int = USUAL
    cursor: str | None = None
    sort_by: str = ""
    is_descending: bool = False


Total = Callable[[int], int]
"""How many there are in all, by how many are on the page."""


class Stretch(NamedTuple):
    """A part of the whole list, in the order of creation: so many rows after one, or at first."""

    after: uuid.UUID | None
    length: int


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of a page as a queryset, and how many there are in all.

    `stretch` says the same as `rows` where nothing was to be filtered or sorted. `note` is
    told how many rows came and which was the last, so that the next page is found.
    """

    rows: Rows
    total: Total
    next_cursor: str | None = None
    previous_cursor: str | None = None
    note: Callable[[int, uuid.UUID], None] = lambda _number, _last: None
    stretch: Stretch | None = None


def users(organization: Organization, directory: Directory, asked: Asked) -> Found:
    """Find a page of Users."""
    return _List(
        asked, organization, conditions.USERS, lambda: SCIMUser.objects.of(organization)
    ).found(directory.users)


def groups(organization: Organization, directory: Directory, asked: Asked) -> Found:
    """Find a page of Groups."""
    return _List(
        asked, organization, conditions.GROUPS, lambda: SCIMGroup.objects.of(organization)
    ).found(directory.groups)


class _List:
    """Resources of one type, as far as the filter finds them; one page is asked for."""

    def __init__(
        self, asked: Asked, organization: Organization, columns: Columns, every: Rows
    ) -> None:
        self._asked, self._rows, wanted = asked, every, "all"
        if asked.filter:
            wanted = hashlib.sha256(asked.filter.encode()).hexdigest()[:32]
            matching = conditions.condition(asked.filter, columns)
            self._rows = lambda: every().filter(matching)
        self._type = columns.resource_type
        self._name = f"scim:{organization.pk.hex}:{self._type.name}:{wanted}"

    def found(self, kept: int) -> Found:
        """Find the page; `kept` is how many there are without a filter."""
        total = self._total if self._asked.filter else lambda _on_page: kept
        if self._asked.cursor is not None:
            return self._by_cursor(total)
        if not self._asked.count:
            return Found(self._none, total)
        order = _order(self._type, self._asked)
        if order is not None:
            begin = self._asked.start_index - 1
            end = begin + self._asked.count
            return Found(lambda: self._rows().order_by(order, "id")[begin:end], total)
        return self._in_order(total)

    def _by_cursor(self, total: Total) -> Found:
        if self._asked.sort_by:
            raise InvalidValue("Pages by cursor are not sorted; ask by “startIndex”.")
        if not self._asked.count:
            return Found(self._none, total)
        page = paginate(
            self._rows().only("id"),
            order=Order("id"),
            cursor=self._asked.cursor,
            limit=self._asked.count,
        )
        ids = [row.pk for row in page.rows]
        return Found(
            lambda: self._rows().filter(pk__in=ids).order_by("id"), total, page.next, page.previous
        )

    def _in_order(self, total: Total) -> Found:
        """Find a page in the order of creation, by what earlier pages noted."""
        asked = self._asked
        anchors = Anchors(self._name, asked.start_index, asked.count)
        try:
            after = anchors.before_the_page(self._rows)
        except PastTheEnd:
            return Found(self._none, total)

        def rows() -> "QuerySet[Any]":
            later = self._rows() if after is None else self._rows().filter(id__gt=after)
            return later.order_by("id")[: asked.count]

        stretch = None if asked.filter else Stretch(after, asked.count)
        return Found(rows, total, note=anchors.note, stretch=stretch)

    def _none(self) -> "QuerySet[Any]":
        return self._rows().none()

    def _total(self, on_page: int) -> int:
        """Return how many a filter finds: what is on the only page, what was counted, or now."""
        begins = self._asked.start_index == 1 and self._asked.cursor is None
        if begins and on_page < self._asked.count:
            return on_page
        name = f"{self._name}:total"
        known = cache.get(name) if self._asked.start_index > 1 else None
        if known is None:
            known = self._rows().count()
            cache.set(name, known, _TOTAL_SECONDS)
        return int(known)


_USER_ORDER = {
    "id": "id",
    "username": "user_name_key",
    "externalid": "external_id",
    "active": "is_active",
    "meta.created": "created_at",
    "meta.lastmodified": "modified_at",
}
_GROUP_ORDER = {
    "id": "id",
    "displayname": "display_name_key",
    "externalid": "external_id",
    "meta.created": "created_at",
    "meta.lastmodified": "modified_at",
}


def _order(resource_type: ResourceType, asked: Asked) -> Any:
    """Return the expression to sort by; None for the order of creation.

    What has no value comes last, or first when descending (RFC 7644 §3.4.2.3). What cannot
    be sorted by does not count: clients name what they like.
    """
    path = attribute_path(asked.sort_by.strip()) if asked.sort_by else None
    target = resource_type.resolve(path.urn, path.name, path.sub) if path else None
    if target is None or target.attribute is None:
        return None
    sub = target.sub.name if target.sub else ""
    name = ".".join(filter(None, (target.attribute.name, sub))).lower()
    column = (_USER_ORDER if resource_type is USER else _GROUP_ORDER).get(name)
    if column == "external_id" and target.urn is None:
        given = NullIf(F(column), Value(""))
        return given.desc(nulls_first=True) if asked.is_descending else given.asc(nulls_last=True)
    if column is not None and target.urn is None:
        return F(column).desc() if asked.is_descending else F(column).asc()
    if resource_type is GROUP or target.attribute.multi_valued or target.attribute.is_read_only:
        return None
    leaf = target.leaf
    if leaf is None or leaf.type == "complex" or leaf.returned == "never":
        return None
    if target.urn is not None:
        return None
    inside = f"__{leaf.name}" if target.attribute.type == "complex" else ""
    value = Cast(KT(f"search__{target.attribute.name}{inside}"), TextField())
    return value.desc(nulls_first=True) if asked.is_descending else value.asc(nulls_last=True)
