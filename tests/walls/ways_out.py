"""The ways out: each goes through its real door. Some have a way back (`BACK`)."""

import json
from collections.abc import Callable
from typing import Any

from identity.actions import accounts
from kernel.clock import now
from orgs.actions import organizations, restrictions, teams
from orgs.models import Grant, Organization, User
from tests.walls.answers import send
from tests.walls.town import Caller
from tests.walls.ways_in import ACME, House
from tests.wire.stage import SYSTEM

WayOut = Callable[[House], None]


def _done(answer: Any) -> None:
    assert answer.status_code < 400, (answer.status_code, answer.content)


def _by_owner(house: House, method: str, path: str, data: Any = None) -> None:
    text = "" if data is None else json.dumps(data)
    _done(send(house.owner, method, f"{ACME}{path}", text=text))


def _by_nora(house: House, method: str, path: str) -> None:
    _done(send(Caller("nora", house.nora.key), method, f"{ACME}{path}", text=""))


def the_owner_removes_nora(house: House) -> None:
    _by_owner(house, "DELETE", f"/members/{house.member.wire_id}")


def nora_leaves(house: House) -> None:
    _by_nora(house, "DELETE", f"/members/{house.member.wire_id}")


def nora_is_deactivated(house: House) -> None:
    _by_owner(house, "POST", f"/members/{house.member.wire_id}/deactivate")


def nora_deletes_her_account(house: House) -> None:
    accounts.delete(
        actor=house.nora.principal, user=house.nora.user, confirmation=house.nora.user.username
    )


def nora_becomes_a_viewer(house: House) -> None:
    _by_owner(house, "PATCH", f"/members/{house.member.wire_id}", {"role": "viewer"})


def nora_leaves_the_team(house: House) -> None:
    _by_nora(house, "POST", "/teams/acme-core/leave")


def nora_is_removed_from_the_team(house: House) -> None:
    _by_owner(house, "DELETE", f"/teams/acme-core/members/{house.member.wire_id}")


def nora_becomes_a_viewer_of_the_team(house: House) -> None:
    url = f"/teams/acme-core/members/{house.member.wire_id}"
    _by_owner(house, "PATCH", url, {"role": "viewer"})


def the_team_is_deleted(house: House) -> None:
    _by_owner(house, "DELETE", "/teams/acme-core?confirmation=acme-core")


def another_team_is_deleted(house: House) -> None:
    name = house.elsewhere.name
    _by_owner(house, "DELETE", f"/teams/{name}?confirmation={name}")


def grants_are_ended(house: House) -> None:
    for grant in Grant.objects.of(house.organization).filter(membership=house.member):
        _by_owner(house, "DELETE", f"/grants/{grant.wire_id}")


def the_time_of_grants_passes(house: House) -> None:
    Grant.objects.of(house.organization).filter(membership=house.member).update(until=now())


def custom_roles_are_taken_and_deleted(house: House) -> None:
    _by_owner(house, "PATCH", f"/members/{house.member.wire_id}", {"role": "member"})
    if "role" in house.rows:
        _by_owner(house, "DELETE", f"/roles/{house.rows['role'].wire_id}")


def machines_are_deleted(house: House) -> None:
    if "account" in house.rows:
        _by_owner(house, "DELETE", f"/service-accounts/{house.rows['account'].wire_id}")


def machines_are_disabled(house: House) -> None:
    if "account" in house.rows:
        _by_owner(house, "POST", f"/service-accounts/{house.rows['account'].wire_id}/disable")


def keys_of_the_organization_are_revoked(house: House) -> None:
    if "key" in house.rows:
        _by_owner(house, "DELETE", f"/api-keys/{house.rows['key'].wire_id}")


def the_time_of_keys_passes(house: House) -> None:
    if "key" in house.rows:
        key = house.rows["key"]
        type(key).objects.filter(pk=key.pk).update(expires_at=now())


def invitations_are_revoked(house: House) -> None:
    if "invitation" in house.rows:
        _by_owner(house, "DELETE", f"/invitations/{house.rows['invitation'].wire_id}")


def nora_ends_her_sessions(house: House) -> None:
    from tests.walls.town import with_session

    other = with_session("another device", house.nora)
    answer = send(other, "POST", "/account/sessions/end-others")
    assert answer.headers["Location"] == "/account/sessions/"


def nora_gets_a_new_password(house: House) -> None:
    accounts.set_password(
        actor=house.nora.principal,
        user=User.objects.get(pk=house.nora.user.pk),  # no rollback undoes what is in memory
        password="a long sentence that nobody has leaked",
    )


def the_organization_is_suspended(house: House) -> None:
    restrictions.impose(
        actor=SYSTEM, organization=house.organization, kind="suspended", reason="unpaid"
    )


def the_organization_becomes_read_only(house: House) -> None:
    restrictions.impose(
        actor=SYSTEM, organization=house.organization, kind="read_only", reason="unpaid"
    )


def the_organization_is_to_be_deleted(house: House) -> None:
    _by_owner(house, "DELETE", "?confirmation=acme")


def the_organization_is_purged(house: House) -> None:
    the_organization_is_to_be_deleted(house)
    Organization.objects.filter(pk=house.organization.pk).update(purge_at=now())
    assert organizations.purge(actor=SYSTEM, organization_id=house.organization.pk)


def _reactivated(house: House) -> None:
    _by_owner(house, "POST", f"/members/{house.member.wire_id}/reactivate")


def _added_again(house: House) -> None:
    _by_owner(house, "POST", "/members", {"user": house.nora.user.username})


def _in_the_team_again(house: House) -> None:
    teams.add_member(team=house.team, member=house.member, role="viewer", **house.here)


def _restored(house: House) -> None:
    owner = house.stage.owner
    organizations.restore(actor=owner.principal, organization=house.organization)


def _lifted(house: House) -> None:
    for kind in ("suspended", "read_only"):
        restrictions.lift(actor=SYSTEM, organization=house.organization, kind=kind)


def _enabled(house: House) -> None:
    if "account" in house.rows:
        _by_owner(house, "POST", f"/service-accounts/{house.rows['account'].wire_id}/enable")


BACK: dict[WayOut, WayOut] = {
    the_owner_removes_nora: _added_again,
    nora_leaves: _added_again,
    nora_is_deactivated: _reactivated,
    nora_leaves_the_team: _in_the_team_again,
    nora_is_removed_from_the_team: _in_the_team_again,
    machines_are_disabled: _enabled,
    the_organization_is_suspended: _lifted,
    the_organization_becomes_read_only: _lifted,
    the_organization_is_to_be_deleted: _restored,
}
"""What brings somebody or something back; what had ended must not come back with it."""
