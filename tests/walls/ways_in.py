"""The ways into an organization: each given to Nora (or through her), each with its proof.

A way is a function that gives it in a `House` and returns a probe. A probe asks at the real
door whether the way works now; what it changed is undone, so that it can ask again.
"""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from allauth.account.models import EmailAddress
from django.db import transaction

from identity.actions import api_keys
from identity.models import APIKey
from kernel.clock import now
from orgs.actions import (
    access_requests,
    grants,
    invitations,
    members,
    projects,
    roles,
    service_accounts,
    teams,
)
from orgs.models import Grant, Membership, Organization, Team
from tests.walls.answers import send
from tests.walls.town import Caller
from tests.wire.stage import Person, Stage

Probe = Callable[[], bool]

ACME = "/api/v1/organizations/acme"
TEAM = f"{ACME}/teams/acme-core"


@dataclass
class House:
    """Acme with Nora: a member, a viewer of its team, with a key and a session.

    `elsewhere` is a team that Nora is not in. `rows` holds what a way in made, for the ways
    out that end just that.
    """

    stage: Stage
    nora: Person
    browser: Caller
    owner: Caller
    guest: Caller
    elsewhere: Team
    rows: dict[str, Any] = field(default_factory=dict)

    @property
    def organization(self) -> Organization:
        """Return acme as it is now."""
        return Organization.objects.get(pk=self.stage.organization.pk)

    @property
    def team(self) -> Team:
        """Return the team as it is now."""
        return Team.objects.of(self.stage.organization).get(pk=self.stage.team.pk)

    @property
    def member(self) -> Membership:
        """Return Nora's membership as it is now."""
        return Membership.objects.of(self.stage.organization).with_user().get(user=self.nora.user)

    @property
    def here(self) -> dict[str, Any]:
        """Return what every action of the owner's takes."""
        return {"actor": self.stage.owner.principal, "organization": self.organization}

    def as_nora(self) -> dict[str, Any]:
        """Return what every action of Nora's takes."""
        return {"actor": self.nora.principal, "organization": self.organization}

    def make(self, role: str) -> None:
        """Give Nora an organization role."""
        members.change_role(member=self.member, role=role, **self.here)

    def make_team_admin(self) -> None:
        """Make Nora the team's admin."""
        teams.change_member_role(team=self.team, member=self.member, role="admin", **self.here)


def works(
    caller: Caller, method: str, url: str, data: Any = None, *, wanted: int = 200, **headers: str
) -> Probe:
    """Return a probe of the API: whether the answer has the wanted status."""

    def probe() -> bool:
        text = "" if data is None else json.dumps(data)
        with transaction.atomic():
            answer = send(caller, method, url, text=text, headers=headers)
            transaction.set_rollback(True)
        assert answer.status_code < 500, answer.content
        return bool(answer.status_code == wanted)

    return probe


def page_works(
    caller: Caller, method: str, url: str, form: Any = None, *, wanted: int = 200, **headers: str
) -> Probe:
    """Return a probe of a page, or of an act on it, in a browser."""

    def probe() -> bool:
        with transaction.atomic():
            answer = send(caller, method, url, form=form, headers=headers)
            transaction.set_rollback(True)
        assert answer.status_code < 500
        # Whoever is signed out is led to the sign-in, by htmx with status 200.
        return bool(answer.status_code == wanted and "HX-Redirect" not in answer.headers)

    return probe


def _key(secret: str) -> Caller:
    return Caller("a key", secret)


def organization_role_in_a_session(house: House) -> Probe:
    house.make("admin")
    return page_works(house.browser, "GET", "/o/acme/audit")


def organization_role_by_a_personal_key(house: House) -> Probe:
    house.make("admin")
    return works(_key(house.nora.key), "GET", f"{ACME}/audit-events")


def membership_by_a_personal_key(house: House) -> Probe:
    return works(_key(house.nora.key), "GET", f"{ACME}/members")


def membership_by_a_key_of_the_organization(house: House) -> Probe:
    issued = api_keys.create(owner=house.nora.user, name="bound", **house.as_nora())
    house.rows["key"] = issued.key
    return works(_key(issued.secret), "GET", f"{ACME}/members")


def rotated_key_in_its_overlap(house: House) -> Probe:
    issued = api_keys.create(owner=house.nora.user, name="turning", **house.as_nora())
    api_keys.rotate(key=issued.key, overlap_seconds=86_400, **house.as_nora())
    house.rows["key"] = APIKey.objects.get(pk=issued.key.pk)
    return works(_key(issued.secret), "GET", f"{ACME}/members")


def team_role(house: House) -> Probe:
    house.make_team_admin()
    return works(_key(house.nora.key), "PATCH", TEAM, {"description": "by Nora"})


def grant_on_the_team(house: House) -> Probe:
    _grant(house, role="admin", team=house.team)
    return works(_key(house.nora.key), "PATCH", TEAM, {"description": "by Nora"})


def grant_on_the_organization(house: House) -> Probe:
    _grant(house, role="admin")
    return works(_key(house.nora.key), "GET", f"{ACME}/audit-events")


def custom_role(house: House) -> Probe:
    role = roles.create(
        name="Reader of trails",
        scope="organization",
        inherits="member",
        added=["audit.read"],
        **house.here,
    )
    house.rows["role"] = role
    members.change_role(member=house.member, role="member", custom_role=role, **house.here)
    return works(_key(house.nora.key), "GET", f"{ACME}/audit-events")


