"""A PostgreSQL that says nothing any more is waited for a while, and not for ever."""

import time

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError

from config.settings.base import postgresql
from kernel.database.postgresql import base, driver
from tests.chaos.proxy import Proxy

pytestmark = pytest.mark.postgresql


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(driver, "ANSWER_SECONDS", 0.4)
    monkeypatch.setattr(base, "CHECK_SECONDS", 0.2)


@pytest.fixture
def proxy():
    made = Proxy(int(settings.DATABASES["default"].get("PORT") or 5432))
    yield made
    made.stop()


@pytest.fixture
def connection(proxy, django_db_blocker):
    """A connection of the product's backend through the proxy, and nobody else's."""
    from django.db import connection as usual

    known = {
        **usual.settings_dict,
        "HOST": "127.0.0.1",
        "PORT": proxy.port,
        "NAME": "postgres",
        "OPTIONS": postgresql("postgresql://127.0.0.1/postgres")["OPTIONS"],
    }
    made = base.DatabaseWrapper(known, alias="silent")
    with django_db_blocker.unblock():
        yield made
        made.close()


def ask(connection) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("mode", ["blackhole", "half"])
@pytest.mark.parametrize("times", [1, 7])
def test_a_statement_ends_when_the_server_is_silent(connection, proxy, mode, times):
    """Whether it is a new one to the driver, or prepared and sent with all around it."""
    for _ in range(times):
        assert ask(connection) == 1
    proxy.set(mode)
    began = time.monotonic()
    with pytest.raises(OperationalError, match="did not answer"):
        ask(connection)
    assert time.monotonic() - began < 5
    assert not connection.is_usable()
    proxy.heal()
    connection.close()
    assert ask(connection) == 1


def test_a_commit_ends_as_well(connection, proxy):
    connection.ensure_connection()
    connection.set_autocommit(False)
    ask(connection)
    proxy.set("half")
    with pytest.raises(OperationalError, match="did not answer"):
        connection.commit()


def test_the_check_before_a_request_takes_a_moment_only(connection, proxy, monkeypatch):
    monkeypatch.setattr(driver, "ANSWER_SECONDS", 60)
    assert ask(connection) == 1
    proxy.set("blackhole")
    began = time.monotonic()
    assert not connection.is_usable()
    assert time.monotonic() - began < 5


def test_whoever_gives_a_time_of_their_own_keeps_it(connection):
    connection.ensure_connection()
    assert list(connection.connection.notifies(timeout=0.6)) == []
    assert ask(connection) == 1


def test_a_slow_answer_within_the_time_is_waited_for(connection, monkeypatch):
    monkeypatch.setattr(driver, "ANSWER_SECONDS", 20)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.6)")
    assert isinstance(connection.connection, psycopg.Connection)
