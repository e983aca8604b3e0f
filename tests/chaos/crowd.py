"""Give an organization many members without seats: `python -m tests.chaos.crowd SLUG COUNT`.

Prints their wire ids as JSON.
"""

import json
import sys

import django


def main(slug: str, count: str) -> None:
    """Add active members through the actions."""
    django.setup()
    from orgs.models import Organization
    from tests.factories import MembershipFactory, UserFactory

    organization = Organization.objects.get(slug=slug)
    start = organization.member_count
    made = []
    for number in range(start, start + int(count)):
        name = f"crowd{number}"
        user = UserFactory(username=name, email=f"{name}@example.com")
        made.append(MembershipFactory(organization=organization, user=user, seat="none"))
    print(json.dumps([member.wire_id for member in made]))


if __name__ == "__main__":
    main(*sys.argv[1:])
