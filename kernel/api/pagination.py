"""Keyset pages in DRF: `?cursor=…&limit=…` in, `{data, page}` and a Link header out."""

from collections.abc import Mapping
from typing import Any

from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from kernel.pagination import DEFAULT_LIMIT, MAX_LIMIT, Order, Page, paginate, parse_limit

CURSOR_PARAM = "cursor"
LIMIT_PARAM = "limit"


class KeysetPagination(BasePagination):
    """Pages a view's queryset by the view's `page_order` (default: newest first).

    A view that lets the caller choose defines `get_page_order(request) -> str` instead.
    """

    page: Page[Any]

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any]:
        """Read the page of a queryset that the query asks for."""
        chosen = getattr(view, "get_page_order", None)
        order = chosen(request) if chosen else getattr(view, "page_order", "-id")
        self.request = request
        self.page = paginate(
            queryset,
            order=Order.parse(order),
            cursor=request.query_params.get(CURSOR_PARAM) or None,
            limit=parse_limit(request.query_params.get(LIMIT_PARAM)),
        )
        return list(self.page.rows)

    def get_paginated_response(self, data: Any) -> Response:
        """Wrap a page's rows with the cursors and links to its neighbours (RFC 8288)."""
        body = {"data": data, "page": {"next": self.page.next, "previous": self.page.previous}}
        links = [
            f'<{self._url_of(cursor)}>; rel="{relation}"'
            for relation, cursor in (("next", self.page.next), ("prev", self.page.previous))
            if cursor is not None
        ]
        return Response(body, headers={"Link": ", ".join(links)} if links else None)

    def get_paginated_response_schema(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """Describe a page for OpenAPI."""
        cursor = {"type": ["string", "null"], "description": "Pass it on as `cursor`."}
        return {
            "type": "object",
            "required": ["data", "page"],
            "properties": {
                "data": schema,
                "page": {
                    "type": "object",
                    "required": ["next", "previous"],
                    "properties": {"next": cursor, "previous": cursor},
                },
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the two parameters for OpenAPI."""
        return [
            {
                "name": CURSOR_PARAM,
                "in": "query",
                "required": False,
                "description": "The cursor of the page, taken from the page before or after it.",
                "schema": {"type": "string"},
            },
            {
                "name": LIMIT_PARAM,
                "in": "query",
                "required": False,
                "description": "How many entries a page has at most.",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MAX_LIMIT,
                    "default": DEFAULT_LIMIT,
                },
            },
        ]

    def _url_of(self, cursor: str) -> str:
        return replace_query_param(self.request.build_absolute_uri(), CURSOR_PARAM, cursor)
