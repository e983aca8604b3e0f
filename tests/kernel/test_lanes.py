"""Programs pass by what serves browsers; pages go through all of it."""

import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import URLResolver, get_resolver
from rest_framework.views import APIView

from identity.scim.door import Door
from kernel.lanes import PROGRAMS, BrowsersBeginMiddleware, BrowsersEndMiddleware
from tests.hardening.routes import _template as template_of

OF_BROWSERS = ("session", "htmx", "allauth", "_messages")
"""What the middlewares for browsers put on a request."""

pytestmark = pytest.mark.django_db


def seen(path: str, client: Client) -> set[str]:
    """Return what the middlewares for browsers put on the request for a path."""
    request = client.get(path).wsgi_request
    return {name for name in OF_BROWSERS if hasattr(request, name)}


def every_view(patterns: Iterable[Any], before: str = "/") -> Iterator[tuple[str, Any]]:
    """Yield each address of the service, as a pattern, with its view."""
    for entry in patterns:
        path = f"{before}{template_of(entry.pattern)[0]}"
        if isinstance(entry, URLResolver):
            yield from every_view(entry.url_patterns, path)
        else:
            yield path, entry.callback


def is_of_program(path: str) -> bool:
    """Whether a program's request goes there."""
    return path.startswith(PROGRAMS)


@pytest.fixture
def client_with_cookie(client) -> Client:
    """Return a browser that was here before."""
    client.cookies["sessionid"] = "x" * 32
    return client


@pytest.mark.parametrize(
    "path", ["/api/v1/me", "/api/v1/nothing", "/scim/v2/Users", "/scim/nothing/at/all"]
)
def test_a_program_has_nothing_that_pages_have(client_with_cookie, path):
    assert seen(path, client_with_cookie) == set()


@pytest.mark.parametrize("path", ["/", "/account/login/", "/api/docs", "/nothing"])
def test_a_page_has_all_that_pages_have(client_with_cookie, path):
    assert seen(path, client_with_cookie) == set(OF_BROWSERS)


def test_what_every_answer_has_is_on_a_programs_as_well(client):
    answer = client.get("/scim/v2/ServiceProviderConfig")
    for name in ("X-Request-Id", "Content-Security-Policy", "X-Content-Type-Options"):
        assert name in answer
    assert answer["X-Frame-Options"] == "DENY"
    assert int(answer["Content-Length"]) == len(answer.content)
    assert "Cookie" not in answer.get("Vary", "")


def test_each_thread_that_makes_a_handler_makes_its_own_lanes(rf):
    found: dict[int, str] = {}
    both_ended = threading.Barrier(2, timeout=10)

    def make(number: int) -> None:
        end = BrowsersEndMiddleware(lambda _request: f"behind {number}")
        both_ended.wait()
        begin = BrowsersBeginMiddleware(lambda _request: f"browsers {number}")
        assert end(rf.get("/")) == f"behind {number}"
        found[number] = f"{begin(rf.get('/scim/v2/Users'))}, {begin(rf.get('/scimitar'))}"

    threads = [threading.Thread(target=make, args=[number]) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {1: "behind 1, browsers 1", 2: "behind 2, browsers 2"}


def test_a_begin_without_its_end_does_not_start():
    with pytest.raises(ImproperlyConfigured):
        BrowsersBeginMiddleware(lambda _request: None)


def test_only_doors_of_programs_lie_in_their_lane():
    views = [view for path, view in every_view(get_resolver().url_patterns) if is_of_program(path)]
    assert len(views) > 50
    for view in views:
        assert issubclass(getattr(view, "view_class", None) or view.cls, Door | APIView), view


@pytest.mark.parametrize("path", ["/scim/v2/Users", "/scim/v2/Bulk"])
def test_no_cookie_counts_for_a_door(path):
    client = Client(enforce_csrf_checks=True)
    assert client.post(path, {}, content_type="application/json").status_code == 401
