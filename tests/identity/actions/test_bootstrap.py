"""identity/actions/bootstrap.py."""

import pytest

from identity.actions import accounts
from identity.actions.bootstrap import bootstrap
from identity.errors import KeyRefused
from identity.queries import recognise
from kernel.principal import Origin, Principal
from tests.identity.conftest import PASSWORD

pytestmark = pytest.mark.django_db

WANTED = {"organization_name": "Acme", "owner_email": "Ops@example.com", "team_name": "core"}


def test_a_second_run_finds_what_the_first_one_made():
    first = bootstrap(**WANTED)
    second = bootstrap(**WANTED)

    assert first.api_key
    assert second.api_key is None
    assert (second.organization, second.owner, second.team) == (
        first.organization,
        first.owner,
        first.team,
    )
    assert accounts.verified_addresses(first.owner) == ["ops@example.com"]


def test_a_provisioning_token_is_made_once_and_works():
    first = bootstrap(**WANTED, provisions=True)
    second = bootstrap(**WANTED, provisions=True)

    assert second.scim_token is None
    principal = recognise(first.scim_token, Origin(), provisions=True).principal
    assert principal.organization_id == first.organization.pk
    with pytest.raises(KeyRefused):
        recognise(first.scim_token, Origin())


def test_whoever_typed_the_address_at_sign_up_does_not_become_the_owner():
    squatter = accounts.sign_up(
        actor=Principal.anonymous(), username="sly", email="ops@example.com", password=PASSWORD
    )

    made = bootstrap(**WANTED)

    assert made.owner != squatter
    assert not made.owner.has_usable_password()
    assert accounts.verified_addresses(squatter) == []