def named_on_a_restricted_project(house: House) -> Probe:
    secret = house.stage.rows["secret"]
    projects.add_collaborator(project=secret, holder=house.member, role="member", **house.here)
    return works(_key(house.nora.key), "GET", f"{ACME}/projects/{secret.wire_id}")


def key_of_the_team_s_machine_made_by_nora(house: House) -> Probe:
    house.make_team_admin()
    account = service_accounts.create(name="nora-bot", team=house.team, **house.as_nora())
    issued = api_keys.create(owner=account, name="pipeline", **house.as_nora())
    house.rows |= {"account": account, "key": issued.key}
    return works(_key(issued.secret), "GET", f"{TEAM}/members")


def key_of_the_organization_s_machine_made_by_nora(house: House) -> Probe:
    house.make("admin")
    account = service_accounts.create(name="nora-machine", **house.as_nora())
    issued = api_keys.create(owner=account, name="pipeline", **house.as_nora())
    house.rows |= {"account": account, "key": issued.key}
    return works(_key(issued.secret), "GET", f"{ACME}/members")


def invitation_sent_by_nora_as_an_admin(house: House) -> Probe:
    house.make("admin")
    return _invited(house, house.as_nora())


def invitation_sent_by_nora_into_her_team(house: House) -> Probe:
    teams.update(team=house.team, changes={"lets_members_invite": True}, **house.here)
    teams.change_member_role(team=house.team, member=house.member, role="member", **house.here)
    return _invited(house, house.as_nora(), teams=[(house.team, "viewer")])


def invitation_of_the_owner_whose_link_nora_copied(house: House) -> Probe:
    return _invited(house, house.here)


def invitation_of_another_address_of_nora_s(house: House) -> Probe:
    """Work as long as Nora can accept it, or is inside already."""
    spare = "nora@elsewhere.test"
    EmailAddress.objects.create(user=house.nora.user, email=spare, verified=True)
    made = invitations.create_many(addresses=[spare], **house.here)[0].invitation
    assert made is not None
    token = invitations.link(made).rsplit("/", 1)[-1]
    inside = works(_key(house.nora.key), "GET", f"{ACME}/members")

    def probe() -> bool:
        return inside() or _accepts(Caller("", session=_fresh_session(house.nora)), token)

    return probe


def open_request_for_access(house: House) -> Probe:
    wish = access_requests.ask(
        kind="access",
        team=house.team,
        role="admin",
        reason="I cover for a colleague",
        **house.as_nora(),
    )
    return works(house.owner, "POST", f"{ACME}/access-requests/{wish.wire_id}/approve", {})


def replay_of_an_old_request(house: House) -> Probe:
    """Work as long as the replay tells the secret that the first answer told, and it works."""
    caller, again = _key(house.nora.key), {"Idempotency-Key": "made-before"}
    url, text = f"{ACME}/api-keys", json.dumps({"name": "by Nora"})
    first = send(caller, "POST", url, text=text, headers=again)
    assert first.status_code == 201

    def probe() -> bool:
        with transaction.atomic():
            told = send(caller, "POST", url, text=text, headers=again)
            transaction.set_rollback(True)
        if told.status_code != 201:
            return False
        return works(_key(told.json()["secret"]), "GET", f"{ACME}/members")()

    return probe


def act_on_a_page_that_is_open(house: House) -> Probe:
    house.make("admin")
    url = f"/o/acme/members/{house.stage.ids['outsider']}/role"
    return page_works(house.browser, "POST", url, {"role": "viewer"}, **{"HX-Request": "true"})


WAYS_IN = (
    organization_role_in_a_session,
    organization_role_by_a_personal_key,
    membership_by_a_personal_key,
    membership_by_a_key_of_the_organization,
    rotated_key_in_its_overlap,
    team_role,
    grant_on_the_team,
    grant_on_the_organization,
    custom_role,
    named_on_a_restricted_project,
    key_of_the_team_s_machine_made_by_nora,
    key_of_the_organization_s_machine_made_by_nora,
    invitation_sent_by_nora_as_an_admin,
    invitation_sent_by_nora_into_her_team,
    invitation_of_the_owner_whose_link_nora_copied,
    invitation_of_another_address_of_nora_s,
    open_request_for_access,
    replay_of_an_old_request,
    act_on_a_page_that_is_open,
)


def _grant(house: House, **what: Any) -> Grant:
    made = grants.give(
        holder=house.member,
        until=now() + dt.timedelta(days=2),
        reason="holiday cover",
        **what,
        **house.here,
    )
    house.rows["grant"] = made
    return made


def _invited(house: House, by: dict[str, Any], **what: Any) -> Probe:
    made = invitations.create_many(addresses=["guest@else.test"], **what, **by)[0].invitation
    assert made is not None
    house.rows["invitation"] = made
    token = invitations.link(made).rsplit("/", 1)[-1]
    return lambda: _accepts(house.guest, token)


def _accepts(caller: Caller, token: str) -> bool:
    """Whether somebody in a browser gets in by an invitation's link; undone at once."""
    with transaction.atomic():
        send(caller, "GET", f"/join/{token}")
        answer = send(caller, "POST", "/join")
        # Whoever is a member already, deactivated even, is led there as well.
        inside = send(caller, "GET", "/o/acme/members")
        transaction.set_rollback(True)
    assert answer.status_code < 500
    return bool(inside.status_code == 200)


def _fresh_session(person: Person) -> str:
    """Sign somebody in anew, if the account is still there."""
    from orgs.models import User
    from tests.walls.town import with_session

    if not User.objects.filter(pk=person.user.pk, is_active=True).exists():
        return ""
    return with_session("again", person).session
