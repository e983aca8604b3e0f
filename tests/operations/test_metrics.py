"""/metrics: closed without its token, true over several workers; what the alerts name exists."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from kernel.counting import meters
from kernel.metrics.view import exposition
from tests.factories.orgs import OrganizationFactory
from tests.operations.installation import answer, installed, wait_until

MONITORING = Path(__file__).resolve().parent.parent.parent / "docs" / "monitoring"
TOKEN = "a-token-of-the-tests-" + "t" * 20
MOST_SERIES = 2000


def value(name, **labels):
    return meters.REGISTRY.get_sample_value(name, labels) or 0.0


def shown(content):
    """Return the samples of an exposition: their name and labels, with their value."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(content)
        for sample in family.samples
    }


@pytest.mark.django_db
def test_without_a_token_there_is_no_page(client, settings):
    settings.STEWARD_METRICS_TOKEN = ""
    answered = client.get("/metrics", headers={"Authorization": "Bearer "})
    assert answered.status_code == 404
    assert b"steward_" not in answered.content


@pytest.mark.django_db
@pytest.mark.parametrize(
    "header", [None, "", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer", "Bearer ünï"]
)
def test_without_the_right_token_nothing_is_told(client, settings, header):
    settings.STEWARD_METRICS_TOKEN = TOKEN
    answered = client.get("/metrics", headers={"Authorization": header} if header else {})
    assert answered.status_code == 401
    assert answered["WWW-Authenticate"] == 'Bearer realm="metrics"'
    assert b"steward_" not in answered.content


@pytest.mark.django_db
def test_with_the_token_everything_is_told(client, settings):
    settings.STEWARD_METRICS_TOKEN = TOKEN
    answered = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answered.status_code == 200
    assert answered["Cache-Control"] == "no-store"
    assert answered["Content-Type"].startswith("text/plain")
    found = shown(answered.content.decode())
    assert found["steward_database_up", ()] == 1
    assert found["steward_jobs", (("state", "dead"),)] == 0
    assert client.post("/metrics").status_code == 405


@pytest.mark.django_db
def test_a_request_counts_by_its_routes_name_and_not_by_its_path(client):
    before = value("steward_http_requests_total", route="unmatched", method="GET", status="4xx")
    for number in range(3):
        client.get(f"/no-such-page/{number}")
    after = value("steward_http_requests_total", route="unmatched", method="GET", status="4xx")
    assert after == before + 3
    known = {"route": "error", "method": "GET", "status": "2xx"}
    before = value("steward_http_requests_total", **known)
    client.get("/docs/errors/not_found")
    assert value("steward_http_requests_total", **known) == before + 1
    strange = {"route": "healthz", "method": "other", "status": "4xx"}
    before = value("steward_http_requests_total", **strange)
    client.generic("BREW", "/healthz")
    assert value("steward_http_requests_total", **strange) == before + 1


@pytest.mark.django_db
def test_queries_of_a_request_are_counted_and_timed(client):
    asked = value("steward_http_database_queries_total", surface="console")
    waited = value("steward_http_database_seconds_total", surface="console")
    client.get("/account/login/")
    client.post("/account/login/", {"login": "nobody@example.com", "password": "wrong"})
    assert value("steward_http_database_queries_total", surface="console") > asked
    assert value("steward_http_database_seconds_total", surface="console") > waited


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "surface"),
    [
        ("/api/v1/me", "api"),
        ("/scim/v2/Users", "scim"),
        ("/scim/nothing", "scim"),
        ("/account/login/", "console"),
        ("/healthz", "probe"),
    ],
)
def test_the_time_of_a_request_counts_for_its_surface(client, path, surface):
    before = value("steward_http_request_duration_seconds_count", surface=surface)
    client.get(path)
    after = value("steward_http_request_duration_seconds_count", surface=surface)
    assert after == before + 1


@pytest.mark.django_db
def test_keys_and_sign_ins_count_by_result(client):
    refused = value("steward_key_checks_total", result="key_unknown")
    client.get("/api/v1/me", headers={"Authorization": "Bearer stw_unknown"})
    assert value("steward_key_checks_total", result="key_unknown") == refused + 1
    failed = value("steward_sign_ins_total", result="refused")
    client.post("/account/login/", {"login": "nobody@example.com", "password": "wrong"})
    assert value("steward_sign_ins_total", result="refused") == failed + 1


