"""Removing somebody or something ends its keys and sessions in the same commit."""

import pytest
from django.test import Client

from identity.actions import accounts, sessions
from identity.errors import KeyRefused
from identity.models import APIKey, UserSession
from identity.queries import recognise
from identity.subscribers import end_access
from kernel.clock import now
from kernel.errors import Denied, Invalid, Missing
from kernel.events.models import Event
from kernel.invariants import broken_rules
from kernel.principal import Origin, Principal
from orgs.actions import members, organizations, restrictions, service_accounts, teams
from orgs.errors import ConfirmationMismatch, LastOwner
from orgs.models import User
from tests.identity.conftest import PASSWORD, as_user, person

HERE = Origin(ip="192.0.2.7")


def is_dead(secret: str) -> bool:
    try:
        recognise(secret, HERE)
    except KeyRefused:
        return True
    return False


def violations():
    return broken_rules()


def sign_in(user: User) -> Client:
    client = Client()
    answer = client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    assert answer.status_code == 302, answer.content
    return client


@pytest.mark.parametrize("act", ["deactivate", "remove", "leave"])
def test_a_member_who_goes_loses_the_keys_made_there_and_no_others(lab, act):
    here, everywhere = lab.key(lab.member), lab.key(lab.member, organization=None)
    other = organizations.create(actor=as_user(lab.member), name="Own", owner=lab.member)
    elsewhere = lab.key(lab.member, organization=other)
    if act == "deactivate":
        members.deactivate(
            actor=as_user(lab.owner), organization=lab.organization, member=lab.membership
        )
    else:
        actor = as_user(lab.member if act == "leave" else lab.owner)
        members.remove(actor=actor, organization=lab.organization, member=lab.membership)
    assert is_dead(here.secret)
    here.key.refresh_from_db()
    assert here.key.revoked_because.startswith("orgs.member.")
    assert not is_dead(everywhere.secret)
    assert not is_dead(elsewhere.secret)
    assert violations() == []


@pytest.mark.spoils("what the invariants report is planted here")
def test_a_key_that_nobody_revoked_is_refused_all_the_same(lab):
    key = lab.key(lab.member)
    lab.membership.status = "deactivated"
    lab.membership.save()
    assert is_dead(key.secret)
    # Nobody has counted the seat and the member down either.
    assert "no_live_key_of_a_removed_principal" in {v.rule for v in violations()}


def test_sessions_end_with_the_last_membership(lab):
    browser = sign_in(lab.member)
    assert sessions.sessions_of(lab.member)
    members.remove(
        actor=as_user(lab.owner), organization=lab.organization, member=lab.membership
    )
    assert not UserSession.objects.filter(user=lab.member).exists()
    assert browser.get("/account/email/").status_code == 302


def test_a_disabled_service_account_is_refused_until_it_is_enabled(lab):
    key = lab.key()
    actor = as_user(lab.owner)
    service_accounts.disable(actor=actor, organization=lab.organization, account=lab.machine)
    assert is_dead(key.secret)
    service_accounts.enable(actor=actor, organization=lab.organization, account=lab.machine)
    assert not is_dead(key.secret)


def test_deleting_a_service_account_or_its_team_ends_its_keys(lab):
    first = lab.key()
    second_machine = service_accounts.create(
        actor=as_user(lab.owner), organization=lab.organization, team=lab.team, name="second"
    )
    second = lab.key(second_machine)
    service_accounts.delete(
        actor=as_user(lab.owner), organization=lab.organization, account=second_machine
    )
    assert is_dead(second.secret)
    assert not is_dead(first.secret)
    teams.delete(
        actor=as_user(lab.owner),
        organization=lab.organization,
        team=lab.team,
        confirmation="vision",
    )
    assert is_dead(first.secret)


def test_keys_of_an_organization_being_deleted_stay_dead_after_its_restoration(lab):
    machine, personal = lab.key(), lab.key(lab.owner)
    actor = as_user(lab.owner)
    organizations.request_deletion(
        actor=actor, organization=lab.organization, confirmation=lab.organization.slug
    )
    assert is_dead(machine.secret)
    assert is_dead(personal.secret)
    assert violations() == []
    organizations.restore(actor=actor, organization=lab.organization)
    assert is_dead(machine.secret)


@pytest.mark.spoils("what the invariants report is planted here")
def test_a_living_key_of_an_organization_being_deleted_is_reported(lab):
    key = lab.key().key
    organizations.request_deletion(
        actor=as_user(lab.owner), organization=lab.organization, confirmation=lab.organization.slug
    )
    APIKey.objects.filter(pk=key.pk).update(revoked_at=None)
    rules = [v.rule for v in violations()]
    assert "no_live_key_of_an_organization_being_deleted" in rules


