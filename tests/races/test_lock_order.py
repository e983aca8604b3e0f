"""Who waits for whom, on PostgreSQL: jobs and requests never wait in a circle.

Each test lets a second connection hold what a job holds, and looks at who has to wait.
"""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from identity import usage
from identity.actions import api_keys
from identity.models import APIKey
from kernel.clock import now
from kernel.events import Target, record
from kernel.principal import Origin, Principal
from orgs import presence
from orgs.actions import entitlements, grants, invitations, members, users
from orgs.models import Entitlement, Grant, Invitation, Membership, Organization, User
from tests.factories import (
    OPERATOR,
    InvitationFactory,
    MembershipFactory,
    OrganizationFactory,
    as_user,
)

_PATIENCE_SECONDS = 30

pytestmark = [pytest.mark.postgresql, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@contextmanager
def held(rows: Any) -> Iterator[None]:
    """Hold rows in a transaction of another connection."""
    there, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                assert list(rows.select_for_update())
                there.set()
                done.wait(_PATIENCE_SECONDS)
        finally:
            there.set()
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        there.wait(_PATIENCE_SECONDS)
        try:
            yield
        finally:
            done.set()
        holding.result()


def never_waiting(act: Callable[[], object]) -> None:
    """Do something that fails where it would have to wait for a lock."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '500ms'")
        act()


def key_of(member: Membership, **options: Any) -> APIKey:
    return api_keys.create(
        actor=as_user(member.user),
        organization=member.organization,
        owner=member.user,
        name="a key",
        **options,
    ).key


def test_uses_are_noted_without_waiting_for_a_key_that_is_being_changed():
    member = MembershipFactory()
    busy, free = key_of(member), key_of(member)
    for key in (busy, free):
        usage.note_use(key, Origin(ip="192.0.2.1"))
    with held(APIKey.objects.filter(pk=busy.pk)):
        never_waiting(usage.keys.flush)
    free.refresh_from_db()
    busy.refresh_from_db()
    assert (free.last_used_ip, busy.last_used_ip) == ("192.0.2.1", "")


def test_presence_is_noted_without_waiting_for_a_person_who_is_being_deleted():
    """The deletion holds the account and needs the membership next."""
    busy, free = MembershipFactory(), MembershipFactory()
    for member in (busy, free):
        presence.note(as_user(member.user), member.organization)
    with held(User.objects.filter(pk=busy.user_id)):
        never_waiting(presence.places.flush)
    free.user.refresh_from_db()
    busy.user.refresh_from_db()
    assert free.user.last_active_at is not None
    assert busy.user.last_active_at is None


def test_a_removal_does_not_wait_for_the_job_that_tells_of_expired_keys():
    """Its events hold the chain by then, which the job needs next."""
    owner = MembershipFactory(role="owner")
    member = MembershipFactory(organization=owner.organization, role="admin")
    living = key_of(member)
    lapsed = key_of(member)
    APIKey.objects.filter(pk=lapsed.pk).update(expires_at=now() - dt.timedelta(seconds=1))
    invitations.create_many(
        actor=as_user(member.user), organization=member.organization, addresses=["x@example.com"]
    )
    with held(APIKey.objects.filter(pk=lapsed.pk)):
        never_waiting(
            lambda: members.remove(
                actor=as_user(owner.user), organization=owner.organization, member=member
            )
        )
    living.refresh_from_db()
    assert living.state == "revoked"


def test_sending_again_waits_for_the_job_before_it_holds_the_chain():
    organization = OrganizationFactory()
    addresses = ["a@example.com", "b@example.com"]

    def invite() -> None:
        invitations.create_many(actor=OPERATOR, organization=organization, addresses=addresses)

    invite()
    second = Invitation.objects.of(organization).order_by("pk").last()
    assert second is not None

    def again() -> None:
        try:
            invite()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Invitation.objects.select_for_update().get(pk=second.pk)
            sending = pool.submit(again)
            assert _waits_for_us(sending)
            never_waiting(
                lambda: record(
                    type="orgs.invitation.expired",
                    actor=Principal.system("expiry"),
                    organization=organization,
                    target=Target.of(second),
                )
            )
        sending.result(_PATIENCE_SECONDS)
    assert set(Invitation.objects.of(organization).values_list("generation", flat=True)) == {2}


def lapsed_key(member: Membership) -> APIKey:
    key = key_of(member)
    APIKey.objects.filter(pk=key.pk).update(expires_at=now() - dt.timedelta(seconds=1))
    return key


def lapsed_grant(member: Membership) -> Grant:
    grant = grants.give(
        actor=OPERATOR,
        organization=member.organization,
        holder=member,
        role="admin",
        until=now() + dt.timedelta(days=1),
        reason="the release",
    )
    Grant.objects.filter(pk=grant.pk).update(until=now() - dt.timedelta(seconds=1))
    return grant


def lapsed_invitation(member: Membership) -> Invitation:
    invitation = InvitationFactory(organization=member.organization)
    rows = Invitation.objects.filter(pk=invitation.pk)
    rows.update(expires_at=now() - dt.timedelta(seconds=1))
    return invitation


def lapsed_entitlement(member: Membership) -> Entitlement:
    return entitlements.apply(
        actor=OPERATOR,
        organization=member.organization,
        source="academic",
        seats={"full": 50},
        until=now() - dt.timedelta(seconds=1),
    )


NOTES = [
    (api_keys.note_ended, lapsed_key),
    (grants.note_lapsed, lapsed_grant),
    (invitations.note_lapsed, lapsed_invitation),
    (entitlements.note_lapsed, lapsed_entitlement),
]


@pytest.mark.parametrize(
    ("note", "lapse"), NOTES, ids=["keys", "grants", "invitations", "entitlements"]
)
def test_a_job_that_notes_what_lapsed_takes_the_organization_before_the_rows(note, lapse):
    """Deleting a team, a machine or an organization deletes such rows, after the chain is held."""
    member = MembershipFactory()
    row = lapse(member)
    with waiting_for(Organization.objects.filter(pk=member.organization_id), lambda: note(None)):
        never_waiting(lambda: _hold(row))


def test_a_job_that_notes_ended_keys_takes_the_account_before_a_personal_key():
    """Deleting the account deletes its keys, after the chain is held."""
    user = MembershipFactory().user
    key = personal_key_of(user)
    APIKey.objects.filter(pk=key.pk).update(expires_at=now() - dt.timedelta(seconds=1))
    with waiting_for(User.objects.filter(pk=user.pk), lambda: api_keys.note_ended(None)):
        never_waiting(lambda: _hold(key))


def test_a_rotation_takes_the_account_before_the_personal_key():
    """Its new row points to the account, which a deletion holds before it comes to the keys."""
    user = MembershipFactory().user
    key = personal_key_of(user)

    def rotate() -> None:
        api_keys.rotate(actor=as_user(user), organization=None, key=key, overlap_seconds=60)

    with waiting_for(User.objects.filter(pk=user.pk), rotate):
        never_waiting(lambda: _hold(key))


def test_a_deletion_of_an_account_takes_also_the_organizations_that_were_left():
    """The membership that ended there goes with the account, and with the organization."""
    member = MembershipFactory()
    user = member.user
    members.remove(actor=as_user(user), organization=member.organization, member=member)

    def delete() -> None:
        users.delete(actor=as_user(user), user=user, confirmation=user.username)

    with waiting_for(Organization.objects.filter(pk=member.organization_id), delete):
        never_waiting(lambda: _hold(user))
    assert not User.objects.filter(pk=user.pk).exists()


def personal_key_of(user: User) -> APIKey:
    return api_keys.create(actor=as_user(user), organization=None, owner=user, name="mine").key


@contextmanager
def waiting_for(rows: Any, act: Callable[[], object]) -> Iterator[None]:
    """Hold rows here, and begin an act elsewhere that has to wait for them; then let it end."""

    def call() -> None:
        try:
            act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert list(rows.select_for_update())
            acting = pool.submit(call)
            assert _waits_for_us(acting), "It did not wait for these rows."
            yield
        acting.result(_PATIENCE_SECONDS)


def _hold(row: Any) -> None:
    rows = type(row)._base_manager.filter(pk=row.pk)
    assert rows.select_for_update().exists()


def _waits_for_us(work: "Future[None]") -> bool:
    with connection.cursor() as cursor:
        while not work.done():
            cursor.execute(
                "SELECT count(*) FROM pg_locks "
                "WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return True
    return False
