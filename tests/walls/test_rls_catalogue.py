"""Every table of organizations has the wall: read from the database's own catalogue."""

import pytest
from django.apps import apps
from django.db import connection

from kernel.database.faults import UNWALLED, open_tables
from kernel.database.roles import APPEND_ONLY
from kernel.database.walls import POLICY
from tests.database import as_owner

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

GLOBAL = {
    "orgs_user": "a person is in several organizations",
    "orgs_entity": "the one namespace of the installation",
    "orgs_featureflag": "the installation's features",
    "orgs_platformpermission": "the installation's permissions",
    "kernel_idempotencykey": "named by a digest of the credential, and its answer sealed",
    "account_emailaddress": "a person's",
    "account_emailconfirmation": "a person's",
    "usersessions_usersession": "a person's",
    "django_session": "a browser's",
    "django_content_type": "Django's own",
    "django_migrations": "Django's own",
    "auth_permission": "Django's own, not used",
    "auth_group": "Django's own, not used",
    "auth_group_permissions": "Django's own, not used",
}
"""Tables without an organization's id, and why none belongs there."""


def _column(sql: str, *parameters: object) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [row[0] for row in cursor.fetchall()]


def _walled() -> set[str]:
    return set(
        _column(
            "SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid "
            "WHERE p.polname = %s AND c.relrowsecurity AND c.relforcerowsecurity",
            POLICY,
        )
    )


def test_every_table_of_organizations_is_walled() -> None:
    with connection.cursor() as cursor:
        assert open_tables(cursor) == []
    assert UNWALLED.keys() <= {model._meta.db_table for model in apps.get_models()}


def test_every_table_is_walled_or_known_to_be_everybodys() -> None:
    tables = _column("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    unknown = set(tables) - _walled() - GLOBAL.keys() - UNWALLED.keys()
    assert not unknown, f"{unknown}: add a Wall (kernel.database.walls), or say why none is needed"
    assert GLOBAL.keys() <= set(tables)


def test_a_new_table_without_a_wall_is_noticed() -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE forgotten (id int, organization_id uuid)")
        assert open_tables(cursor) == ["forgotten"]
        cursor.execute("ALTER TABLE forgotten ENABLE ROW LEVEL SECURITY")
        cursor.execute(f"CREATE POLICY {POLICY} ON forgotten USING (true)")
        assert open_tables(cursor) == ["forgotten"], "the owner would pass: FORCE is missing"
        cursor.execute("ALTER TABLE forgotten FORCE ROW LEVEL SECURITY")
        assert open_tables(cursor) == []
        cursor.execute("DROP TABLE forgotten")


def test_no_view_and_no_function_runs_as_the_owner() -> None:
    """Both would read past the policies of whoever asks."""
    assert not _column(
        "SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') "
        "AND relnamespace = current_schema()::regnamespace "
        "AND NOT coalesce(reloptions @> '{security_invoker=on}', false)"
    )
    assert not _column(
        "SELECT proname FROM pg_proc WHERE prosecdef "
        "AND pronamespace = current_schema()::regnamespace"
    )


def test_the_run_is_of_the_service_s_role() -> None:
    passes = _column("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
    assert passes == [False]
    assert not _column("SELECT tablename FROM pg_tables WHERE tableowner = current_user")


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("act", ["UPDATE", "DELETE", "TRUNCATE"])
def test_the_role_cannot_change_the_trail(table: str, act: str) -> None:
    assert _column("SELECT has_table_privilege(current_user, %s, %s)", table, act) == [False]
    assert _column("SELECT has_table_privilege(current_user, %s, 'INSERT')", table) == [True]
