"""`manage.py bootstrap`: the first organization, owner, team and key, without a browser."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from identity.actions.bootstrap import bootstrap
from kernel.errors import DomainError


class Command(BaseCommand):
    """Idempotent: run it at every start of a container."""

    help = "Create or find an organization, its owner, a team and an owner's API key."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the names of what must exist."""
        parser.add_argument("--org", required=True, help="name of the organization")
        parser.add_argument("--owner-email", required=True, help="address of the owner")
        parser.add_argument("--team", help="name of a team")
        parser.add_argument(
            "--scim-token", action="store_true", help="connect provisioning and print its token"
        )
        parser.add_argument("--json", action="store_true", help="print JSON only")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Create what is missing and print what there is."""
        try:
            done = bootstrap(
                organization_name=options["org"],
                owner_email=options["owner_email"],
                team_name=options["team"],
                provisions=options["scim_token"],
            )
        except DomainError as error:
            raise CommandError(error.detail) from None
        base = settings.STEWARD_BASE_URL
        facts = {
            "organization": {
                "id": done.organization.wire_id,
                "slug": done.organization.slug,
                "name": done.organization.name,
            },
            "owner": {
                "id": done.owner.wire_id,
                "username": done.owner.username,
                "email": done.owner.email,
            },
            "team": {"id": done.team.wire_id, "name": done.team.name} if done.team else None,
            "api_key": done.api_key,
            "scim_token": done.scim_token,
            "base_url": base,
            "scim_base_url": f"{base}/scim/v2",
        }
        if options["json"]:
            self.stdout.write(json.dumps(facts))
            return
        page = f"{base}/o/{done.organization.slug}/"
        self.stdout.write(f"Organization  {done.organization.name} ({page})")
        self.stdout.write(f"Owner         {done.owner.username} <{done.owner.email}>")
        if done.team:
            self.stdout.write(f"Team          {done.team.name}")
        if done.api_key:
            self.stdout.write(f"API key       {done.api_key}  (shown once)")
        else:
            self.stdout.write("API key       made at the first run; make another in the console")
        if done.scim_token:
            self.stdout.write(f"SCIM          {base}/scim/v2")
            self.stdout.write(f"SCIM token    {done.scim_token}  (shown once)")
        elif options["scim_token"]:
            self.stdout.write("SCIM token    made at an earlier run; make another in the console")
