"""What every test shares: which servers the run uses, and a clean slate between tests."""

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction

from identity.directory import anchors
from kernel.database.scope import across
from kernel.invariants import broken_rules
from tests import database

_DATABASE_FIXTURES = {"db", "transactional_db"}


def pytest_report_header() -> list[str]:
    """Say plainly on what this run runs."""
    default = settings.DATABASES["default"]
    if settings.USES_POSTGRESQL:
        database = f"PostgreSQL at {default.get('HOST') or 'a local socket'}"
        without = ""
    else:
        database = "SQLite, a file in WAL mode"
        without = " (tests marked postgresql are skipped)"
    redis = settings.TEST_REDIS_URL if settings.USES_REDIS else "none (tests marked redis skipped)"
    return [f"database: {database}{without}", f"redis: {redis}"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a server that does not answer, with the reason in the summary."""
    lacking = {
        "postgresql": (settings.USES_POSTGRESQL, "no PostgreSQL answers"),
        "redis": (settings.USES_REDIS, "no Redis answers"),
        "rabbitmq": (settings.USES_RABBITMQ, "no RabbitMQ answers"),
    }
    for item in items:
        for mark, (is_there, reason) in lacking.items():
            if not is_there and item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def _empty_cache():
    """Leave no throttle or replay of one test to the next."""
    cache.clear()
    anchors.near.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def _invariants_hold(request):
    """Ask at the end of each test with a database whether it left anything that cannot be.

    Tests that plant a violation say so: `@pytest.mark.spoils("what and why")`.
    """
    uses = _DATABASE_FIXTURES.intersection(request.fixturenames)
    if not uses and not request.node.get_closest_marker("django_db"):
        yield
        return
    # Asked for first, so that its end comes after ours.
    request.getfixturevalue("transactional_db" if "transactional_db" in uses else "db")
    yield
    if request.node.get_closest_marker("spoils") or connection.needs_rollback:
        return
    with across("a test is over, whoever it acted for"), transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                # A probe that the test asked may have left its own, shorter one.
                cursor.execute("SET LOCAL statement_timeout = '10s'")
        assert broken_rules() == []


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Let the end of a test empty the event log and its checkpoints.

    A test in real transactions ends with a flush, by TRUNCATE or row by row, and the log's
    own triggers refuse both. So the flush lifts them for a moment.
    """
    flush = connection.ops.sql_flush
    if connection.vendor == "postgresql":
        tables = ("kernel_event", "kernel_checkpoint")
        lift = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in tables]
        back = [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in tables]
        lift, back = [database.TO_OWNER, *lift], [*back, database.TO_SERVICE]
    else:
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = dict(cursor.fetchall())
        lift = [f"DROP TRIGGER {name}" for name in triggers]
        back = list(triggers.values())

    def sql_flush(*args, **options):
        return [*lift, *flush(*args, **options), *back]

    connection.ops.sql_flush = sql_flush
    if connection.vendor != "postgresql":
        yield
        return
    # From here on everything runs as the service's role, which no wall lets through.
    with django_db_blocker.unblock():
        options = database.become_the_service()
    yield
    with django_db_blocker.unblock():
        database.become_the_owner(options)
