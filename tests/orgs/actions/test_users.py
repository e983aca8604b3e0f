"""orgs/actions/users.py and names.py."""

import datetime as dt

import pytest
import time_machine

from kernel.clock import now
from kernel.errors import Denied, Invalid, Missing, Stale
from orgs.actions import members, names, organizations, users
from orgs.errors import ConfirmationMismatch, LastOwner, NameTaken
from orgs.models import Entity, Membership, Organization, TeamMembership, User
from tests.factories import (
    OPERATOR,
    MembershipFactory,
    OrganizationFactory,
    TeamFactory,
    UserFactory,
    as_user,
)


@pytest.fixture
def user(db):
    return UserFactory(username="Ada", email=" Ada@Example.COM ")


def delete(user, **fields):
    fields = {"actor": as_user(user), "confirmation": user.username, **fields}
    users.delete(user=user, **fields)


def test_a_new_account_has_a_name_and_no_password(user, trail):
    assert (user.username, user.email, user.name, str(user)) == (
        "Ada",
        "ada@example.com",
        "Ada",
        "Ada",
    )
    assert not user.has_usable_password()
    assert User.objects.get_by_natural_key("aDA") == user
    event = trail(None, "orgs.user.created")[-1]
    assert event.target_id == user.wire_id


@pytest.mark.parametrize("name", ["ada", "ADA", "Ada"])
def test_usernames_differ_by_more_than_letter_case(user, name):
    with pytest.raises(NameTaken):
        UserFactory(username=name, email="other@example.com")


def test_a_username_is_not_a_teams_name(db):
    TeamFactory(name="vision")
    with pytest.raises(NameTaken):
        UserFactory(username="Vision")


def test_free_names_are_known(user):
    assert not names.is_free("ADA")
    assert names.is_free("grace")


def test_renamed_user_keeps_the_old_name_for_ninety_days(user, trail):
    users.rename(actor=as_user(user), user=user, username="Ada")
    assert trail(None, "orgs.user.renamed") == []
    user = users.rename(actor=as_user(user), user=user, username="lovelace")
    assert user.username == "lovelace"
    with pytest.raises(NameTaken):
        UserFactory(username="ada", email="x@example.com")
    with time_machine.travel(now() + dt.timedelta(days=91), tick=False):
        assert names.is_free("ada")
        UserFactory(username="ada", email="x@example.com")
    assert Entity.objects.named("ada").get().user.email == "x@example.com"
    assert str(Entity.objects.named("ada").get()) == "ada"


def test_letter_case_of_a_username_can_be_changed(user):
    user = users.rename(actor=as_user(user), user=user, username="ADA")
    assert user.username == "ADA"
    assert Entity.objects.get(user=user).name == "ADA"


def test_profile_is_changed_with_one_event(user, trail):
    users.update_profile(actor=as_user(user), user=user, display_name="", theme="system")
    assert trail(None, "orgs.user.updated") == []
    changed = users.update_profile(
        actor=as_user(user), user=user, display_name="Ada\nLovelace", theme="dark"
    )
    assert (changed.name, changed.theme) == ("Ada Lovelace", "dark")
    [event] = trail(None, "orgs.user.updated")
    assert event.changes == {"display_name": ["", "Ada Lovelace"], "theme": ["system", "dark"]}


def test_the_theme_alone_is_changed(user):
    assert users.update_profile(actor=as_user(user), user=user, theme="light").theme == "light"


def test_malformed_or_lost_profile_changes_are_refused(user):
    for fields, error in (
        ({"theme": "pink"}, Invalid),
        ({"display_name": "x" * 121}, Invalid),
        ({"theme": "dark", "expected_version": 9}, Stale),
    ):
        with pytest.raises(error):
            users.update_profile(actor=as_user(user), user=user, **fields)


def test_primary_address_is_kept_in_lower_case(user, trail):
    changed = users.set_primary_email(actor=OPERATOR, user=user, email="New@Example.com")
    assert changed.email == "new@example.com"
    users.set_primary_email(actor=OPERATOR, user=user, email="new@example.com")
    assert len(trail(None, "orgs.user.updated")) == 1


def test_only_the_person_with_a_full_key_changes_the_account(user):
    organization = OrganizationFactory(owner=user)
    for actor in (
        as_user(UserFactory()),
        as_user(user, scopes=["*"]),
        as_user(user, organization=organization),
    ):
        for act in (
            lambda actor=actor: users.rename(actor=actor, user=user, username="x1"),
            lambda actor=actor: users.update_profile(actor=actor, user=user, theme="dark"),
            lambda actor=actor: delete(user, actor=actor),
        ):
            with pytest.raises(Denied):
                act()


def test_deleted_account_is_gone_with_its_memberships(world, trail):
    user = world.team_member.user
    with pytest.raises(ConfirmationMismatch):
        delete(user, confirmation="acme")
    delete(user)
    assert not User.objects.filter(pk=user.pk).exists()
    assert not Membership.objects.system_of_user(user.pk).exists()
    world.team.refresh_from_db()
    assert world.team.member_count == 2
    assert TeamMembership.objects.of(world.organization).count() == 2
    assert trail(world.organization)[-1].type == "orgs.member.left"
    [event] = trail(None, "orgs.user.deleted")
    assert event.changes == {"username": ["acme-team-member", None]}


def test_address_and_name_of_a_deleted_account_can_be_used_again(user):
    delete(user)
    assert UserFactory(username="ada", email="ada@example.com").pk != user.pk
    with pytest.raises(Missing):
        users.rename(actor=OPERATOR, user=user, username="ghost")


def test_a_last_owner_is_told_the_way_out(world):
    with pytest.raises(LastOwner, match="Make somebody else an owner") as refused:
        delete(world.owner.user)
    assert refused.value.extra == {"organizations": ["Acme"]}
    members.change_role(
        actor=world.owner.principal,
        organization=world.organization,
        member=world.admin.member,
        role="owner",
    )
    delete(world.owner.user)
    world.organization.refresh_from_db()
    assert world.organization.owner_count == 1


def test_a_deactivated_owner_is_not_the_last_one(world):
    second = MembershipFactory(organization=world.organization, role="owner")
    members.deactivate(actor=OPERATOR, organization=world.organization, member=second)
    delete(second.user)
    with pytest.raises(LastOwner):
        delete(world.owner.user)


def test_an_organization_in_deletion_goes_with_its_last_owner(world, trail):
    organizations.request_deletion(
        actor=world.owner.principal, organization=world.organization, confirmation="acme"
    )
    other = MembershipFactory(
        organization=world.strange_organization, user=world.owner.user
    )
    delete(world.owner.user)
    assert not Organization.objects.filter(slug="acme").exists()
    assert not Membership.objects.of(world.strange_organization).filter(pk=other.pk).exists()
    assert trail(world.organization)[-1].type == "orgs.organization.purged"


def test_suggested_usernames_are_valid_and_free(user):
    assert users.suggest_username("grace.hopper@navy.mil") == "grace-hopper"
    assert users.suggest_username("ada@x.org").startswith("ada-")
    assert users.suggest_username("日本@x.org") == "person"
    for reserved in ("admin", "support", "o"):
        suggested = users.suggest_username(f"{reserved}@x.org")
        assert names.validate(suggested) == suggested
    long = users.suggest_username(f"{'a' * 39}.b@x.org")
    assert names.validate(long) == long
