"""`manage.py create_db_roles`: make the role as which the service connects to PostgreSQL."""

import os
from argparse import ArgumentParser
from typing import Any
from urllib.parse import quote

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from kernel.database import roles
from kernel.upgrade.owner import as_owner

PASSWORD_VARIABLE = "STEWARD_APP_DATABASE_PASSWORD"  # noqa: S105 - a variable's name


class Command(BaseCommand):
    """Creates or mends the service's database role; may be repeated, and is after an upgrade."""

    help = (
        "Create the database role of the service: it owns nothing, passes no row-level "
        "security, and cannot change the audit trail. Runs as the owner of the tables "
        "(STEWARD_MIGRATION_DATABASE_URL, otherwise DATABASE_URL)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the role's name. A password in an argument would show in the list of processes."""
        parser.add_argument(
            "--role",
            default="steward_app",
            help=f"its name (steward_app). Its password comes from {PASSWORD_VARIABLE}; otherwise "
            "a new one is shown once (a role that exists keeps the one it has).",
        )

    def handle(self, **options: Any) -> None:
        """Make the role and say what to put in DATABASE_URL."""
        if connection.vendor != "postgresql":
            raise CommandError("Only PostgreSQL has roles; this installation uses SQLite.")
        role = options["role"]
        password = os.environ.get(PASSWORD_VARIABLE)
        with as_owner():
            is_new_password = password is None and not roles.exists(connection, role)
            if is_new_password:
                password = roles.new_password()
            try:
                done = roles.create(connection, role, password=password)
            except roles.RoleRefused as refused:
                raise CommandError(str(refused)) from None
            for sentence in done:
                self.stdout.write(sentence)
            where = connection.settings_dict
            host = f"{where['HOST'] or 'localhost'}:{where['PORT'] or 5432}"
        shown = quote(password or "") if is_new_password else "PASSWORD"
        self.stdout.write(
            "\nLet the service connect as this role, and the owner migrate:\n"
            f"  DATABASE_URL=postgresql://{quote(role)}:{shown}@{host}/{where['NAME']}\n"
            "  STEWARD_MIGRATION_DATABASE_URL=postgresql://OWNER:PASSWORD"
            f"@{host}/{where['NAME']}"
        )
        if is_new_password:
            self.stdout.write("The password is not shown again.")
