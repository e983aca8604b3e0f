"""A key is no way around a wall: not into a restricted project, not past its own end."""

import datetime as dt
from typing import Any

import pytest

from identity.actions import api_keys
from identity.models import APIKey
from kernel.clock import now
from kernel.errors import Denied
from kernel.principal import Credential, CredentialKind, Principal, PrincipalKind
from orgs.actions import projects
from tests.wire.stage import SYSTEM, Stage, build

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(db: None) -> Stage:
    return build("acme")


def through(key: APIKey) -> Principal:
    """Return the owner of a key, acting through it."""
    assert key.user is not None
    return Principal(
        kind=PrincipalKind.USER,
        id=key.user.pk,
        label=key.user.username,
        organization_id=key.organization_id,
        credential=Credential(CredentialKind.API_KEY, key.key_id),
    )


def test_nobody_gets_a_key_of_a_machine_that_sees_into_a_project_they_do_not(
    acme: Stage,
) -> None:
    here: dict[str, Any] = {"organization": acme.organization}
    machine, secret = acme.rows["account"], acme.rows["secret"]
    admin = acme.people["team:admin"]
    issued = api_keys.create(actor=admin.principal, owner=machine, name="before", **here)
    projects.add_collaborator(
        actor=acme.owner.principal, project=secret, holder=machine, role="member", **here
    )
    with pytest.raises(Denied, match="Have yourself named"):
        api_keys.create(actor=admin.principal, owner=machine, name="spy", **here)
    with pytest.raises(Denied, match="Have yourself named"):
        api_keys.rotate(actor=admin.principal, key=issued.key, overlap_seconds=0, **here)
    assert admin.member is not None
    named: dict[str, Any] = {"project": secret, "holder": admin.member, **here}
    projects.add_collaborator(actor=acme.owner.principal, role="viewer", **named)
    with pytest.raises(Denied, match="Have yourself named"):
        api_keys.create(actor=admin.principal, owner=machine, name="spy", **here)
    projects.add_collaborator(actor=acme.owner.principal, role="member", **named)
    assert api_keys.create(actor=admin.principal, owner=machine, name="open", **here).secret
    assert api_keys.create(actor=SYSTEM, owner=machine, name="by the system", **here).secret


def test_a_key_that_expires_makes_and_keeps_no_key_that_lives_longer(acme: Stage) -> None:
    owner = acme.owner
    here: dict[str, Any] = {"organization": acme.organization, "owner": owner.user}
    end = now() + dt.timedelta(hours=1)
    short = api_keys.create(actor=owner.principal, name="short", expires_at=end, **here).key
    actor = through(short)
    made = api_keys.create(actor=actor, name="unsaid", **here).key
    assert made.expires_at == end
    sooner = end - dt.timedelta(minutes=5)
    assert (
        api_keys.create(actor=actor, name="sooner", expires_at=sooner, **here).key.expires_at
        == sooner
    )
    with pytest.raises(Denied, match="lives longer"):
        api_keys.create(actor=actor, name="x", expires_at=end + dt.timedelta(seconds=1), **here)
    for later in (None, end + dt.timedelta(days=1)):
        with pytest.raises(Denied, match="lives longer"):
            api_keys.update(
                actor=actor,
                organization=acme.organization,
                key=short,
                changes={"expires_at": later},
            )
    unchanged = api_keys.update(
        actor=actor,
        organization=acme.organization,
        key=short,
        changes={"name": "still short", "expires_at": end},
    )
    assert (unchanged.name, unchanged.expires_at) == ("still short", end)


def test_a_key_that_rotates_itself_does_not_live_on(acme: Stage) -> None:
    here: dict[str, Any] = {"organization": acme.organization}
    owner, life = acme.owner, dt.timedelta(hours=1)
    end = now() + life
    short = api_keys.create(
        actor=owner.principal, owner=owner.user, name="short", expires_at=end, **here
    ).key
    APIKey.objects.filter(pk=short.pk).update(created_at=now() - dt.timedelta(days=30))
    short.refresh_from_db()
    by_itself = api_keys.rotate(actor=through(short), key=short, overlap_seconds=0, **here).key
    assert by_itself.expires_at == end
    with pytest.raises(Denied, match="lives longer"):
        api_keys.rotate(
            actor=through(by_itself),
            key=by_itself,
            overlap_seconds=0,
            expires_at=end + dt.timedelta(days=1),
            **here,
        )
    by_a_person = api_keys.rotate(
        actor=owner.principal, key=by_itself, overlap_seconds=0, **here
    ).key
    assert by_a_person.expires_at is not None
    assert by_a_person.expires_at > now() + dt.timedelta(minutes=50)
