"""The previous release's installation becomes this one's: its data whole, its service never away.

The rule behind the second half: code of release N runs on the schema of N and of N + 1.
"""

import contextlib
import os
from pathlib import Path

import psycopg
import pytest

from tests.operations import previous_release
from tests.operations.balancer import Balancer
from tests.operations.installation import (
    Installation,
    installed,
    owned_database,
    signs_in,
    wait_until,
)
from tests.operations.load import Load
from tests.operations.tables import all_rows, narrowed

KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
REQUESTS = int(os.environ.get("STEWARD_DRILL_REQUESTS", "100"))
"""How many requests each phase of the upgrade under load waits for."""

GROWING = {"django_migrations", "django_content_type", "auth_permission"}
"""Tables that migrations add rows to."""


@pytest.mark.parametrize("kind", KINDS)
def test_the_previous_releases_data_is_whole_after_the_upgrade(kind, tmp_path):
    with installed(kind, tmp_path / "new") as installation:
        facts = previous_release.install(kind, installation)
        before = all_rows(installation)
        installation.manage("migrate", "-v0")
        after = all_rows(installation)
        assert sum(len(rows) for _, rows in before.values()) > 300
        for name, (columns, rows) in before.items():
            found = narrowed(after[name], columns)
            if name in GROWING:
                assert not rows - found, name
            else:
                assert found == rows, name
        installation.verify()
        web = installation.start_web()
        web.wait_until_ready()
        assert web.call(facts["api_key"], "GET", "/api/v1/me")["name"] == "ines-demo"
        account = web.call(facts["service_account_key"], "GET", "/api/v1/me")
        assert account["name"] == facts["service_account"]
        assert signs_in(web.port, facts["email"], facts["password"])
        assert not signs_in(web.port, facts["email"], facts["password"] + "x")


@pytest.mark.postgresql
def test_an_upgrade_under_load_fails_no_request(tmp_path, record_property):
    if not previous_release.is_in_history():
        assert not os.environ.get("CI"), "CI needs the whole history: the previous release's code."
        pytest.skip("this checkout has no history to take the previous release's code from")
    old_code = previous_release.extract(tmp_path / "code")
    folder = tmp_path / "data"
    folder.mkdir()
    with owned_database() as url, contextlib.ExitStack() as stack:
        old, new = Installation(folder, url, code=old_code), Installation(folder, url)
        stack.callback(old.stop)
        stack.callback(new.stop)
        facts = previous_release.install("postgresql", new)
        outgoing = [old.start_web(), old.start_web()]
        with (
            Balancer(*(web.port for web in outgoing)) as balancer,
            Load(balancer.port, facts["api_key"], facts["organization"]) as load,
        ):
            load.wait_for(REQUESTS)
            new.manage("migrate", "-v0")
            # The old code on the new schema.
            load.wait_for(REQUESTS)
            first = new.start_web()
            first.wait_until_ready()
            balancer.send_to(first.port, outgoing[1].port)
            _retire(balancer, outgoing[0])
            # Both releases side by side.
            load.wait_for(REQUESTS)
            second = new.start_web()
            second.wait_until_ready()
            balancer.send_to(first.port, second.port)
            _retire(balancer, outgoing[1])
            load.wait_for(REQUESTS)
        record_property("requests", load.requests)
        assert load.failures == []
        assert set(balancer.served) == {*(web.port for web in outgoing), first.port, second.port}
        with psycopg.connect(url) as database:
            made = database.execute("SELECT name FROM orgs_entity WHERE name LIKE 'load-%'")
            assert {name for (name,) in made.fetchall()} >= set(load.acknowledged)
        new.verify()
        assert signs_in(first.port, facts["email"], facts["password"])


def _retire(balancer, web):
    """End a process that no new request is sent to, once it has answered the others."""
    wait_until("nobody waits for the old process", lambda: balancer.is_drained(web.port))
    web.terminate()


def test_the_fixtures_hold_no_more_than_the_previous_release_made():
    assert sorted(path.name for path in Path(previous_release.FIXTURES).iterdir()) == [
        "release_0_1.postgresql.json",
        "release_0_1.postgresql.sql",
        "release_0_1.sqlite.json",
        "release_0_1.sqlite.sql",
    ]
