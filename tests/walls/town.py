"""Two organizations side by side, and everybody who may come to a door of theirs.

`acme` is where the callers are from; `rival` is the other: nothing of it may reach them.
What rival's rows hold is marked with its name, or found by its id. `ghost` is an
organization that never was: its slug, and the ids made from rival's, are as long as
rival's own, so that answers about the two can be compared byte by byte.
"""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

from django.test import Client

from identity.actions import api_keys
from identity.models import APIKey, UserSession
from kernel.clock import now
from kernel.events import Target
from kernel.events.models import Event
from kernel.mail.send import write_rendered
from kernel.pagination import Order, paginate
from orgs.actions import invitations, members, projects, roles, service_accounts
from orgs.actions import teams as team_actions
from orgs.models import (
    Membership,
    Organization,
    ProjectCollaborator,
    TeamMembership,
    User,
)
from tests.walls.rows import fingerprint, marks_of
from tests.wire.stage import Person, Stage, build, person

RIVAL, GHOST = "rival", "ghost"
MADE_UP = "0192f3a45b6c7d8e9f0123456789abcd"
OUTSIDE = "203.0.113.9"
"""Where callers come from: not from the machine itself, whose owner may read its outbox."""


@dataclass
class Caller:
    """Somebody at the door: with a key for the API, a session for pages, either or none."""

    name: str
    key: str = ""
    user: User | None = None
    session: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of a request to the API."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


@dataclass
class Town:
    """The two organizations, who comes, and what paths name.

    `marks` are the ids of rival's rows. `stand` is how the rows of both stand before anybody
    comes: each test's transaction takes back what it changed, so all begin with that.
    """

    acme: Stage
    rival: Stage
    callers: dict[str, Caller]
    own: dict[str, str]
    foreign: dict[str, str]
    absent: dict[str, str]
    deleted: dict[str, str]
    foreign_cursor: str
    marks: frozenset[str]
    stand: dict[str, str]

    def stands(self, slug: str) -> bool:
        """Whether an organization's rows are as they were before anybody came."""
        stage = self.rival if slug == RIVAL else self.acme
        return fingerprint(stage.organization) == self.stand[slug]

    def sent_as_absent(self, text: str) -> str:
        """Return a text about rival as it would be about what never was."""
        for part, value in self.foreign.items():
            if not value.isdigit():
                text = text.replace(value, self.absent[part])
        return text


def build_town() -> Town:
    """Build it all; the caller's transaction takes it away again."""
    acme, rival = build("acme"), build(RIVAL)
    for stage in (acme, rival):
        _more(stage)
    callers = _callers(acme)
    absent = {part: _ghost_of(value) for part, value in rival.ids.items()}
    assert not Organization.objects.filter(slug=GHOST).exists()
    cursor = _cursor_of(rival)
    deleted = _deleted(acme)
    sides = {"acme": acme, RIVAL: rival}
    stand = {slug: fingerprint(side.organization) for slug, side in sides.items()}
    return Town(
        acme=acme,
        rival=rival,
        callers=callers,
        own=acme.ids,
        foreign=rival.ids,
        absent=absent,
        deleted=deleted,
        foreign_cursor=cursor,
        marks=marks_of(rival.organization),
        stand=stand,
    )


def _cursor_of(stage: Stage) -> str:
    """Return the cursor of the second page of an organization's members."""
    rows = Membership.objects.of(stage.organization)
    pages = paginate(rows, order=Order("id", descending=True), limit=2)
    assert pages.next
    return pages.next


