import datetime as dt
from dataclasses import replace

import pytest
import time_machine

from identity.actions import api_keys
from identity.errors import KeyEnded, KeyRefused
from identity.models import APIKey
from identity.queries import keys_of, personal_keys_of, recognise
from kernel.clock import now
from kernel.errors import Denied, Invalid, Missing, Stale
from kernel.events.models import Event
from kernel.jobs.models import Job
from kernel.principal import Origin, Principal
from orgs.actions import grants, members, organizations, roles, service_accounts
from orgs.errors import OrganizationBeingDeleted, PolicyForbids
from tests.identity.conftest import as_user, bearer

HERE = Origin(ip="192.0.2.7")


def events(lab):
    return list(
        Event.objects.of(lab.organization)
        .filter(type__startswith="identity.api_key")
        .order_by("sequence")
        .values_list("type", flat=True)
    )


def test_a_key_proves_its_service_account(lab):
    issued = lab.key()
    recognised = recognise(issued.secret, HERE)
    assert recognised.key == issued.key
    assert recognised.principal.id == lab.machine.pk
    assert recognised.principal.organization_id == lab.organization.pk
    assert recognised.principal.credential.id == issued.key.key_id
    assert events(lab) == ["identity.api_key.created"]


def test_only_a_digest_is_stored(lab):
    issued = lab.key()
    row = APIKey.objects.filter(pk=issued.key.pk).values().get()
    assert issued.secret not in str(row)
    assert issued.secret[15:58] not in str(row)
    assert issued.secret not in repr(issued)


def test_a_legacy_key_works_like_the_others(lab):
    issued = lab.key(legacy=True)
    assert len(issued.secret) == 40
    assert recognise(issued.secret, HERE).principal.id == lab.machine.pk


def test_an_unknown_key_is_refused(lab):
    from identity import key_format

    with pytest.raises(KeyRefused) as refused:
        recognise(key_format.make().text, HERE)
    assert refused.value.reason == "key_unknown"


def test_a_revoked_key_is_refused_at_once(lab):
    issued = lab.key()
    actor = as_user(lab.owner)
    api_keys.revoke(actor=actor, organization=lab.organization, key=issued.key, reason="leak")
    with pytest.raises(KeyRefused) as refused:
        recognise(issued.secret, HERE)
    assert refused.value.reason == "key_revoked"
    again = api_keys.revoke(actor=actor, organization=lab.organization, key=issued.key)
    assert again.revoked_because == "leak"
    assert events(lab) == ["identity.api_key.created", "identity.api_key.revoked"]


def test_an_expired_key_dies_on_the_second(lab):
    issued = lab.key(expires_at=now() + dt.timedelta(hours=1))
    recognise(issued.secret, HERE)
    with time_machine.travel(issued.key.expires_at, tick=False):
        with pytest.raises(KeyRefused) as refused:
            recognise(issued.secret, HERE)
        assert refused.value.reason == "key_expired"
        assert issued.key.state == "expired"


def test_an_expiry_in_the_past_is_refused(lab):
    with pytest.raises(Invalid) as refused:
        lab.key(expires_at=now() - dt.timedelta(seconds=1))
    assert refused.value.errors[0]["pointer"] == "/expires_at"


def test_both_keys_work_during_the_overlap_and_the_old_one_dies_at_its_time(lab):
    old = lab.key()
    new = api_keys.rotate(
        actor=as_user(lab.owner), organization=lab.organization, key=old.key, overlap_seconds=60
    )
    assert recognise(old.secret, HERE).principal.id == recognise(new.secret, HERE).principal.id
    old.key.refresh_from_db()
    assert old.key.state == "rotating"
    assert old.key.replaced_by == new.key
    with time_machine.travel(old.key.ends_at, tick=False):
        with pytest.raises(KeyRefused) as refused:
            recognise(old.secret, HERE)
        assert refused.value.reason == "key_rotated_out"
        assert recognise(new.secret, HERE)
    assert events(lab)[-1] == "identity.api_key.rotated"


