"""Probes: alive, and ready; the broker is a warning."""

import datetime as dt
import shutil
import socket
import time
import tomllib

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from kernel import clock, draining, health
from kernel.health import (
    check_broker,
    check_clock,
    check_database,
    check_disk,
    check_migrations,
)
from kernel.upgrade.release import RELEASE
from tests.database import as_owner

pytestmark = pytest.mark.django_db


def test_alive_needs_no_database(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer["Cache-Control"] == "no-store"


def test_probes_are_read_only(client):
    assert client.post("/healthz").status_code == 405
    assert client.post("/readyz").status_code == 405


def test_ready_when_all_is_well(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    checks = answer.json()["checks"]
    assert {name: check["status"] for name, check in checks.items()} == {
        "database": "ok",
        "migrations": "ok",
        "walls": "ok",
        "broker": "ok",
        "clock": "ok",
        "disk": "ok",
        "serving": "ok",
    }
    assert "sweep" in checks["broker"]["detail"]


def test_a_database_that_goes_between_two_checks_is_not_ready(client):
    """`connection.execute_wrapper` fails as a driver does, from the schema's check on."""

    def goes(execute, sql, *rest):
        if "pg_class" in sql or "sqlite_master" in sql:
            raise OperationalError("server closed the connection unexpectedly")
        return execute(sql, *rest)

    with connection.execute_wrapper(goes):
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"]["status"] == "ok"
    assert answer.json()["checks"]["migrations"] == {
        "status": "failed", "detail": "The database does not answer (OperationalError)."
    }  # fmt: skip


def test_not_ready_before_a_migration(client):
    with as_owner():
        MigrationRecorder(connection).record_unapplied("kernel", "0001_initial")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"]["detail"] == "Not applied: kernel.0001_initial."


def test_ready_on_the_schema_of_the_next_release(client):
    with as_owner():
        MigrationRecorder(connection).record_applied("kernel", "9999_future")
        MigrationRecorder(connection).record_applied("uninstalled", "0001_initial")
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"]["migrations"] == {
        "status": "warning",
        "detail": "Applied by the next release: kernel.9999_future.",
    }


def test_not_ready_on_a_schema_that_needs_a_newer_release():
    major, minor = map(int, RELEASE.split(".")[:2])
    recorder = MigrationRecorder(connection)
    with as_owner():
        recorder.record_applied("kernel", f"9998_contract_{major}_{minor}_drop_old_names")
    assert check_migrations().status == "warning"
    with as_owner():
        recorder.record_applied("kernel", f"9999_contract_{major}_{minor + 1}")
    check = check_migrations()
    assert (check.status, check.detail) == (
        "failed",
        f"Applied by a newer release: kernel.9999_contract_{major}_{minor + 1}.",
    )


def test_the_release_is_the_projects_version():
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())
    assert project["project"]["version"] == RELEASE


@pytest.mark.django_db(transaction=True)
def test_not_ready_without_a_database(client, settings):
    known = connection.settings_dict
    connection.close()
    before = dict(known)
    known.update({"HOST": "127.0.0.1", "PORT": "1", "NAME": "/nowhere/at/all/x.sqlite3"})
    try:
        answer = client.get("/readyz")
    finally:
        connection.close()
        known.update(before)
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert checks["database"]["status"] == "failed"
    assert "OperationalError" in checks["database"]["detail"]
    assert checks["migrations"] == {"status": "unknown"}


def test_a_database_that_is_slow_is_not_ready(monkeypatch):
    monkeypatch.setattr(health, "DATABASE_SECONDS", 0.0)
    if connection.vendor == "postgresql":
        # A statement time-out of 0 ms means none.
        assert check_database().status == "failed"
    assert "for one row" in check_database().detail


@pytest.fixture
def nobody_asks():
    """Wait until the question of an earlier probe has ended."""
    _wait_until_nobody_asks()


def _wait_until_nobody_asks():
    until = time.monotonic() + 10
    while health._asking_broker.locked():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.redis
@pytest.mark.usefixtures("nobody_asks")
def test_a_broker_that_answers_is_well(settings):
    assert check_broker(settings.TEST_REDIS_URL) == health.OK


def test_a_broker_that_is_away_is_a_warning(client, settings):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"]["broker"]["status"] == "warning"


@pytest.mark.usefixtures("nobody_asks")
def test_a_broker_that_hangs_costs_half_a_second_and_one_thread():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        started = time.monotonic()
        assert check_broker(url).status == "warning"
        assert 0.4 < time.monotonic() - started < 1.0
        started = time.monotonic()
        assert "no answer in time" in check_broker(url).detail
        assert time.monotonic() - started < 0.1
    # The question ends with the connection, and the next probe may ask again.
    _wait_until_nobody_asks()


@pytest.fixture
def skew():
    """Let the database's clock go behind this machine's by so many seconds."""

    def set_skew(seconds):
        moment = clock.system_now() - dt.timedelta(seconds=seconds)
        clock.follow(clock.Anchor(moment, time.monotonic()))

    yield set_skew
    clock.follow(None)


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(0, "ok"), (1, "ok"), (10, "warning"), (-10, "warning"), (61, "failed"), (-3e7, "failed")],
)
def test_a_clock_that_differs_by_more_than_a_minute_is_not_ready(skew, seconds, status):
    skew(seconds)
    assert check_clock().status == status


def test_a_wrong_clock_is_told_in_words(skew):
    skew(600)
    assert check_clock().detail == "This machine's clock is 600 s ahead of the database's."
    skew(-600)
    assert check_clock().detail == "This machine's clock is 600 s behind the database's."


def test_a_full_disk_is_a_failure_where_the_database_is_a_file(settings, client):
    settings.STEWARD_MINIMUM_FREE_MB = 1e9
    free = shutil.disk_usage(settings.STEWARD_DATA_DIR)
    enough = free.free >= 0.05 * free.total
    expected = "ok" if enough else {"sqlite": "failed"}.get(connection.vendor, "warning")
    assert check_disk().status == expected


def test_a_data_directory_that_is_gone_is_a_warning(settings, tmp_path):
    settings.STEWARD_DATA_DIR = tmp_path / "gone"
    assert check_disk().status == "warning"


def test_not_ready_once_the_end_is_announced(client, monkeypatch, tmp_path):
    announcement = tmp_path / "serving"
    announcement.touch()
    monkeypatch.setenv(draining.VARIABLE, str(announcement))
    assert client.get("/readyz").status_code == 200
    announcement.unlink()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["serving"]["status"] == "failed"
    assert client.get("/healthz").status_code == 200
