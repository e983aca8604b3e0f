"""Removal is total: every way in against every way out, asked at once and uncached.

For each cell the way in works before and the way out goes through its real door. Then the
way in works if, and only if, `STAYS` says that this access is another matter; so a table
of what remains is all that is written by hand. What comes back (`BACK`) brings nothing of
what had ended with it, but for what `RETURNS` names.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.db import transaction

from orgs.actions import members, teams
from tests.walls import ways_in as come
from tests.walls import ways_out as go
from tests.walls.town import with_session
from tests.walls.ways_in import WAYS_IN, House
from tests.walls.ways_out import BACK, WayOut
from tests.wire.stage import build, person

pytestmark = pytest.mark.django_db

MACHINES = {
    come.key_of_the_team_s_machine_made_by_nora,
    come.key_of_the_organization_s_machine_made_by_nora,
}
"""They outlive whoever made them (docs: a machine is its team's or the organization's)."""

OF_OTHERS = {*MACHINES, come.invitation_of_the_owner_whose_link_nora_copied}
"""What is not Nora's: her leaving changes nothing about it."""

IN_A_SESSION = {come.organization_role_in_a_session, come.act_on_a_page_that_is_open}

BY_ADMIN_ROLE = {
    come.organization_role_in_a_session,
    come.organization_role_by_a_personal_key,
    come.act_on_a_page_that_is_open,
    come.invitation_sent_by_nora_as_an_admin,
}

OF_THE_TEAM = {
    come.team_role,
    come.grant_on_the_team,
    come.named_on_a_restricted_project,
    come.invitation_sent_by_nora_into_her_team,
}
"""What rests on Nora's place in the team; the project is the team's."""

BY_GRANT = {come.grant_on_the_team, come.grant_on_the_organization}
BOUND_KEYS = {
    come.membership_by_a_key_of_the_organization,
    come.rotated_key_in_its_overlap,
}
READS = {
    come.organization_role_in_a_session,
    come.organization_role_by_a_personal_key,
    come.membership_by_a_personal_key,
    *BOUND_KEYS,
    come.grant_on_the_organization,
    come.custom_role,
    come.named_on_a_restricted_project,
    come.replay_of_an_old_request,  # what it tells reads
    *MACHINES,
    come.invitation_of_another_address_of_nora_s,  # Nora is inside, and reads
}
ALL = set(WAYS_IN)

STAYS: dict[WayOut, set[Callable[[House], come.Probe]]] = {
    go.the_owner_removes_nora: OF_OTHERS,
    go.nora_leaves: OF_OTHERS,
    go.nora_is_deactivated: OF_OTHERS,
    go.nora_deletes_her_account: OF_OTHERS,
    go.nora_becomes_a_viewer: ALL - BY_ADMIN_ROLE - {come.custom_role},
    go.nora_leaves_the_team: ALL - OF_THE_TEAM,
    go.nora_is_removed_from_the_team: ALL - OF_THE_TEAM,
    go.nora_becomes_a_viewer_of_the_team: ALL
    - {come.team_role, come.invitation_sent_by_nora_into_her_team},
    go.the_team_is_deleted: ALL
    - OF_THE_TEAM
    - {come.key_of_the_team_s_machine_made_by_nora, come.open_request_for_access},
    go.another_team_is_deleted: ALL,
    go.grants_are_ended: ALL - BY_GRANT,
    go.the_time_of_grants_passes: ALL - BY_GRANT,
    go.custom_roles_are_taken_and_deleted: ALL - {come.custom_role} - BY_ADMIN_ROLE,
    go.machines_are_deleted: ALL - MACHINES,
    go.machines_are_disabled: ALL - MACHINES,
    go.keys_of_the_organization_are_revoked: ALL - MACHINES - BOUND_KEYS,
    go.the_time_of_keys_passes: ALL - MACHINES - BOUND_KEYS,
    go.invitations_are_revoked: ALL
    - {
        come.invitation_sent_by_nora_as_an_admin,
        come.invitation_sent_by_nora_into_her_team,
        come.invitation_of_the_owner_whose_link_nora_copied,
    },
    go.nora_ends_her_sessions: ALL - IN_A_SESSION,
    go.nora_gets_a_new_password: ALL - IN_A_SESSION,
    go.the_organization_is_suspended: set(),
    go.the_organization_becomes_read_only: READS,
    go.the_organization_is_to_be_deleted: set(),
    go.the_organization_is_purged: set(),
}
"""For each way out, the ways in that are another matter and go on working."""