def test_an_overlap_of_zero_stops_the_old_key_now(lab):
    old = lab.key()
    api_keys.rotate(
        actor=as_user(lab.owner), organization=lab.organization, key=old.key, overlap_seconds=0
    )
    with pytest.raises(KeyRefused):
        recognise(old.secret, HERE)


def test_a_rotated_key_is_not_rotated_twice(lab):
    old = lab.key()
    actor = as_user(lab.owner)
    api_keys.rotate(actor=actor, organization=lab.organization, key=old.key, overlap_seconds=60)
    with pytest.raises(KeyEnded):
        api_keys.rotate(actor=actor, organization=lab.organization, key=old.key, overlap_seconds=60)


def test_the_successor_has_the_same_rights_and_lives_as_long(lab):
    life = dt.timedelta(days=30)
    old = lab.key(
        scopes=["project.read"], allowed_networks=["10.0.0.0/8"], expires_at=now() + life
    )
    with time_machine.travel(now() + dt.timedelta(days=29), tick=False):
        new = api_keys.rotate(
            actor=as_user(lab.owner),
            organization=lab.organization,
            key=old.key,
            overlap_seconds=7 * 86400,
        )
        assert new.key.scopes == ["project.read"]
        assert new.key.allowed_networks == ["10.0.0.0/8"]
        assert new.key.expires_at - now() == pytest.approx(life, abs=dt.timedelta(seconds=1))
        old.key.refresh_from_db()
        assert old.key.ends_at == old.key.expires_at


def test_the_overlap_can_be_extended_and_stopped(lab):
    old = lab.key()
    actor = as_user(lab.owner)
    with pytest.raises(KeyEnded):
        api_keys.change_overlap(
            actor=actor, organization=lab.organization, key=old.key, overlap_seconds=5
        )
    api_keys.rotate(actor=actor, organization=lab.organization, key=old.key, overlap_seconds=60)
    longer = api_keys.change_overlap(
        actor=actor, organization=lab.organization, key=old.key, overlap_seconds=3600
    )
    assert longer.ends_at > now() + dt.timedelta(seconds=3500)
    api_keys.change_overlap(
        actor=actor, organization=lab.organization, key=old.key, overlap_seconds=0
    )
    with pytest.raises(KeyRefused):
        recognise(old.secret, HERE)


@pytest.mark.parametrize("seconds", [-1, 31 * 86400])
def test_an_overlap_outside_its_bounds_is_refused(lab, seconds):
    old = lab.key()
    with pytest.raises(Invalid):
        api_keys.rotate(
            actor=as_user(lab.owner),
            organization=lab.organization,
            key=old.key,
            overlap_seconds=seconds,
        )


def test_use_of_the_old_key_after_the_rotation_shows(lab):
    old = lab.key()
    api_keys.rotate(
        actor=as_user(lab.owner), organization=lab.organization, key=old.key, overlap_seconds=600
    )
    row = APIKey.objects.select_related("replaced_by").get(pk=old.key.pk)
    assert not row.was_used_after_rotation
    row.last_used_at = now()
    assert row.was_used_after_rotation


def test_a_key_works_only_from_its_networks(lab):
    issued = lab.key(allowed_networks=["192.0.2.0/24", "2001:db8::1"])
    assert issued.key.allowed_networks == ["192.0.2.0/24", "2001:db8::1/128"]
    recognise(issued.secret, Origin(ip="192.0.2.200"))
    with pytest.raises(KeyRefused) as refused:
        recognise(issued.secret, Origin(ip="198.51.100.1"))
    assert refused.value.reason == "address_not_allowed"


def test_a_network_that_is_none_is_refused(lab):
    with pytest.raises(Invalid):
        lab.key(allowed_networks=["example.com"])


@pytest.mark.parametrize("scopes", [["nonsense"], ["member.fly"], ["; drop table"]])
def test_an_unknown_scope_is_refused(lab, scopes):
    with pytest.raises(Invalid) as refused:
        lab.key(scopes=scopes)
    assert refused.value.errors[0]["code"] == "unknown_scope"


def test_names_are_one_line_of_bounded_length(lab):
    assert lab.key(name="  two\n words\x00 ").key.name == "two words"
    with pytest.raises(Invalid):
        lab.key(name=" ")
    with pytest.raises(Invalid):
        lab.key(name="x" * 81)


