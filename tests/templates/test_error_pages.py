"""The pages of errors: ours, with the request's id, and the one for 500 without a database."""

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.template.loader import render_to_string
from django.test import Client, RequestFactory

from kernel import http
from kernel.principal import Origin

ID = "a" * 32


@pytest.fixture
def request_():
    request = RequestFactory().get("/somewhere")
    request.origin = Origin(request_id=ID)
    return request


ANSWERS = {
    400: lambda request: http.bad_request(request, SuspiciousOperation("secret reason")),
    403: lambda request: http.permission_denied(request, PermissionDenied("Not for you.")),
    404: lambda request: http.page_not_found(request, Http404("secret reason")),
    429: http.too_many_requests,
    500: http.server_error,
}


@pytest.mark.parametrize("status", ANSWERS)
def test_error_pages_say_what_happened_and_its_id(request_, status):
    # Without the database mark: none of these pages may ask the database.
    answer = ANSWERS[status](request_)
    page = answer.content.decode()

    assert answer.status_code == status
    assert ID in page
    assert page.count("<h1>") == 1
    assert "<c-" not in page
    assert "style=" not in page
    assert "secret reason" not in page


@pytest.mark.parametrize("status", [500, 503])
def test_pages_of_our_own_failures_need_no_request(status):
    page = render_to_string(
        f"errors/{status}.html", {"title": "Broken", "detail": "Try again.", "request_id": ID}
    )

    assert "Broken" in page
    assert ID in page


def test_an_old_form_is_told_what_to_do(request_):
    answer = http.csrf_failure(request_, "secret reason")

    assert answer.status_code == 403
    assert b"This form is too old" in answer.content
    assert b"secret reason" not in answer.content


def test_a_form_without_its_token_is_refused_by_that_page():
    answer = Client(enforce_csrf_checks=True).post("/account/login/", {"login": "x"})

    assert answer.status_code == 403
    assert b"This form is too old" in answer.content


def test_an_unknown_host_is_answered_by_our_page(settings):
    settings.ALLOWED_HOSTS = ["testserver"]

    answer = Client().get("/nothing", headers={"Host": "evil.example"})

    assert answer.status_code == 400
    assert b"evil.example" not in answer.content