_MEMBER_AGAIN = {
    come.membership_by_a_personal_key,
    come.invitation_of_another_address_of_nora_s,  # inside again, by the new membership
}
"""Whoever is made a member again is one, with the account's own key."""

_ROLE_WAITED = {
    come.organization_role_by_a_personal_key,
    come.team_role,
    come.custom_role,
    come.named_on_a_restricted_project,
}
"""A deactivated member's role and places wait for the return (docs of `deactivate`)."""

RETURNS: dict[WayOut, set[Callable[[House], come.Probe]]] = {
    go.the_owner_removes_nora: _MEMBER_AGAIN,
    go.nora_leaves: _MEMBER_AGAIN,
    go.nora_is_deactivated: _MEMBER_AGAIN | _ROLE_WAITED,
    go.nora_leaves_the_team: set(),
    go.nora_is_removed_from_the_team: set(),
    go.machines_are_disabled: MACHINES,
    go.the_organization_is_suspended: ALL,
    go.the_organization_becomes_read_only: ALL,
    # Keys died for good; roles, places and links had only waited.
    go.the_organization_is_to_be_deleted: ALL
    - MACHINES
    - BOUND_KEYS
    - {come.replay_of_an_old_request},
}
"""What works again after the way back."""


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    """Build acme with Nora, undone when the file ends."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield _house()
        transaction.set_rollback(True)


@pytest.fixture
def house(built: House, db: None, settings: Any) -> House:
    settings.STEWARD_API_RATE = 1_000_000
    return built


@pytest.mark.parametrize("enter", WAYS_IN, ids=lambda way: way.__name__)
def test_a_way_in_works_until_a_way_out_and_never_after(
    enter: Callable[[House], come.Probe], house: House, count: Callable[[int], None]
) -> None:
    wrong, cases = [], 0
    house.rows.clear()
    probe = enter(house)
    assert probe(), "it does not work to begin with"
    for leave, stays in STAYS.items():
        cache.clear()
        with transaction.atomic():
            leave(house)
            after, cases = probe(), cases + 1
            if after != (enter in stays):
                wrong.append(f"after {leave.__name__} it {'still works' if after else 'ended'}")
            if leave in BACK:
                BACK[leave](house)
                again, cases = probe(), cases + 1
                if again != (enter in stays | RETURNS[leave]):
                    wrong.append(f"back from {leave.__name__} it {'came' if again else 'is not'}")
            transaction.set_rollback(True)
    assert probe(), "it does not work in the end, without any way out"
    count(cases)
    assert not wrong, f"{enter.__name__}:\n" + "\n".join(wrong)


def test_every_way_in_gives_something_that_was_not_there(house: House) -> None:
    """A probe that works for a bare member as well would prove nothing."""
    given = {
        come.team_role,
        come.grant_on_the_team,
        come.grant_on_the_organization,
        come.custom_role,
        come.named_on_a_restricted_project,
        come.organization_role_in_a_session,
        come.organization_role_by_a_personal_key,
        come.act_on_a_page_that_is_open,
    }
    for enter in given:
        with transaction.atomic():
            probe = enter(house)
            transaction.set_rollback(True)
        assert not probe(), enter.__name__


def test_there_are_at_least_twelve_ways_of_each() -> None:
    assert len(WAYS_IN) >= 12
    assert len(STAYS) >= 12
    assert set(RETURNS) == set(BACK)


def _house() -> House:
    stage = build("acme")
    nora, guest = person("nora"), person("guest-else")
    EmailAddress.objects.create(user=guest.user, email="guest@else.test", verified=True)
    here: dict[str, Any] = {"actor": stage.owner.principal, "organization": stage.organization}
    nora.member = members.provision(user=nora.user, **here)
    teams.add_member(team=stage.team, member=nora.member, role="viewer", **here)
    elsewhere = teams.create(name="acme-elsewhere", **here)
    return House(
        stage=stage,
        nora=nora,
        browser=with_session("nora", nora),
        owner=with_session("owner", stage.owner),
        guest=with_session("guest", guest),
        elsewhere=elsewhere,
    )