def test_a_key_with_scopes_makes_no_wider_key(lab):
    narrow = replace(as_user(lab.owner), scopes=frozenset({"service_account.manage"}))
    for scopes in (None, ["*"], ["member.read"]):
        with pytest.raises(Denied):
            api_keys.create(
                actor=narrow,
                organization=lab.organization,
                owner=lab.machine,
                name="wider",
                scopes=scopes,
            )
    made = api_keys.create(
        actor=narrow,
        organization=lab.organization,
        owner=lab.machine,
        name="same",
        scopes=["service_account.manage"],
    )
    assert made.key.scopes == ["service_account.manage"]


def test_nobody_makes_a_key_in_the_name_of_another(lab):
    with pytest.raises(Denied):
        api_keys.create(
            actor=as_user(lab.owner), organization=lab.organization, owner=lab.member, name="mine?"
        )


def test_a_member_without_the_right_makes_no_key_of_a_service_account(lab):
    with pytest.raises(Denied):
        api_keys.create(
            actor=as_user(lab.member),
            organization=lab.organization,
            owner=lab.machine,
            name="sneaky",
        )


def test_a_stranger_is_told_that_nothing_is_there(lab):
    issued = lab.key()
    with pytest.raises(Missing):
        api_keys.revoke(
            actor=as_user(lab.stranger), organization=lab.organization, key=issued.key
        )
    with pytest.raises(Missing):
        api_keys.revoke(actor=as_user(lab.stranger), organization=lab.foreign, key=issued.key)
    with pytest.raises(Missing):
        api_keys.create(
            actor=as_user(lab.stranger),
            organization=lab.foreign,
            owner=lab.machine,
            name="of another",
        )


def test_the_policy_forbids_personal_keys_and_leaves_service_accounts(lab):
    organizations.update(
        actor=as_user(lab.owner),
        organization=lab.organization,
        changes={"allows_api_key_creation": False},
    )
    with pytest.raises(PolicyForbids):
        lab.key(lab.member)
    assert lab.key().key.is_live


def test_a_personal_key_for_all_organizations_is_refused_where_personal_keys_are(lab, api):
    everywhere = lab.key(lab.member, organization=None)
    path = f"/api/v1/organizations/{lab.organization.slug}"
    assert api.get(path, **bearer(everywhere.secret)).status_code == 200
    organizations.update(
        actor=as_user(lab.owner),
        organization=lab.organization,
        changes={"allows_api_key_creation": False},
    )
    assert api.get(path, **bearer(everywhere.secret)).status_code == 403


def test_no_key_for_a_disabled_or_external_account(lab):
    service_accounts.disable(
        actor=as_user(lab.owner), organization=lab.organization, account=lab.machine
    )
    lab.machine.refresh_from_db()
    with pytest.raises(PolicyForbids):
        lab.key()
    lab.machine.disabled_at, lab.machine.kind = None, "external"
    with pytest.raises(PolicyForbids):
        lab.key()


def test_no_key_for_somebody_who_is_not_active(lab):
    key = lab.key(lab.member)
    members.deactivate(
        actor=as_user(lab.owner), organization=lab.organization, member=lab.membership
    )
    with pytest.raises(Missing):
        lab.key(lab.member)
    with pytest.raises(KeyRefused):
        recognise(key.secret, HERE)


def test_the_number_of_living_keys_is_bounded(lab, monkeypatch):
    monkeypatch.setattr(api_keys, "AT_MOST_PER_OWNER", 2)
    first = lab.key()
    lab.key()
    with pytest.raises(Invalid):
        lab.key()
    api_keys.revoke(actor=as_user(lab.owner), organization=lab.organization, key=first.key)
    assert lab.key()


def test_work_is_attributed_to_an_active_member(lab):
    issued = lab.key(on_behalf_of=lab.member)
    assert recognise(issued.secret, HERE).principal.on_behalf_of == "max"
    with pytest.raises(Invalid):
        lab.key(on_behalf_of=lab.stranger)
    with pytest.raises(Invalid):
        lab.key(lab.owner, on_behalf_of=lab.member)


