"""Programs pass by what serves browsers; pages go through all of it."""

import threading

import pytest
from django.test import Client

OF_BROWSERS = ("session", "htmx", "allauth", "_messages")
"""What the middlewares for browsers put on a request."""

pytestmark = pytest.mark.django_db


def seen(path: str, client: Client) -> set[str]:
    """Return what the middlewares for browsers put on the request for a path."""
    request = client.get(path).wsgi_request
    return {name for name in OF_BROWSERS if hasattr(request, name)}


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


def test_each_thread_that_makes_a_handler_makes_its_own_lanes():
    found: list[set[str]] = []

    def ask() -> None:
        client = Client()
        found.append(seen("/scim/v2/ServiceProviderConfig", client))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [set()] * 4
