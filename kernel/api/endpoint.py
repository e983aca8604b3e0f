"""The base of every REST endpoint: what it takes and gives, declared beside it.

Each declaration is used twice: to check a request, and to describe the endpoint in the
OpenAPI document (`kernel.api.schema`). Who may call it is the business of the doors.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.urls import URLResolver, get_resolver
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.api import etag, represent
from kernel.api.body import Body, JSONBody
from kernel.api.idempotency import IdempotentPosts
from kernel.api.pagination import CURSOR_PARAM, LIMIT_PARAM, KeysetPagination
from kernel.api.throttle import RateLimited
from kernel.errors import BadParameter, DomainError
from kernel.transient import again_if_undone

Representation = serializers.Serializer[Any]

CREATED, NO_CONTENT = 201, 204


class Endpoint(RateLimited, IdempotentPosts):
    """One URL with its methods.

    `noun` is the tag and, with the verb, the operation's id (`members_list`).
    `verbs` names what differs from list/get, create, update, replace and delete.
    `bodies`, `parameters` and `refusals` say by method what is taken and which domain
    errors the action may answer with; `representation` (or `representations` by method)
    what is given. `is_list` means that GET answers with a page, or with the whole of a
    bounded collection where `is_paged` is false.
    """

    noun: ClassVar[str] = ""
    verbs: ClassVar[Mapping[str, str]] = {}
    bodies: ClassVar[Mapping[str, type[Body]]] = {}
    parameters: ClassVar[Mapping[str, type[Representation]]] = {}
    refusals: ClassVar[Mapping[str, tuple[type[DomainError], ...]]] = {}
    representation: ClassVar[type[Representation] | None] = None
    representations: ClassVar[Mapping[str, type[Representation]]] = {}
    versioned: ClassVar[frozenset[str]] = frozenset({"PATCH"})
    is_list: ClassVar[bool] = False
    is_paged: ClassVar[bool] = True
    page_order: ClassVar[str] = "-id"

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    parser_classes = [JSONBody]
    pagination_class = KeysetPagination
    query: Mapping[str, Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Recognise and admit the caller, then read the query.

        What the database undoes for the sake of another request is done again: the whole
        method with its idempotency key, after which the caller was admitted and counted.
        """
        super().initial(request, *args, **kwargs)
        method = str(request.method)
        if method not in self.allowed_methods:
            self.http_method_not_allowed(request)
        self.query = self._read_query(request)
        handler = getattr(self, method.lower())
        setattr(
            self,
            method.lower(),
            lambda *given, **named: again_if_undone(lambda: handler(*given, **named)),
        )

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Keep answers out of shared caches; private ones ask again, which ETags make cheap.

        What an act answers may hold a secret that is shown once: it is stored nowhere.
        """
        final = super().finalize_response(request, response, *args, **kwargs)
        reads = request.method in {"GET", "HEAD"}
        final.headers.setdefault("Cache-Control", "private, no-cache" if reads else "no-store")
        return final

    @property
    def declared_method(self) -> str:
        """Return the method as declarations name it: HEAD is a GET without its body."""
        method = str(self.request.method)
        return "GET" if method == "HEAD" else method

    @classmethod
    def verb(cls, method: str) -> str:
        """Return what a method does here, in one word."""
        plain = {
            "GET": "list" if cls.is_list else "get",
            "POST": "create",
            "PATCH": "update",
            "PUT": "replace",
            "DELETE": "delete",
        }
        return cls.verbs.get(method, plain[method])

    @classmethod
    def shape(cls, method: str) -> type[Representation] | None:
        """Return the representation that a method answers with, if any."""
        return cls.representations.get(method, cls.representation)

    @classmethod
    def success(cls, method: str) -> int:
        """Return the status that tells success."""
        if method == "DELETE" or cls.shape(method) is None:
            return NO_CONTENT
        return CREATED if cls.verb(method) == "create" else 200

    @classmethod
    def query_parameters(cls, method: str) -> frozenset[str]:
        """Return the names that the query may hold; any other is refused."""
        declared = cls.parameters.get(method)
        names = frozenset(declared._declared_fields) if declared else frozenset()
        if method == "GET" and cls.is_list and cls.is_paged:
            names |= {CURSOR_PARAM, LIMIT_PARAM}
        return names

    def body(self) -> dict[str, Any]:
        """Return the checked body; in a PATCH only the members that were sent."""
        method = self.declared_method
        read = self.bodies[method](data=self.request.data, partial=method == "PATCH")
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def expected_version(self) -> int | None:
        """Return the version that If-Match names, for the action to compare under its lock."""
        return etag.expected_version(self.request)

    def one(self, row: Any, *, location: str = "") -> Response:
        """Answer with one object, its ETag and, if it is new, its address."""
        method = self.declared_method
        shape = self.shape(method)
        assert shape is not None  # noqa: S101 - a declaration is missing
        answer = etag.respond(
            self.request, row, lambda: represent.one(shape, row), status=self.success(method)
        )
        if location:
            answer.headers["Location"] = location
        return answer

    def page(self, rows: "QuerySet[Any]") -> Response:
        """Answer with the page of a queryset that the query asks for."""
        assert self.representation is not None  # noqa: S101 - a declaration is missing
        pager = self.pagination_class()
        found = pager.paginate_queryset(rows, self.request, view=self)
        return pager.get_paginated_response(represent.many(self.representation, found))

    def whole(self, rows: Iterable[Any]) -> Response:
        """Answer with all of a bounded collection, in the form of a page."""
        assert self.representation is not None  # noqa: S101 - a declaration is missing
        data = represent.many(self.representation, rows)
        return Response({"data": data, "page": {"next": None, "previous": None}})

    def _read_query(self, request: Request) -> Mapping[str, Any]:
        """Return the checked parameters; raise `BadParameter` for unknown and wrong ones."""
        method = self.declared_method
        allowed = self.query_parameters(method)
        unknown = sorted(set(request.query_params) - allowed)
        if unknown:
            known = ", ".join(sorted(allowed)) or "none"
            raise BadParameter(
                f"“{unknown[0]}” is not a parameter of this request; known: {known}.",
                parameter=unknown[0],
            )
        twice = sorted(name for name, given in request.query_params.lists() if len(given) > 1)
        if twice:
            raise BadParameter(f"“{twice[0]}” is given more than once.", parameter=twice[0])
        declared = self.parameters.get(method)
        if declared is None:
            return {}
        given = {name: request.query_params[name] for name in request.query_params}
        read = declared(data=given)
        if not read.is_valid():
            name, reasons = next(iter(read.errors.items()))
            raise BadParameter(f"{name}: {reasons[0]}", parameter=str(name))
        return dict(read.validated_data)


def endpoints(
    patterns: Iterable[Any] | None = None, space: str = "", path: str = ""
) -> Iterator[tuple[str, str, type[Endpoint]]]:
    """Walk the URL configuration and yield each endpoint's name, path and view."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        route = path + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from endpoints(entry.url_patterns, inner, route)
        else:
            view = getattr(entry.callback, "cls", None)
            if isinstance(view, type) and issubclass(view, Endpoint):
                yield f"{space}{entry.name}", f"/{route}", view
