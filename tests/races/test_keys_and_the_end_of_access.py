"""Keys are changed while the memberships that they hang on end: nobody locks the other out."""

import threading

import pytest
from django.db import connection

from identity.actions import api_keys
from identity.models import APIKey
from kernel.errors import DomainError
from kernel.events.chain import verify
from orgs.actions import members
from tests.worlds import acme

pytestmark = [pytest.mark.postgresql, pytest.mark.slow]
ROUNDS = 15


@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_changed_while_its_owner_is_deactivated_makes_no_deadlock():
    world = acme()
    person, organization = world.member, world.organization
    refused, failures = [], []

    def call(act):
        try:
            for _ in range(ROUNDS):
                try:
                    act()
                except DomainError as error:
                    refused.append(error.code)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            failures.append(error)
        finally:
            connection.close()

    def come_and_go():
        member = organization.memberships.get(pk=person.member.pk)
        common = {"actor": world.owner.principal, "organization": organization, "member": member}
        members.deactivate(**common)
        members.reactivate(**common)

    def use_a_key():
        common = {"actor": person.principal, "organization": organization}
        key = api_keys.create(**common, owner=person.user, name="key").key
        api_keys.update(**common, key=key, changes={"name": "renamed"}, expected_version=None)
        api_keys.revoke(**common, key=key)

    threads = [threading.Thread(target=call, args=(act,)) for act in (come_and_go, use_a_key) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
        assert not thread.is_alive()
    assert failures == []
    members.deactivate(
        actor=world.owner.principal,
        organization=organization,
        member=organization.memberships.get(pk=person.member.pk),
    )
    left = APIKey.objects.of(organization).filter(user=person.user, revoked_at=None)
    assert not left.exists()
    assert list(verify(organization.pk)) == []
