"""Pages of Users and Groups: by index, by cursor, sorted; and how many there are in all.

Clients ask by `startIndex` and walk the pages in order (RFC 7644 §3.4.2.4). Each page notes
after which row the next one begins, so that following it costs the same on the first page
as on the thousandth. The notes lie in the cache and may be lost: the page is then counted
off along the index.
"""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db.models import F, QuerySet, TextField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

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


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of a page as a queryset, and how many there are in all."""

    rows: "QuerySet[Any]"
    total: Callable[[int], int]
    next_cursor: str | None = None
    previous_cursor: str | None = None
    note: Callable[[list[uuid.UUID]], None] = lambda _ids: None


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
        return Found(rows.none(), total)
    if asked.cursor is not None:
        page = paginate(rows.only("id"), order=Order("id"), cursor=asked.cursor, limit=asked.count)
        chosen = rows.filter(pk__in=[row.pk for row in page.rows]).order_by("id")
        return Found(chosen, total, page.next, page.previous)
    order = _order(columns.resource_type, asked)
    if order is not None:
        offset = asked.start_index - 1
        return Found(rows.order_by(order, "id")[offset : offset + asked.count], total)

    def note(ids: list[uuid.UUID]) -> None:
        if len(ids) == asked.count:
            _note(name, asked.start_index + len(ids), ids[-1])

    return Found(_from(rows.order_by("id"), asked, name)[: asked.count], total, note=note)


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


def _from(rows: "QuerySet[Any]", asked: Asked, name: str) -> "QuerySet[Any]":
    """Return the rows from the index that was asked for."""
    offset = asked.start_index - 1
    if not offset:
        return rows
    after, passed = _anchor(name, asked.start_index)
    if after is not None:
        rows, offset = rows.filter(id__gt=after), offset - passed
    if not offset:
        return rows
    # Along the index alone: the rows that are passed over are not read.
    last = next(iter(rows.values_list("id", flat=True)[offset - 1 : offset]), None)
    if last is None:
        return rows.none()
    _note(name, asked.start_index, last)
    return rows.filter(id__gt=last)


def _name_of(organization: Organization, resource_type: ResourceType, asked: Asked) -> str:
    wanted = hashlib.sha256(asked.filter.encode()).hexdigest()[:32] if asked.filter else "all"
    return f"scim:{organization.pk.hex}:{resource_type.name}:{wanted}"


def _anchor(name: str, start_index: int) -> tuple[uuid.UUID | None, int]:
    """Return after which row to read on, and how many rows lie up to there."""
    coarse = (start_index - 1) // _STEP * _STEP + 1
    found = cache.get_many([f"{name}:{start_index}", f"{name}:{coarse}"])
    for index in (start_index, coarse):
        known = found.get(f"{name}:{index}")
        if known is not None:
            return uuid.UUID(known), index - 1
    return None, 0


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
