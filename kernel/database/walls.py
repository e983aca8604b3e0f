"""Row policies as migration operations: how a table joins the second wall.

A new table with an organization's id gets, in a migration after the one that creates it:

    from kernel.database.walls import Wall

    class Migration(migrations.Migration):
        operations = [Wall("orgs_thing")]              # its column is organization_id
        # Wall("kernel_odd", column="tenant_id"), Wall("orgs_choice", also="<SQL>")

`tests/walls/test_rls_catalogue.py` fails for a table that has the column and no wall, so it
cannot be forgotten. A table that is append-only is also named in `kernel.database.roles`.
On other databases than PostgreSQL the operation does nothing.
"""

from typing import Any

from django.db import transaction
from django.db.migrations.operations.base import Operation

SETTING = "steward.organization"
"""The transaction-local setting that the policies read and `kernel.database.postgresql` writes."""

POLICY = "organization_wall"

# In scalar subselects, so that a query reads the setting once and not for every row. It is
# '' where our backend has connected and nothing was told.
_WANTED = f"(SELECT NULLIF(NULLIF(current_setting('{SETTING}', true), ''), '*')::uuid)"
# Where it does not exist at all, somebody else than our backend has connected. To the tables'
# owner that shows everything: code of a release before the walls, which connects as the owner
# and serves on while its successor's migrations put them up. Any other role sees nothing.
# The question of the owner is a subselect of its own, so that it is asked then alone.
_ALL = (
    f"(SELECT coalesce(current_setting('{SETTING}', true) = '*', "  # noqa: S608 - our names # nosec B608
    "(SELECT pg_get_userbyid(relowner) = current_user "
    "FROM pg_class WHERE oid = '\"{table}\"'::regclass)))"
)


class Wall(Operation):
    """Enable and force row-level security on a table, with the one policy on it.

    A row is seen, and may be written, within its organization and across all. `column` holds
    the organization's id. `also` is a further SQL condition that admits a row: for rows that
    hang on an organization without its id. A row whose id is NULL is otherwise seen across
    organizations only.
    """

    reversible = True
    reduces_to_sql = True
    # Each table is locked for a moment of its own where the migration is not atomic.
    atomic = False

    def __init__(self, table: str, column: str = "organization_id", also: str = "") -> None:
        self.table, self.column, self.also = table, column, also

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return how to write the operation down."""
        return (type(self).__name__, [self.table], {"column": self.column, "also": self.also})

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change no model: policies are the database's own."""

    def database_forwards(
        self, _app_label: str, schema_editor: Any, _from_state: Any, _to_state: Any
    ) -> None:
        """Put the wall up. The policy comes first: a table under RLS without one shows nothing."""
        condition = f'"{self.column}" = {_WANTED} OR {_ALL.format(table=self.table)}'
        if self.also:
            condition += f" OR ({self.also})"
        self._execute(
            schema_editor,
            f'DROP POLICY IF EXISTS {POLICY} ON "{self.table}"',
            f'CREATE POLICY {POLICY} ON "{self.table}" USING ({condition})',
            f'ALTER TABLE "{self.table}" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
        )

    def database_backwards(
        self, _app_label: str, schema_editor: Any, _from_state: Any, _to_state: Any
    ) -> None:
        """Take the wall down."""
        self._execute(
            schema_editor,
            f'ALTER TABLE "{self.table}" NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY',
            f'DROP POLICY IF EXISTS {POLICY} ON "{self.table}"',
        )

    def describe(self) -> str:
        """Return what the operation does, for `migrate --plan`."""
        return f"Wall the rows of {self.table} into their organizations"

    def _execute(self, schema_editor: Any, *statements: str) -> None:
        if schema_editor.connection.vendor != "postgresql":
            return
        with transaction.atomic(using=schema_editor.connection.alias):
            for statement in statements:
                schema_editor.execute(statement, params=None)