def test_name_expiry_and_networks_can_be_changed_and_nothing_else(lab):
    key = lab.key().key
    actor = as_user(lab.owner)
    until = now() + dt.timedelta(days=3)
    changed = api_keys.update(
        actor=actor,
        organization=lab.organization,
        key=key,
        changes={"name": "renamed", "expires_at": until, "allowed_networks": ["192.0.2.1"]},
        expected_version=key.version,
    )
    assert (changed.name, changed.expires_at) == ("renamed", until)
    assert changed.allowed_networks == ["192.0.2.1/32"]
    same = api_keys.update(
        actor=actor, organization=lab.organization, key=key, changes={"name": "renamed"}
    )
    assert same.version == changed.version
    with pytest.raises(Stale):
        api_keys.update(
            actor=actor,
            organization=lab.organization,
            key=key,
            changes={"name": "lost"},
            expected_version=1,
        )
    with pytest.raises(Invalid):
        api_keys.update(
            actor=actor, organization=lab.organization, key=key, changes={"scopes": ["*"]}
        )


def test_an_ended_key_is_not_changed(lab):
    key = lab.key().key
    actor = as_user(lab.owner)
    api_keys.revoke(actor=actor, organization=lab.organization, key=key)
    with pytest.raises(KeyEnded):
        api_keys.update(actor=actor, organization=lab.organization, key=key, changes={"name": "x"})


def test_the_ends_of_keys_are_told_once(lab):
    expiring = lab.key(expires_at=now() + dt.timedelta(minutes=1))
    rotated = lab.key()
    api_keys.rotate(
        actor=as_user(lab.owner), organization=lab.organization, key=rotated.key, overlap_seconds=60
    )
    with time_machine.travel(now() + dt.timedelta(minutes=2), tick=False):
        api_keys.note_ended(Job())
        api_keys.note_ended(Job())
    told = events(lab)
    assert told.count("identity.api_key.expired") == 1
    assert told.count("identity.api_key.rotated_out") == 1
    expiring.key.refresh_from_db()
    assert expiring.key.end_noted


def test_a_system_principal_may_revoke(lab):
    issued = lab.key()
    api_keys.revoke(
        actor=Principal.system("leak report"), organization=lab.organization, key=issued.key
    )
    with pytest.raises(KeyRefused):
        recognise(issued.secret, HERE)


def test_a_key_of_one_organization_manages_no_personal_key_beyond_it(lab):
    bound = replace(as_user(lab.member), organization_id=lab.organization.pk)
    with pytest.raises(Denied):
        api_keys.create(actor=bound, organization=None, owner=lab.member, name="everywhere")


def test_keys_are_listed_by_state_owner_team_and_text(lab):
    machine, personal = lab.key(name="deploy"), lab.key(lab.member, name="laptop")
    api_keys.revoke(actor=as_user(lab.owner), organization=lab.organization, key=personal.key)
    rows = keys_of(lab.organization)
    assert set(rows) == {machine.key, personal.key}
    assert list(keys_of(lab.organization, state="live")) == [machine.key]
    assert list(keys_of(lab.organization, state="ended")) == [personal.key]
    assert list(keys_of(lab.organization, owner_id=lab.member.pk)) == [personal.key]
    assert list(keys_of(lab.organization, team=lab.team)) == [machine.key]
    assert list(keys_of(lab.organization, q="depl")) == [machine.key]
    assert list(keys_of(lab.organization, q=personal.key.prefix)) == [personal.key]
    assert not keys_of(lab.foreign).exists()
    assert list(personal_keys_of(lab.member)) == [personal.key]


def test_what_a_key_shows_of_itself(lab):
    key = lab.key(expires_at=now() + dt.timedelta(days=1)).key
    assert str(key) == f"test key (stw_{key.key_id})"
    assert key.hint.endswith(key.last_four)
    assert key.expires_soon
    assert lab.key(legacy=True).key.prefix == "legacy"


def test_nobody_rotates_the_key_of_another_person(lab):
    key = lab.key(lab.member).key

    with pytest.raises(Denied, match="Only the person themselves"):
        api_keys.rotate(
            actor=as_user(lab.owner), organization=lab.organization, key=key, overlap_seconds=0
        )

    key.refresh_from_db()
    assert key.state == "active"


