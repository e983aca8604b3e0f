"""The request's frame: ids, addresses, one log line, plain errors in two dialects."""

import io
import json
import logging
import logging.config
import re

import pytest
import structlog
from django.conf import settings
from django.test import Client, RequestFactory

from kernel.http import client_ip, origin_of
from kernel.logs import bind_principal, logging_config
from kernel.principal import Origin, Principal

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kernel.throwaway")]


def get(path, **headers):
    return Client(raise_request_exception=False).get(path, headers=headers)


def test_a_given_request_id_is_kept_and_returned():
    answer = get("/origin", x_request_id="abc-DEF_123", user_agent="curl/8")
    assert answer["X-Request-Id"] == "abc-DEF_123"
    assert answer.content == b"127.0.0.1|curl/8|abc-DEF_123"


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "with space 123", "inject\x0bed-12345"])
def test_any_other_id_is_replaced(given):
    made = get("/origin", x_request_id=given)["X-Request-Id"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert made != get("/origin")["X-Request-Id"]


@pytest.mark.parametrize(
    ("hops", "forwarded", "ip"),
    [
        (0, "6.6.6.6", "127.0.0.1"),
        (1, "6.6.6.6, 192.0.2.1", "192.0.2.1"),
        (2, "6.6.6.6, 192.0.2.1, 10.0.0.1", "192.0.2.1"),
        (1, "192.0.2.1:51234", "192.0.2.1"),
        (1, "[2001:db8::1]:51234", "2001:db8::1"),
        (1, "2001:DB8::1", "2001:db8::1"),
        (2, "192.0.2.1", ""),
        (1, "", ""),
        (1, "localhost", ""),
    ],
)
def test_only_trusted_proxies_say_where_a_request_came_from(settings, hops, forwarded, ip):
    settings.STEWARD_TRUSTED_PROXIES = hops
    assert client_ip(RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})) == ip


def test_an_unframed_request_has_no_origin():
    assert origin_of(RequestFactory().get("/")) == Origin()


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_errors_are_pages_for_people_and_problems_for_programs(status):
    name = str(status)
    page = get(f"/fails/{name}", x_request_id="req-12345678")
    assert page.status_code == status
    assert page["Content-Type"].startswith("text/html")
    assert "req-12345678" in page.content.decode()
    problem = get(f"/api/raw/{name}", x_request_id="req-12345678")
    assert problem.status_code == status
    assert problem["Content-Type"] == "application/problem+json"
    assert problem.json()["instance"] == "urn:steward:request:req-12345678"
    for answer in (page, problem):
        assert "secret detail" not in answer.content.decode()
        assert "table x" not in answer.content.decode()


def test_a_refusal_says_why():
    assert get("/api/raw/403").json()["detail"] == "You lack member.invite."


@pytest.mark.parametrize("path", ["/too-often", "/api/too-often"])
def test_whoever_tries_too_often_is_told_when_to_come_back(path):
    answer = get(path)
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_what_is_absent_and_what_is_anothers_are_the_same_bytes(prefix):
    refused = "/fails/404" if not prefix else "/api/raw/404"
    answers = [
        get(path, x_request_id="req-12345678") for path in (refused, f"{prefix}/never/existed")
    ]
    assert answers[0].status_code == answers[1].status_code == 404
    # Django masks the form token anew for each page.
    bodies = {re.sub(rb'"X-CSRFToken": "\w+"', b"", answer.content) for answer in answers}
    assert len(bodies) == 1


@pytest.mark.urls("config.urls")
def test_a_form_without_its_token_gets_a_page_that_says_so():
    answer = Client(enforce_csrf_checks=True).post("/account/login/", {})
    assert answer.status_code == 403
    assert answer["Content-Type"].startswith("text/html")


@pytest.fixture
def lines():
    """What the product's logging writes, as JSON."""
    written = io.StringIO()
    before, structured = logging.root.handlers[:], structlog.get_config()
    wanted = logging_config(json=True)
    wanted["handlers"]["console"]["stream"] = written
    logging.config.dictConfig(wanted)

    def read():
        return [json.loads(line) for line in written.getvalue().splitlines()]

    yield read
    structlog.contextvars.clear_contextvars()
    structlog.configure(**structured)
    logging.config.dictConfig(settings.LOGGING)
    logging.root.handlers[:] = before


def test_a_request_writes_one_line_without_its_query(lines):
    get("/origin?token=hunter2", x_request_id="req-12345678", user_agent="curl/8")
    (line,) = lines()
    assert line["event"] == "request"
    assert (line["method"], line["path"], line["route"]) == ("GET", "/origin", "origin")
    assert (line["status"], line["request_id"], line["ip"]) == (200, "req-12345678", "127.0.0.1")
    assert "hunter2" not in json.dumps(line)


def test_a_failure_of_ours_is_an_error_with_its_traceback(lines):
    get("/api/fails/bug", x_request_id="req-12345678")
    found = lines()
    assert {line["level"] for line in found} == {"error"}
    assert "ZeroDivisionError" in found[0]["exception"]
    assert {line["request_id"] for line in found} == {"req-12345678"}


def test_probes_are_quiet(lines):
    get("/healthz")
    assert lines() == []


def test_no_secret_reaches_a_log_by_any_way(lines):
    log = structlog.stdlib.get_logger("test")
    bind_principal(Principal.system("purge"))
    log.warning("text Bearer c4n4ryc4n4ry", password="c4n4ry", deep={"api_key": ["c4n4ry"]})
    other = logging.getLogger("other")
    other.warning("with %s", "token=x&secret=c4n4ry", extra={"cookie": "c4n4ry"})
    try:
        int("postgresql://u:c4n4ry@db/x")
    except ValueError:
        log.exception("failed")
    found = lines()
    assert len(found) == 3
    assert "c4n4ry" not in json.dumps(found)
    assert found[0]["principal"] == "system:purge"


def test_people_get_text():
    from structlog.dev import ConsoleRenderer

    processors = logging_config(json=False)["formatters"]["structured"]["processors"]
    assert isinstance(processors[-1], ConsoleRenderer)