def _more(stage: Stage) -> None:
    """Add what the stage of the API tests lacks: what pages name, and texts to search for."""
    slug = stage.organization.slug
    here: dict[str, Any] = {"actor": stage.owner.principal, "organization": stage.organization}
    target = stage.people["target"].member
    place = TeamMembership.objects.of(stage.organization).get(team=stage.team, membership=target)
    collaborator = ProjectCollaborator.objects.of(stage.organization).get(
        project=stage.rows["secret"], membership=target
    )
    # Long numbers: all nines, the ghost's, are then nobody's.
    number = 770_001 if slug == RIVAL else 770_002
    ProjectCollaborator.objects.filter(pk=collaborator.pk).update(id=number)
    session = UserSession.objects.create(
        pk=number,
        user=stage.owner.user,
        session_key=f"{slug}-session",
        ip="127.0.0.1",
        user_agent=f"browser of {slug}",
    )
    mail = write_rendered(
        template="orgs/invitation",
        recipient=f"guest@{slug}.test",
        subject=f"Join {slug}",
        text=f"Join {slug}",
        html="",
        organization_id=stage.organization.pk,
        about=Target.of(stage.rows["invitation"]),
    )
    hidden = team_actions.create(name=f"{slug}-attic", **here)
    team_actions.update(team=hidden, changes={"is_hidden": True}, **here)
    machine = service_accounts.create(name=f"{slug}-machine", role="admin", **here)
    stage.rows["machine"] = machine
    personal = APIKey.objects.get(user=stage.owner.user, organization=None)
    token = invitations.link(stage.rows["invitation"]).rsplit("/", 1)[-1]
    newest = Event.objects.of(stage.organization).newest_first().first()
    assert newest is not None
    stage.ids |= {
        "access_request": stage.ids["wish"],
        "place": place.wire_id,
        "secret": stage.rows["secret"].wire_id,
        "collaborator_row": str(number),
        "session": str(session.pk),
        "mail": mail.wire_id,
        "token": token,
        "personal_key": personal.wire_id,
        "event": newest.wire_id,
    }


def _callers(stage: Stage) -> dict[str, Caller]:
    found = {"anonymous": Caller("anonymous")}
    for name, somebody in stage.people.items():
        found[name.replace("idle", "deactivated")] = with_session(name, somebody)
    found["removed"] = with_session("removed", _removed(stage))
    found["custom role"] = with_session("custom role", _of_custom_role(stage))
    owner = stage.owner

    def key(**options: Any) -> str:
        asked = {"actor": owner.principal, "organization": stage.organization, **options}
        return api_keys.create(**{"owner": owner.user, "name": "of a caller", **asked}).secret

    found["bound key"] = Caller("bound key", key())
    found["scoped key"] = Caller("scoped key", key(scopes=["*.read"]))
    found["team machine"] = Caller("team machine", key(owner=stage.rows["account"]))
    found["machine"] = Caller("machine", key(owner=stage.rows["machine"]))
    found["revoked key"] = Caller("revoked key", key())
    found["expired key"] = Caller("expired key", key())
    revoked, expired = (
        APIKey.objects.get(key_id=found[name].key[4:14]) for name in ("revoked key", "expired key")
    )
    api_keys.revoke(actor=owner.principal, organization=stage.organization, key=revoked)
    APIKey.objects.filter(pk=expired.pk).update(expires_at=now() - dt.timedelta(minutes=1))
    return found


def with_session(name: str, somebody: Person) -> Caller:
    browser = Client()
    browser.force_login(somebody.user)
    key = browser.session.session_key or ""
    # Signing in by the form notes the session, which is how it can be ended.
    UserSession.objects.create(user=somebody.user, session_key=key, ip=OUTSIDE, user_agent=name)
    return Caller(name, somebody.key, somebody.user, key)


def _of_custom_role(stage: Stage) -> Person:
    found = person("acme-auditor")
    found.member = members.provision(
        actor=stage.owner.principal,
        organization=stage.organization,
        user=found.user,
        custom_role=stage.rows["role"],
    )
    return found


def _removed(stage: Stage) -> Person:
    found = person("acme-removed")
    member = members.provision(
        actor=stage.owner.principal, organization=stage.organization, user=found.user
    )
    members.remove(actor=stage.owner.principal, organization=stage.organization, member=member)
    return found


def _deleted(stage: Stage) -> dict[str, str]:
    """Return ids of what was in acme and is deleted, for each part whose rows go away."""
    here: dict[str, Any] = {"actor": stage.owner.principal, "organization": stage.organization}
    team = team_actions.create(name="gone-team", **here)
    project = projects.create(team=stage.team, name="gone project", **here)
    account = service_accounts.create(name="gone-bot", **here)
    role = roles.create(name="gone role", scope="team", inherits="viewer", **here)
    found = {
        "team": team.wire_id,
        "project": project.wire_id,
        "account": account.wire_id,
        "role": role.wire_id,
    }
    team_actions.delete(team=team, confirmation=team.name, **here)
    projects.delete(project=project, confirmation=project.name, **here)
    service_accounts.delete(account=account, **here)
    roles.delete(role=role, **here)
    return found


def _ghost_of(value: str) -> str:
    """Return an id of the same form and length that was never given."""
    if value.isdigit():
        return "9" * len(value)
    if RIVAL in value:
        return value.replace(RIVAL, GHOST)
    made_up = re.sub(r"_[0-9a-f]{32}$", f"_{MADE_UP}", value)
    return made_up if made_up != value else value[::-1]