def keeper_of_accounts(lab):
    """Give the plain member a custom role that manages service accounts, and no more."""
    role = roles.create(
        actor=as_user(lab.owner),
        organization=lab.organization,
        name="Bot keeper",
        scope="organization",
        inherits="member",
        added=["service_account.manage"],
    )
    members.change_role(
        actor=as_user(lab.owner),
        organization=lab.organization,
        member=lab.membership,
        role="member",
        custom_role=role,
    )
    return as_user(lab.member)


def test_nobody_is_handed_a_key_of_an_account_that_may_more_than_they(lab):
    keeper = keeper_of_accounts(lab)
    strong = service_accounts.create(
        actor=as_user(lab.owner), organization=lab.organization, name="strong", role="admin"
    )
    key = lab.key(strong).key
    for act in (
        lambda: api_keys.create(
            actor=keeper, organization=lab.organization, owner=strong, name="mine now"
        ),
        lambda: api_keys.rotate(
            actor=keeper, organization=lab.organization, key=key, overlap_seconds=0
        ),
    ):
        with pytest.raises(Denied, match="more than you have"):
            act()
    plain = service_accounts.create(
        actor=keeper, organization=lab.organization, name="plain", role="member"
    )
    assert api_keys.create(
        actor=keeper, organization=lab.organization, owner=plain, name="fine"
    ).key.is_live
    grants.give(
        actor=as_user(lab.owner),
        organization=lab.organization,
        holder=plain,
        role="admin",
        until=now() + dt.timedelta(days=1),
        reason="migration",
    )
    with pytest.raises(Denied, match="more than you have"):
        api_keys.create(actor=keeper, organization=lab.organization, owner=plain, name="later")


def test_a_key_whose_scopes_leave_keys_out_changes_none(lab):
    reader = replace(as_user(lab.member), scopes=frozenset({"*.read"}))
    full = lab.key(lab.member).key
    for act in (
        lambda: api_keys.create(
            actor=reader,
            organization=lab.organization,
            owner=lab.member,
            name="again",
            scopes=["*.read"],
        ),
        lambda: api_keys.update(
            actor=reader, organization=lab.organization, key=full, changes={"name": "x"}
        ),
        lambda: api_keys.revoke(actor=reader, organization=lab.organization, key=full),
    ):
        with pytest.raises(Denied) as refused:
            act()
        assert refused.value.permission == "api_key.manage"
    named = replace(as_user(lab.member), scopes=frozenset({"*.read", "api_key.manage"}))
    api_keys.revoke(actor=named, organization=lab.organization, key=full)


def test_a_key_bound_to_networks_loosens_none(lab):
    bound = lab.key(lab.member, allowed_networks=["192.0.2.0/24", "2001:db8::/32"])
    through = recognise(bound.secret, HERE).principal
    here = {"actor": through, "organization": lab.organization}
    for networks in ([], ["0.0.0.0/0"], ["192.0.2.7", "198.51.100.0/24"]):
        with pytest.raises(Denied, match="bound to networks"):
            api_keys.create(**here, owner=lab.member, name="free", allowed_networks=networks)
        with pytest.raises(Denied, match="bound to networks"):
            api_keys.update(**here, key=bound.key, changes={"allowed_networks": networks})
    narrower = api_keys.create(
        **here, owner=lab.member, name="one host", allowed_networks=["192.0.2.9"]
    )
    assert narrower.key.allowed_networks == ["192.0.2.9/32"]


def test_no_key_is_made_in_an_organization_that_is_being_deleted(lab):
    organizations.request_deletion(
        actor=as_user(lab.owner),
        organization=lab.organization,
        confirmation=lab.organization.slug,
    )
    with pytest.raises(OrganizationBeingDeleted):
        lab.key(lab.owner)


def test_no_key_outlives_a_century(lab):
    with pytest.raises(Invalid) as refused:
        lab.key(expires_at=dt.datetime(9999, 12, 31, tzinfo=dt.UTC))
    assert refused.value.errors[0]["pointer"] == "/expires_at"
