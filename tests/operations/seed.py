"""Fill an installation from outside: `python -m tests.operations.seed MEMBERS EVENTS PASSWORD`.

Prints how to come in as JSON. Members and most of the trail are inserted in bulk, with the
counters and the audit chain as the actions would have left them.
"""

import json
import sys

import django


def main() -> None:
    django.setup()
    from django.db import transaction

    from bench import seed
    from identity.actions import api_keys
    from kernel.events.models import ChainHead, Event
    from kernel.mail.send import write
    from orgs.models import Membership, Organization, User

    members, events, password = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    world = seed.fill({"drill": members}, invitees=3)
    organization = Organization.objects.get(slug="drill")
    owner = User.objects.get(username="drill-owner-0")
    owner.set_password(password)
    owner.save()
    rows = list(Membership.objects.of(organization).select_related("user")[: seed.BATCH])
    with transaction.atomic():
        head = ChainHead.objects.select_for_update().get(pk=organization.pk)
        while head.sequence < events:
            some = rows[: events - head.sequence]
            Event.objects.bulk_create(seed._events(head, owner, some))
        head.save()
    # Something sealed, so that the encryption keys matter.
    write(template="orgs/invitation", recipient=owner.email, context={}, organization_id=None)
    key = api_keys.create(
        actor=seed._as(owner), organization=organization, owner=owner, name="drill"
    )
    print(
        json.dumps(
            {"organization": "drill", "email": owner.email, "password": password,
             "api_key": key.secret, "member_key": world.keys["drill"][0]}
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
