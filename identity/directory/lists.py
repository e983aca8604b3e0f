"""Pages of Users and Groups: by index, by cursor, sorted; and how many there are in all.

Clients ask by `startIndex` and walk the pages in order (RFC 7644 §3.4.2.4). Each page notes
after which row the next one begins, so that following it costs the same on the first page
as on the thousandth. The notes lie in the cache and may be lost, or a client begins in the
middle: then the list is surveyed once, along the index, and every thousandth row noted.
"""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core.cache import cache
from django.db.models import F, QuerySet, TextField, Window
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Mod, RowNumber

from identity.directory import conditions
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

_KEPT_SECONDS = 600
_STEP = 1_000
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


class Stretch(NamedTuple):
    """A part of the whole list, in the order of creation: so many rows after one, or at first."""

    after: uuid.UUID | None
    count: int


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of a page as a queryset, and how many there are in all.

    `stretch` says the same as `rows` where nothing was to be filtered or sorted. `note` is
    told how many rows came and which was the last, so that the next page is found.
    """

    rows: "Callable[[], QuerySet[Any]]"
    total: Callable[[int], int]
    next_cursor: str | None = None
    previous_cursor: str | None = None
    note: Callable[[int, uuid.UUID], None] = lambda _number, _last: None
    stretch: Stretch | None = None


def users(organization: Organization, directory: Directory, asked: Asked) -> Found:
    """Find a page of Users."""
    rows = SCIMUser.objects.of(organization)
    return _page(rows, conditions.USERS, asked, organization, directory.users)


def groups(organization: Organization, directory: Directory, asked: Asked) -> Found:
    """Find a page of Groups."""
    rows = SCIMGroup.objects.of(organization)
    return _page(rows, conditions.GROUPS, asked, organization, directory.groups)


def _page(
    rows: "QuerySet[Any]", columns: Columns, asked: Asked, organization: Organization, kept: int
) -> Found:
    if asked.filter:
        rows = rows.filter(conditions.condition(asked.filter, columns))
    name = _name_of(organization, columns.resource_type, asked)

    def total(on_page: int) -> int:
        return _total(rows, asked, name, on_page) if asked.filter else kept

    if asked.cursor is not None and asked.sort_by:
        raise InvalidValue("Pages by cursor are not sorted; ask by “startIndex”.")
    if not asked.count:
        return Found(rows.none, total)
    if asked.cursor is not None:
        page = paginate(rows.only("id"), order=Order("id"), cursor=asked.cursor, limit=asked.count)
        chosen = rows.filter(pk__in=[row.pk for row in page.rows]).order_by("id")
        return Found(lambda: chosen, total, page.next, page.previous)
    order = _order(columns.resource_type, asked)
    if order is not None:
        offset = asked.start_index - 1
        return Found(lambda: rows.order_by(order, "id")[offset : offset + asked.count], total)

    def note(number: int, last: uuid.UUID) -> None:
        if number == asked.count:
            _note(name, asked.start_index + number, last)

    after, is_past_the_end = _place(rows, asked.start_index, name)
    if is_past_the_end:
        return Found(rows.none, total)

    def page_of_rows() -> "QuerySet[Any]":
        later = rows if after is None else rows.filter(id__gt=after)
        return later.order_by("id")[: asked.count]

    stretch = None if asked.filter else Stretch(after, asked.count)
    return Found(page_of_rows, total, note=note, stretch=stretch)


def _total(rows: "QuerySet[Any]", asked: Asked, name: str, on_page: int) -> int:
    """Return how many a filter finds: what is on the only page, what was counted, or now."""
    begins = asked.start_index == 1 and asked.cursor is None
    if begins and on_page < asked.count:
        return on_page
    known = cache.get(f"{name}:total") if asked.start_index > 1 else None
    if known is None:
        known = rows.count()
        cache.set(f"{name}:total", known, _TOTAL_SECONDS)
    return int(known)


def _place(
    rows: "QuerySet[Any]", start_index: int, name: str
) -> tuple[uuid.UUID | None, bool]:
    """Return after which row a page begins (None: at first), and whether it is past the end."""
    if start_index == 1:
        return None, False
    coarse = (start_index - 1) // _STEP * _STEP
    found = cache.get_many([f"{name}:{start_index}", f"{name}:{coarse + 1}"])
    known = found.get(f"{name}:{start_index}")
    if known is not None:
        return uuid.UUID(known), False
    known = found.get(f"{name}:{coarse + 1}")
    begin = uuid.UUID(known) if known else None
    if begin is None and coarse:
        begin = _survey(rows, name).get(coarse)
        if begin is None:
            return None, True
    left = start_index - 1 - coarse
    if not left:
        return begin, False
    # Along the index alone: the rows that are passed over are not read.
    later = rows if begin is None else rows.filter(id__gt=begin)
    passed = later.order_by("id").values_list("id", flat=True)[left - 1 : left]
    last = next(iter(passed), None)
    if last is None:
        return None, True
    _note(name, start_index, last)
    return last, False


def _survey(rows: "QuerySet[Any]", name: str) -> dict[int, uuid.UUID]:
    """Note every thousandth row of a list; return them by how many rows lie up to there."""
    numbered = rows.annotate(number=Window(RowNumber(), order_by=F("id").asc()))
    each = numbered.annotate(rest=Mod(F("number"), _STEP)).filter(rest=0)
    found = dict(each.values_list("number", "id"))
    notes = {f"{name}:{number + 1}": row_id.hex for number, row_id in found.items()}
    if notes:
        cache.set_many(notes, _KEPT_SECONDS)
    return found


def _name_of(organization: Organization, resource_type: ResourceType, asked: Asked) -> str:
    wanted = hashlib.sha256(asked.filter.encode()).hexdigest()[:32] if asked.filter else "all"
    return f"scim:{organization.pk.hex}:{resource_type.name}:{wanted}"


def _note(name: str, start_index: int, last: uuid.UUID) -> None:
    cache.set(f"{name}:{start_index}", last.hex, _KEPT_SECONDS)


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
