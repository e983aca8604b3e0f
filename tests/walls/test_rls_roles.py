"""`create_db_roles` makes a role that walls hold for, and readiness tells one that passes them."""

import io
import re
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from django.db import connection

from kernel.database import roles
from kernel.database.faults import faults_of
from kernel.health import check_walls
from kernel.management.commands.create_db_roles import PASSWORD_VARIABLE
from tests.database import as_owner
from tests.factories.orgs import OrganizationFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

READS = "SELECT count(*) FROM orgs_organization"


@pytest.fixture
def role() -> Iterator[str]:
    """Return a name for a role, which is dropped at the end."""
    name = f"steward_role_{connection.settings_dict['NAME'][-40:]}".lower()
    yield name
    with as_owner():
        if roles.exists(connection, name):
            with connection.cursor() as cursor:
                cursor.execute(f"DROP OWNED BY {name}")
                cursor.execute(f"DROP ROLE {name}")


@pytest.fixture(autouse=True)
def password(monkeypatch: Any) -> Any:
    """Return what sets the password that the command finds in the environment."""
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    return lambda text: monkeypatch.setenv(PASSWORD_VARIABLE, text)


def command(role: str) -> str:
    """Run the command as the owner; return what it says."""
    out = io.StringIO()
    with as_owner():
        call_command("create_db_roles", stdout=out, role=role)
    return out.getvalue()


def connect(role: str, password: str = "") -> "psycopg.Connection[Any]":
    """Connect as a role, without our backend."""
    at = connection.settings_dict
    return psycopg.connect(
        dbname=at["NAME"],
        user=role,
        password=password or None,
        host=at["HOST"],
        port=at["PORT"],
        autocommit=True,
    )


def test_the_role_is_walled_in_and_may_not_change_the_trail(role: str) -> None:
    mine, _theirs = OrganizationFactory(), OrganizationFactory()
    said = command(role)
    found = re.search(rf"DATABASE_URL=postgresql://{role}:([\w-]+)@", said)
    assert found, said
    with connect(role, found.group(1)) as service:
        assert service.execute(READS).fetchone() == (0,)
        with service.transaction():
            service.execute(f"SET LOCAL steward.organization = '{mine.pk}'")
            assert service.execute(READS).fetchone() == (1,)
        with service.transaction():
            service.execute("SET LOCAL steward.organization = '*'")
            assert service.execute(READS).fetchone() == (2,)
        assert service.execute(READS).fetchone() == (0,), "'' is nobody's and no error"
        for refused in (
            "UPDATE kernel_event SET type = 'x'",
            "DELETE FROM kernel_event",
            "TRUNCATE kernel_event",
            "TRUNCATE orgs_team",
            "UPDATE kernel_checkpoint SET sequence = 1",
            "DELETE FROM django_migrations",
            "CREATE TABLE mine (id int)",
            "CREATE ROLE another",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                service.execute(refused)
        for refused in (
            "ALTER TABLE orgs_team DISABLE ROW LEVEL SECURITY",
            "DROP POLICY organization_wall ON orgs_team",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="owner"):
                service.execute(refused)
        assert service.execute("SHOW statement_timeout").fetchone() == ("10s",)
        assert service.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("15s",)


def test_the_command_may_be_repeated_with_another_password(role: str, password: Any) -> None:
    password("a-first-password")
    assert f"Created the role {role}." in command(role)
    password("another-password")
    assert "Set the password" in command(role)
    with connect(role, "another-password") as service:
        assert service.execute(READS).fetchone() == (0,)


def test_the_command_leaves_a_password_that_it_is_not_told(role: str) -> None:
    command(role)
    again = command(role)
    assert "Created" not in again
    assert "password of" not in again
    assert f"{role}:PASSWORD@" in again


def test_a_role_that_grew_is_cut_back(role: str) -> None:
    command(role)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE {role} BYPASSRLS CREATEDB")
    assert "Took from" in command(role)
    with connect(role) as service:
        row = service.execute(
            "SELECT rolbypassrls, rolcreatedb, rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == (False, False, False)


def test_tables_of_the_future_are_granted_too(role: str) -> None:
    command(role)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE later (id int)")
        try:
            with connect(role) as service:
                service.execute("INSERT INTO later VALUES (1)")
        finally:
            cursor.execute("DROP TABLE later")


def test_an_owner_is_refused(role: str) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT session_user")
        owner = cursor.fetchone()[0]
    with pytest.raises(CommandError, match="of its own"):
        command(owner)


def test_runs_at_once_do_not_disturb_each_other(role: str, password: Any) -> None:
    password("the-same-password")
    failures: list[BaseException] = []

    def run() -> None:
        try:
            command(role)
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    with connect(role) as service:
        assert service.execute(READS).fetchone() == (0,)


# --- readiness ------------------------------------------------------------------------------


def test_a_superuser_is_not_ready(settings: Any) -> None:
    """The run's own session is a superuser's that took the service's role: told as well."""
    settings.STEWARD_REQUIRES_WALLS = True
    with as_owner():
        found = check_walls()
    assert found.status == "failed"
    assert "is a superuser" in found.detail
    settings.STEWARD_REQUIRES_WALLS = False
    assert check_walls().status == "ok"


def test_the_made_role_is_ready_and_faults_are_told(
    role: str, password: Any, settings: Any
) -> None:
    settings.STEWARD_REQUIRES_WALLS = True
    password("a-first-password")
    command(role)
    service: Any = connection.copy()
    service.settings_dict["USER"] = role
    service.settings_dict["PASSWORD"] = "a-first-password"
    options = service.settings_dict["OPTIONS"]
    options["options"] = options["options"].split(" -c role=")[0]

    def owner_does(*statements: str) -> None:
        with as_owner(), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    try:
        assert faults_of(service) == []
        owner_does(f"ALTER ROLE {role} BYPASSRLS")
        assert "BYPASSRLS" in " ".join(faults_of(service))
        owner_does(f"ALTER ROLE {role} NOBYPASSRLS", f"GRANT UPDATE ON kernel_event TO {role}")
        assert "audit trail" in " ".join(faults_of(service))
        owner_does(
            f"REVOKE UPDATE ON kernel_event FROM {role}",
            "ALTER TABLE orgs_team NO FORCE ROW LEVEL SECURITY",
        )
        assert faults_of(service) == ["No row-level security is forced on: orgs_team."]
        owner_does("ALTER TABLE orgs_team FORCE ROW LEVEL SECURITY")
        assert faults_of(service) == []
    finally:
        service.close()
        owner_does("ALTER TABLE orgs_team FORCE ROW LEVEL SECURITY")


def test_the_system_check_warns_of_the_same(settings: Any) -> None:
    settings.STEWARD_REQUIRES_WALLS = True
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    assert "kernel.W020" in {message.id for message in found}
    settings.STEWARD_REQUIRES_WALLS = False
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    assert "kernel.W020" not in {message.id for message in found}