def test_a_suspended_organization_lets_no_key_work(lab, api):
    from tests.identity.conftest import bearer

    key = lab.key()
    path = f"/api/v1/organizations/{lab.organization.slug}/projects"
    assert api.get(path, **bearer(key.secret)).status_code == 200
    restrictions.impose(
        actor=Principal.system("operator"),
        organization=lab.organization,
        kind="suspended",
        reason="unpaid",
    )
    assert api.get(path, **bearer(key.secret)).status_code == 403


def test_deleting_an_account_ends_everything_and_frees_the_address(lab):
    key = lab.key(lab.member, organization=None)
    sign_in(lab.member)
    email = lab.member.email
    with pytest.raises(ConfirmationMismatch):
        accounts.delete(actor=as_user(lab.member), user=lab.member, confirmation="no")
    accounts.delete(actor=as_user(lab.member), user=lab.member, confirmation="max")
    assert is_dead(key.secret)
    assert not User.objects.filter(username="max").exists()
    again = accounts.sign_up(
        actor=Principal.system("test"), username="max2", email=email, password=PASSWORD
    )
    accounts.vouch_for_address(actor=Principal.system("test"), user=again, email=email)
    assert accounts.owner_of_address(email) == again


def test_the_last_owner_is_told_the_way_out(lab):
    with pytest.raises(LastOwner) as refused:
        accounts.delete(actor=as_user(lab.owner), user=lab.owner, confirmation="olga")
    assert refused.value.extra["organizations"] == ["Lab"]


def test_an_event_that_is_not_known_here_fails_loudly(lab):
    with pytest.raises(LookupError):
        end_access(Event(type="orgs.team.created", organization_id=lab.organization.pk))


@pytest.mark.spoils("what the invariants report is planted here")
def test_a_session_of_an_inactive_person_is_reported(lab):
    sign_in(lab.member)
    User.objects.filter(pk=lab.member.pk).update(is_active=False)
    assert "no_session_of_an_inactive_person" in [v.rule for v in violations()]


def test_one_session_and_all_others_can_be_ended(lab):
    first, second, third = (sign_in(lab.member) for _ in range(3))
    actor = as_user(lab.member)
    rows = sessions.sessions_of(lab.member)
    assert len(rows) == 3
    with pytest.raises(Missing):
        sessions.end(actor=as_user(lab.owner), user=lab.owner, session_id=rows[0].pk)
    with pytest.raises(Denied):
        sessions.end(actor=as_user(lab.owner), user=lab.member, session_id=rows[0].pk)
    keep = third.session.session_key
    victim = UserSession.objects.get(session_key=first.session.session_key)
    sessions.end(actor=actor, user=lab.member, session_id=victim.pk)
    assert first.get("/account/email/").status_code == 302
    assert sessions.end_others(actor=actor, user=lab.member, keep_key=keep) == 1
    assert second.get("/account/email/").status_code == 302
    assert third.get("/account/email/").status_code == 200
    assert sessions.end_others(actor=actor, user=lab.member, keep_key=keep) == 0


def test_a_new_password_ends_the_other_sessions(lab):
    sign_in(lab.member)
    keeper = sign_in(lab.member)
    accounts.set_password(
        actor=as_user(lab.member),
        user=lab.member,
        password="another long phrase 42",
        keep_session=keeper.session.session_key,
    )
    assert UserSession.objects.filter(user=lab.member).count() == 1
    with pytest.raises(Denied):
        accounts.set_password(
            actor=as_user(lab.owner), user=lab.member, password="another long phrase 43"
        )


@pytest.mark.parametrize("password", ["short", "123456789012345", "max@example.com"])
def test_a_weak_password_is_refused_with_its_reason(lab, password):
    with pytest.raises(Invalid) as refused:
        accounts.set_password(actor=as_user(lab.member), user=lab.member, password=password)
    assert refused.value.errors[0]["pointer"] == "/password"


def test_addresses_are_vouched_for_by_the_operator_alone(lab):
    with pytest.raises(Denied):
        accounts.vouch_for_address(
            actor=as_user(lab.member), user=lab.member, email="new@example.com"
        )
    system = Principal.system("test")
    with pytest.raises(Invalid):
        accounts.vouch_for_address(actor=system, user=lab.member, email=lab.owner.email)
    accounts.vouch_for_address(actor=system, user=lab.member, email="Second@Example.com")
    assert accounts.verified_addresses(lab.member) == ["max@example.com", "second@example.com"]
    with pytest.raises(Missing):
        accounts.owner_of_address("nobody@example.com")


def test_people_sign_up_with_an_address_that_is_not_yet_proved(db):
    user = accounts.sign_up(
        actor=Principal.anonymous(), username="nora", email="nora@example.com", password=PASSWORD
    )
    assert user.check_password(PASSWORD)
    assert accounts.verified_addresses(user) == []
    assert person("petra").joined_at <= now()