@pytest.mark.django_db
def test_what_a_limit_refuses_counts(client, settings):
    settings.STEWARD_ANONYMOUS_RATE = 1
    before = value("steward_throttled_total", limit="default")
    statuses = [client.get("/api/v1/me").status_code for _ in range(4)]
    assert 429 in statuses
    assert value("steward_throttled_total", limit="default") > before


@pytest.mark.django_db
def test_every_metric_that_an_alert_or_the_guide_names_is_shown():
    OrganizationFactory()
    text = exposition().decode()
    there = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    there |= {f"{name}{end}" for name in there for end in ("_bucket", "_sum", "_count")}
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    assert len(rules) > 10
    named = set()
    for rule in rules:
        assert rule["annotations"]["summary"]
        used = set(re.findall(r"\bsteward_\w+", rule["expr"]))
        assert used or rule["alert"] == "StewardIsAway"
        named |= used
    guide = set(re.findall(r"\bsteward_\w+", (MONITORING / "README.md").read_text()))
    assert named <= there
    assert guide <= there
    # The other way round as well: the guide leaves nothing out.
    assert set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE)) <= guide


def test_the_number_of_series_is_bounded_by_the_routes():
    from django.urls import get_resolver

    def names(patterns):
        for pattern in patterns:
            yield from (
                names(pattern.url_patterns) if hasattr(pattern, "url_patterns") else [pattern]
            )

    routes = len(list(names(get_resolver().url_patterns)))
    # Each route answers few methods, most of them in two or three kinds.
    assert routes * (2 * 3 + 2) + 3 * (len(meters._BUCKETS) + 4) < MOST_SERIES, routes


@pytest.mark.django_db
def test_labels_name_no_organization(client, settings):
    made = OrganizationFactory()
    client.get(f"/o/{made.slug}/")
    client.get(f"/api/v1/organizations/{made.slug}/members")
    text = exposition().decode()
    assert made.slug not in text
    assert made.pk.hex not in text.replace("-", "")


def test_the_workers_of_a_server_count_together(tmp_path, record_property):
    with installed("sqlite", tmp_path) as installation:
        installation.manage("migrate", "-v0")
        installation.extra["STEWARD_METRICS_TOKEN"] = TOKEN

        def scrape(port):
            status, content = answer(port, "GET", "/metrics", key=TOKEN)
            assert status == 200
            return shown(content.decode())

        errors = (
            "steward_http_requests_total",
            (("method", "GET"), ("route", "errors"), ("status", "2xx")),
        )
        web = installation.start_web(workers=2)
        folders = installation.folder / "metrics"
        wait_until(
            "both workers count",
            lambda: answer(web.port, "GET", "/healthz")
            and len({file.stem.split("_")[-1] for file in folders.glob("*/*.db")}) >= 2,
        )
        for _ in range(30):
            assert answer(web.port, "GET", "/docs/errors")[0] == 200
        assert {scrape(web.port)[errors] for _ in range(8)} == {30}
        web.terminate()
        # A new server begins at zero and tidies up after the one that ended.
        web = installation.start_web(workers=2)
        assert errors not in scrape(web.port)
        assert len(list(folders.iterdir())) == 1


def test_what_counting_costs_is_told(record_property, tmp_path):
    """Count as a web process does, into shared files, and report the price of one request."""
    code = (
        "import sys, time; from pathlib import Path; from kernel.counting import store; "
        f"store.share_between_workers(Path({str(tmp_path)!r})); "
        "from kernel.counting.meters import count_request; "
        "count = lambda: count_request('api:me', 'GET', 200, 0.004, queries=3, waited=0.001); "
        "count(); begun = time.process_time(); [count() for _ in range(20000)]; "
        "print((time.process_time() - begun) / 20000 * 1e6)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": ""}, cwd=MONITORING.parent.parent,
    )  # fmt: skip
    microseconds = float(done.stdout)
    assert 0 < microseconds < 1000
    assert any(tmp_path.glob("*/counter_*.db"))
    record_property("counting_microseconds_per_request", round(microseconds, 1))
