"""Give an organization members, for operations that need some: `python -m tests.chaos.people`.

Arguments: the slug, how many, and the start of their usernames. Prints their wire ids as JSON.
"""

import json
import sys

import django


def main(slug: str, count: str, start: str) -> None:
    """Add active members through the actions."""
    django.setup()
    from orgs.models import Organization
    from tests.factories import MembershipFactory, UserFactory

    organization = Organization.objects.get(slug=slug)
    made = [
        MembershipFactory(
            organization=organization,
            user=UserFactory(username=f"{start}{number}", email=f"{start}{number}@example.com"),
        )
        for number in range(int(count))
    ]
    print(json.dumps([member.wire_id for member in made]))


if __name__ == "__main__":
    main(*sys.argv[1:])
