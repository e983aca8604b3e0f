"""Counts requests, and the time that their queries take."""

import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connections
from django.db.backends.signals import connection_created
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from kernel.counting.meters import count_request


class _Spent(threading.local):
    """How many queries this thread ran, and how long they took."""

    queries = 0
    seconds = 0.0


_spent = _Spent()


class CountingMiddleware:
    """The outermost middleware: its time is the whole time in Django."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        connection_created.connect(_watch, dispatch_uid="kernel.counting")
        for connection in connections.all(initialized_only=True):
            _watch(connection)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Count one request; an answer that is streamed counts until its start."""
        _spent.queries, _spent.seconds = 0, 0.0
        started = time.perf_counter()
        response = self.get_response(request)
        elapsed = time.perf_counter() - started
        count_request(
            route_of(request),
            request.method or "",
            response.status_code,
            elapsed,
            queries=_spent.queries,
            waited=_spent.seconds,
        )
        return response


def route_of(request: HttpRequest) -> str:
    """Return the name of the matched route; one name for all that matches none."""
    match = request.resolver_match
    if match is None:
        return "unmatched"
    name = match.view_name or "unnamed"
    return f"api:{name}" if request.path.startswith("/api/") else name


def _watch(connection: Any, **_signal: Any) -> None:
    """Time the queries of a new connection."""
    if _timed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_timed)


def _timed(execute: Callable[..., Any], *call: Any) -> Any:
    started = time.perf_counter()
    try:
        return execute(*call)
    finally:
        _spent.queries += 1
        _spent.seconds += time.perf_counter() - started
