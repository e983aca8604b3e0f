"""`manage.py verify_domain`: note a mail domain as an organization's, on the operator's word."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from identity.actions import provisioning
from kernel.errors import DomainError
from kernel.principal import Principal
from orgs.doors.api import find_organization


class Command(BaseCommand):
    """Provisioning then links people with a proved address there without asking them."""

    help = "Note a mail domain as an organization's own, so that provisioning links its people."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take organization and domain."""
        parser.add_argument("--org", required=True, help="slug or id of the organization")
        parser.add_argument("--domain", required=True, help="mail domain, such as example.com")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Note it and say so."""
        try:
            organization = find_organization(options["org"])
            row = provisioning.vouch_for_domain(
                actor=Principal.system("command line"),
                organization=organization,
                domain=options["domain"],
            )
        except DomainError as error:
            raise CommandError(error.detail) from None
        self.stdout.write(f"{row.domain} is {organization.name}'s.")
